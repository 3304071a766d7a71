import { readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { yaml } from '../../apimachinery/yaml.ts'

/** How to reach a cluster, and as whom: what a kubeconfig says. */
export interface ClusterAccess {
  /** Without a closing slash. */
  readonly server: string
  /** PEM; undefined: the machine's own authorities. */
  readonly certificateAuthority?: string | undefined
  readonly skipVerify: boolean
  /** Name to verify the server's certificate with, where it is another than that in the URL. */
  readonly serverName?: string | undefined
  readonly clientCertificate?: string | undefined
  readonly clientKey?: string | undefined
  /** Value of the `Authorization` header, which changes where it comes from a file. */
  readonly authorization?: (() => string) | undefined
  /** Of the context; undefined: it names none. */
  readonly namespace?: string | undefined
}

type Entry = Readonly<Record<string, unknown>>

/** Reads a kubeconfig; `context`: undefined for the current one. Errors: throws where it leads nowhere. */
export async function readKubeconfig(path: string, context?: string): Promise<ClusterAccess> {
  const document = (yaml().parse(await readFile(path, 'utf8')) ?? {}) as Entry
  const name = context ?? textOf(document['current-context']) ?? ''
  const chosen = named(document['contexts'], name, 'context')
  if (!chosen) throw new Error(`context "${name}" does not exist in ${path}`)
  const cluster = named(document['clusters'], textOf(chosen['cluster']) ?? '', 'cluster')
  const server = cluster && textOf(cluster['server'])
  if (!cluster || !server) throw new Error(`cluster "${textOf(chosen['cluster']) ?? ''}" has no server in ${path}`)
  const user = named(document['users'], textOf(chosen['user']) ?? '', 'user') ?? {}
  const file = (entry: Entry, key: string) => dataOrFile(entry, key, dirname(path))
  return {
    server: server.replace(/\/+$/, ''),
    certificateAuthority: await file(cluster, 'certificate-authority'),
    skipVerify: cluster['insecure-skip-tls-verify'] === true,
    serverName: textOf(cluster['tls-server-name']),
    clientCertificate: await file(user, 'client-certificate'),
    clientKey: await file(user, 'client-key'),
    authorization: authorizationOf(user, dirname(path)),
    namespace: textOf(chosen['namespace']),
  }
}

function named(list: unknown, name: string, member: string): Entry | undefined {
  const entries = Array.isArray(list) ? (list as Entry[]) : []
  return entries.find((entry) => entry['name'] === name)?.[member] as Entry | undefined
}

const textOf = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined)

/** A member that is in the file itself in base64, or names a file. */
async function dataOrFile(entry: Entry, key: string, directory: string): Promise<string | undefined> {
  const data = textOf(entry[`${key}-data`])
  if (data !== undefined) return Buffer.from(data, 'base64').toString('utf8')
  const path = textOf(entry[key])
  return path === undefined ? undefined : await readFile(resolve(directory, path), 'utf8')
}

/** How long the token of a file counts until the file is read again, as client-go. */
const TOKEN_FILE_MS = 60_000

function authorizationOf(user: Entry, directory: string): (() => string) | undefined {
  const tokenFile = textOf(user['tokenFile'])
  if (tokenFile !== undefined) return tokenOfFile(resolve(directory, tokenFile))
  const token = textOf(user['token'])
  if (token !== undefined) return () => `Bearer ${token}`
  const name = textOf(user['username'])
  if (name === undefined) return undefined
  const basic = `Basic ${Buffer.from(`${name}:${textOf(user['password']) ?? ''}`).toString('base64')}`
  return () => basic
}

/** Throws where the file cannot be read now; later the token that is known stays. */
function tokenOfFile(path: string): () => string {
  let header = ''
  let readAt = Number.NEGATIVE_INFINITY
  const read = (): void => {
    try {
      header = `Bearer ${readFileSync(path, 'utf8').trim()}`
      readAt = performance.now()
    } catch (error) {
      if (header === '') throw error
    }
  }
  read()
  return () => {
    if (performance.now() - readAt >= TOKEN_FILE_MS) read()
    return header
  }
}
