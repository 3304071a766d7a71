import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { parse } from 'yaml'
import { isJsonObject, type JsonObject } from '../../apimachinery/kube-object.ts'
import type { WebhookEndpoint } from './webhook-client.ts'

/**
 * Reads where a remote service is and how the server introduces itself there out of a kubeconfig file.
 *
 * @throws {Error} for a file that cannot be read or says too little
 * @see apiserver pkg/util/webhook/webhook.go LoadKubeconfig
 */
export function endpointOfKubeconfig(file: string): WebhookEndpoint {
  const config: unknown = parse(readFileSync(file, 'utf8'))
  if (!isJsonObject(config)) throw new Error(`${file} is no kubeconfig`)
  const context = named(config, 'contexts', 'context', textOf(config['current-context']))
  const cluster = named(config, 'clusters', 'cluster', textOf(context['cluster']))
  const user = context['user'] ? named(config, 'users', 'user', textOf(context['user'])) : {}
  const url = textOf(cluster['server'])
  if (!url || !URL.canParse(url)) throw new Error(`${file}: the cluster has no server`)
  const pem = (from: JsonObject, name: string): string | undefined => pemOf(from, name, dirname(file))
  const ca = pem(cluster, 'certificate-authority')
  const certificate = pem(user, 'client-certificate')
  const key = pem(user, 'client-key')
  const authorization = authorizationOf(user, dirname(file))
  const serverName = textOf(cluster['tls-server-name'])
  return {
    url,
    ...(ca ? { caBundle: Buffer.from(ca).toString('base64') } : {}),
    credentials: {
      ...(certificate && key ? { certificate, key } : {}),
      ...(authorization ? { authorization } : {}),
      ...(serverName ? { serverName } : {}),
      ...(cluster['insecure-skip-tls-verify'] === true ? { insecure: true } : {}),
    },
  }
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
