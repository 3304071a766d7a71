import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { isJsonObject, type JsonObject } from '../../apimachinery/kube-object.ts'
import { yaml } from '../../apimachinery/yaml.ts'

/** Where a webhook is and how to show oneself to it. */
export interface WebhookConfig {
  readonly url: string
  /** PEM; undefined: the CAs of the system. */
  readonly ca: string | Buffer | undefined
  readonly certificate: string | Buffer | undefined
  readonly privateKey: string | Buffer | undefined
  /** Value of the Authorization header. */
  readonly authorization: string | undefined
  readonly skipVerification: boolean
  readonly serverName: string | undefined
}

/** Reads the current context of a kubeconfig. Throws where there is none or what it names is missing. */
export function readWebhookConfig(path: string): WebhookConfig {
  const document: unknown = yaml().parse(readFileSync(path, 'utf8'))
  if (!isJsonObject(document)) throw new Error(`${path} is no kubeconfig`)
  const contextName = String(document['current-context'] ?? '')
  const context = named(document['contexts'], contextName, 'context')
  if (!context) throw new Error(`${path}: the current context does not exist`)
  const cluster = named(document['clusters'], String(context['cluster'] ?? ''), 'cluster')
  if (typeof cluster?.['server'] !== 'string')
    throw new Error(`${path}: the cluster of the current context has no server`)
  const user = named(document['users'], String(context['user'] ?? ''), 'user') ?? {}
  const pem = pemReader(dirname(path))
  return {
    url: cluster['server'],
    ca: pem(cluster, 'certificate-authority'),
    certificate: pem(user, 'client-certificate'),
    privateKey: pem(user, 'client-key'),
    authorization: authorizationOf(user, dirname(path)),
    skipVerification: cluster['insecure-skip-tls-verify'] === true,
    serverName: typeof cluster['tls-server-name'] === 'string' ? cluster['tls-server-name'] : undefined,
  }
}

/** What stands under `member` in the item of a list that has this name. */
function named(list: unknown, name: string, member: string): JsonObject | undefined {
  if (!Array.isArray(list)) return undefined
  const item: unknown = list.find((i) => isJsonObject(i) && i['name'] === name)
  const value = isJsonObject(item) ? item[member] : undefined
  return isJsonObject(value) ? value : undefined
}

/** Reads `<field>-data` (base64) or the file that `<field>` names, relative to the kubeconfig. */
function pemReader(directory: string): (source: JsonObject, field: string) => Buffer | undefined {
  return (source, field) => {
    const data = source[`${field}-data`]
    if (typeof data === 'string' && data !== '') return Buffer.from(data, 'base64')
    const file = source[field]
    return typeof file === 'string' && file !== '' ? readFileSync(resolve(directory, file)) : undefined
  }
}

function authorizationOf(user: JsonObject, directory: string): string | undefined {
  const { token, username, password, tokenFile } = user as Readonly<Record<string, unknown>>
  if (typeof token === 'string' && token !== '') return `Bearer ${token}`
  if (typeof tokenFile === 'string' && tokenFile !== '') {
    return `Bearer ${readFileSync(resolve(directory, tokenFile), 'utf8').trim()}`
  }
  if (typeof username !== 'string' || username === '') return undefined
  return `Basic ${Buffer.from(`${username}:${typeof password === 'string' ? password : ''}`).toString('base64')}`
}
