import { mkdir, readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Document, YAMLMap, YAMLSeq } from 'yaml'
import { yaml } from '../../apimachinery/yaml.ts'
import { writePrivateFile } from '../pki/pki-files.ts'

/** One way into a cluster: a cluster, a user and a context of the same name. */
export interface KubeconfigEntry {
  readonly clusterName: string
  readonly userName: string
  readonly contextName: string
  readonly server: string
  /** PEM; undefined for plain HTTP. */
  readonly certificateAuthority: string | undefined
  readonly credentials: KubeconfigCredentials
  readonly namespace?: string
  /** Leave the current context as it is, where there is one. */
  readonly keepsCurrentContext?: boolean
}

type KubeconfigCredentials =
  | { readonly certificate: string; readonly privateKey: string }
  | { readonly token: string }
  | { readonly username: string; readonly password: string }

/** A kubeconfig with nothing but this entry. */
export function kubeconfigText(entry: KubeconfigEntry): string {
  return mergedKubeconfig(undefined, entry)
}

/**
 * Puts an entry into a kubeconfig and makes it the current one, unless told otherwise. What else is there (other entries, comments, fields
 * unknown here) stays. Throws where the text is no kubeconfig.
 */
export function mergedKubeconfig(existing: string | undefined, entry: KubeconfigEntry): string {
  const document = openDocument(existing)
  setNamed(document, 'clusters', entry.clusterName, {
    cluster: {
      server: entry.server,
      ...(entry.certificateAuthority ? { 'certificate-authority-data': base64(entry.certificateAuthority) } : {}),
    },
  })
  setNamed(document, 'users', entry.userName, { user: userOf(entry.credentials) })
  setNamed(document, 'contexts', entry.contextName, {
    context: {
      cluster: entry.clusterName,
      user: entry.userName,
      ...(entry.namespace ? { namespace: entry.namespace } : {}),
    },
  })
  if (!entry.keepsCurrentContext || !document.get('current-context')) {
    document.set('current-context', entry.contextName)
  }
  return document.toString({ lineWidth: 0 })
}

/** Merges an entry into a file, which is made where it is missing, and its folder; only its owner may read it. */
export async function writeKubeconfig(path: string, entry: KubeconfigEntry): Promise<void> {
  const before = await readIfThere(path)
  try {
    const merged = mergedKubeconfig(before, entry)
    await mkdir(dirname(path), { recursive: true })
    await writePrivateFile(path, merged)
  } catch (error) {
    if (error instanceof NotAKubeconfigError) throw new Error(`${path} is not a kubeconfig`, { cause: error })
    throw error
  }
}

class NotAKubeconfigError extends Error {
  override readonly name = 'NotAKubeconfigError'
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') return undefined
    if (code === 'EISDIR') throw new Error(`${path} is a folder, not a kubeconfig`)
    throw error
  }
}

function openDocument(text: string | undefined): Document {
  if (text === undefined || text.trim() === '') {
    return new (yaml().Document)({
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [],
      contexts: [],
      users: [],
      preferences: {},
    })
  }
  const document = yaml().parseDocument(text)
  const [problem] = document.errors
  if (problem) throw new NotAKubeconfigError('not a kubeconfig', { cause: problem })
  if (!yaml().isMap(document.contents)) throw new NotAKubeconfigError('not a kubeconfig: no mapping')
  return document
}

/** Replaces the item of a list with this name, or adds it. */
function setNamed(document: Document, list: string, name: string, value: object): void {
  const items = document.get(list)
  if (!yaml().isSeq(items)) {
    document.set(list, document.createNode([{ name, ...value }]))
    return
  }
  const sequence = items as YAMLSeq
  sequence.flow = false
  const at = sequence.items.findIndex((item) => yaml().isMap(item) && (item as YAMLMap).get('name') === name)
  const node = document.createNode({ name, ...value })
  if (at < 0) sequence.items.push(node)
  else sequence.items[at] = node
}

function userOf(credentials: KubeconfigCredentials): object {
  if ('certificate' in credentials) {
    return {
      'client-certificate-data': base64(credentials.certificate),
      'client-key-data': base64(credentials.privateKey),
    }
  }
  return { ...credentials }
}

const base64 = (text: string): string => Buffer.from(text).toString('base64')
