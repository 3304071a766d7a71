import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { isJsonObject, type JsonObject } from '../../apimachinery/kube-object.ts'
import { yaml } from '../../apimachinery/yaml.ts'
import type { WebhookCredentials, WebhookEndpoint } from './webhook-client.ts'

/**
 * Reads where a remote service is and how the server introduces itself there out of a kubeconfig file.
 *
 * @throws {Error} for a file that cannot be read or says too little
 * @see apiserver pkg/util/webhook/webhook.go LoadKubeconfig
 */
export function endpointOfKubeconfig(file: string): WebhookEndpoint {
  const config = readKubeconfig(file)
  const context = named(config, 'contexts', 'context', textOf(config['current-context']))
  const cluster = named(config, 'clusters', 'cluster', textOf(context['cluster']))
  const user = context['user'] ? named(config, 'users', 'user', textOf(context['user'])) : {}
  const url = textOf(cluster['server'])
  if (!url || !URL.canParse(url)) throw new Error(`${file}: the cluster has no server`)
  const ca = pemOf(cluster, 'certificate-authority', dirname(file))
  const serverName = textOf(cluster['tls-server-name'])
  return {
    url,
    ...(ca ? { caBundle: Buffer.from(ca).toString('base64') } : {}),
    credentials: {
      ...credentialsOf(user, dirname(file)),
      ...(serverName ? { serverName } : {}),
      ...(cluster['insecure-skip-tls-verify'] === true ? { insecure: true } : {}),
    },
  }
}

/** How the server introduces itself to a webhook at `host:port`; undefined: it does not. */
export type CredentialsByTarget = (target: string) => WebhookCredentials | undefined

/**
 * Reads the configuration of the webhook plugins (`apiserver.config.k8s.io/v1` WebhookAdmissionConfiguration) and the
 * kubeconfig that it names, whose users are named by the hosts that they are for: `host:port`, `host`, `*.domain`, `*`.
 *
 * @throws {Error} for a file that cannot be read
 * @see apiserver pkg/util/webhook/authentication.go
 */
export function parseWebhookAdmissionConfiguration(document: unknown): CredentialsByTarget {
  const file = isJsonObject(document) ? textOf(document['kubeConfigFile']) : ''
  if (file === '') return () => undefined
  const config = readKubeconfig(file)
  const users = new Map<string, WebhookCredentials>()
  for (const item of Array.isArray(config['users']) ? config['users'].filter(isJsonObject) : []) {
    if (isJsonObject(item['user'])) users.set(textOf(item['name']), credentialsOf(item['user'], dirname(file)))
  }
  const fallback = users.get('*') ?? users.get(userOfContext(config))
  return (target) => {
    const host = target.replace(/:443$/, '')
    const names = host === target ? namesFor(target) : [...namesFor(target), ...namesFor(host)]
    const name = names.find((candidate) => users.has(candidate))
    return name === undefined ? fallback : users.get(name)
  }
}

/** `a.b.c`, `*.b.c`, `*.c`. */
function namesFor(target: string): string[] {
  const steps = target.split('.')
  return [target, ...steps.slice(1).map((_, i) => `*.${steps.slice(i + 1).join('.')}`)]
}

function userOfContext(config: JsonObject): string {
  const name = textOf(config['current-context'])
  const contexts = Array.isArray(config['contexts']) ? config['contexts'].filter(isJsonObject) : []
  const context = contexts.find((item) => name !== '' && item['name'] === name)?.['context']
  return isJsonObject(context) ? textOf(context['user']) : ''
}

function readKubeconfig(file: string): JsonObject {
  const config: unknown = yaml().parse(readFileSync(file, 'utf8'))
  if (isJsonObject(config)) return config
  throw new Error(`${file} is no kubeconfig`)
}

function credentialsOf(user: JsonObject, folder: string): WebhookCredentials {
  const certificate = pemOf(user, 'client-certificate', folder)
  const key = pemOf(user, 'client-key', folder)
  const authorization = authorizationOf(user, folder)
  return { ...(certificate && key ? { certificate, key } : {}), ...(authorization ? { authorization } : {}) }
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '')

/** The entry of a named list; without a name, the only one that there is. */
function named(config: JsonObject, list: string, member: string, name: string): JsonObject {
  const items = Array.isArray(config[list]) ? config[list].filter(isJsonObject) : []
  const found = name === '' && items.length === 1 ? items[0] : items.find((item) => item['name'] === name)
  const value = found?.[member]
  if (isJsonObject(value)) return value
  // Files for webhooks often have no context: one cluster and one user are enough.
  if (list === 'contexts' && name === '' && items.length === 0) return onlyNames(config)
  throw new Error(`kubeconfig: no ${member} ${JSON.stringify(name)}`)
}

function onlyNames(config: JsonObject): JsonObject {
  const first = (list: string): unknown =>
    Array.isArray(config[list]) && isJsonObject(config[list][0]) ? config[list][0]['name'] : undefined
  return { cluster: first('clusters'), user: first('users') }
}

/** PEM that stands in the file in base64, or in a file of its own. */
function pemOf(from: JsonObject, name: string, folder: string): string | undefined {
  const data = textOf(from[`${name}-data`])
  if (data) return Buffer.from(data, 'base64').toString('utf8')
  const path = textOf(from[name])
  return path ? readFileSync(resolve(folder, path), 'utf8') : undefined
}

function authorizationOf(user: JsonObject, folder: string): string | undefined {
  const file = textOf(user['tokenFile'])
  const token = textOf(user['token']) || (file && readFileSync(resolve(folder, file), 'utf8').trim())
  if (token) return `Bearer ${token}`
  const name = textOf(user['username'])
  return name ? `Basic ${Buffer.from(`${name}:${textOf(user['password'])}`).toString('base64')}` : undefined
}
