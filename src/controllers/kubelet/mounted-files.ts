import { isNotFound } from '../../apimachinery/api-error.ts'
import type { Container, KeyToPath, Pod, Volume } from '../../apimachinery/types/core-v1.ts'
import type { Client } from '../runtime/client.ts'
import { CONFIG_MAPS, SECRETS } from '../runtime/resources.ts'
import { type ConfigData, fieldValue } from './environment.ts'

type Data = Readonly<Record<string, string>>

/** Names of the ConfigMaps and Secrets that a container reads, as `configmap/x` and `secret/y`. */
export function configNamesOf(pod: Pod, container: Container): ReadonlySet<string> {
  const names: Set<string> = new Set()
  const add = (kind: 'configmap' | 'secret', name: string | undefined): void => {
    if (name) names.add(`${kind}/${name}`)
  }
  for (const { configMapRef, secretRef } of container.envFrom ?? []) {
    add('configmap', configMapRef?.name)
    add('secret', secretRef?.name)
  }
  for (const { valueFrom } of container.env ?? []) {
    add('configmap', valueFrom?.configMapKeyRef?.name)
    add('secret', valueFrom?.secretKeyRef?.name)
  }
  const mounted = new Set((container.volumeMounts ?? []).map((m) => m.name))
  for (const volume of pod.spec?.volumes ?? []) {
    if (!mounted.has(volume.name)) continue
    add('configmap', volume.configMap?.name)
    add('secret', volume.secret?.secretName)
    for (const source of volume.projected?.sources ?? []) {
      add('configmap', source.configMap?.name)
      add('secret', source.secret?.name)
    }
  }
  return names
}

/** Reads them; what is not there is left out. */
export async function readConfig(client: Client, namespace: string, names: ReadonlySet<string>): Promise<ConfigData> {
  const config: Map<string, Data> = new Map()
  for (const id of names) {
    const [kind, name = ''] = id.split('/')
    try {
      if (kind === 'configmap') {
        const { data = {} } = await client.get(CONFIG_MAPS, { namespace, name })
        config.set(id, data)
      } else {
        const { data = {} } = await client.get(SECRETS, { namespace, name })
        const decoded = Object.entries(data).map(([key, value]) => [key, Buffer.from(value, 'base64').toString('utf8')])
        config.set(id, Object.fromEntries(decoded))
      }
    } catch (error) {
      if (!isNotFound(error)) throw error
    }
  }
  return config
}

interface MountSource {
  readonly pod: Pod
  readonly container: Container
  readonly hostIp: string
  readonly podIp: string
}

/** Files of a container, by absolute path: what is mounted, and the few of every Linux. */
export function mountedFiles(source: MountSource, config: ConfigData): Map<string, Buffer> {
  const { pod, container, podIp } = source
  const hostname = pod.spec?.hostname || (pod.metadata.name ?? '')
  const files: Map<string, Buffer> = new Map([
    ['/etc/hostname', Buffer.from(`${hostname}\n`)],
    ['/etc/hosts', Buffer.from(`127.0.0.1\tlocalhost\n${podIp}\t${hostname}\n`)],
    ['/etc/os-release', Buffer.from('NAME="kubemu simulated container"\nID=kubemu\n')],
  ])
  for (const { name, mountPath, subPath } of container.volumeMounts ?? []) {
    const volume = pod.spec?.volumes?.find((v) => v.name === name)
    if (!volume) continue
    for (const [path, text] of volumeFiles(volume, source, config)) {
      if (subPath === undefined || subPath === '')
        files.set(`${mountPath.replace(/\/$/, '')}/${path}`, Buffer.from(text))
      else if (subPath === path) files.set(mountPath, Buffer.from(text))
    }
  }
  return files
}

function volumeFiles(volume: Volume, source: MountSource, config: ConfigData): [path: string, text: string][] {
  const { configMap, secret, downwardAPI, projected } = volume
  if (configMap) return chosen(config.get(`configmap/${configMap.name}`), configMap.items)
  if (secret) return chosen(config.get(`secret/${secret.secretName}`), secret.items)
  if (downwardAPI) return downward(downwardAPI.items, source)
  return (projected?.sources ?? []).flatMap((part) => {
    if (part.configMap) return chosen(config.get(`configmap/${part.configMap.name}`), part.configMap.items)
    if (part.secret) return chosen(config.get(`secret/${part.secret.name}`), part.secret.items)
    return part.downwardAPI ? downward(part.downwardAPI.items, source) : []
  })
}

function chosen(data: Data | undefined, items: readonly KeyToPath[] | undefined): [string, string][] {
  if (!data) return []
  if (!items?.length) return Object.entries(data)
  return items.flatMap(({ key, path }) => (data[key] === undefined ? [] : [[path, data[key]]]))
}

function downward(
  items: readonly { readonly path: string; readonly fieldRef?: { readonly fieldPath: string } }[] | undefined,
  source: MountSource,
): [string, string][] {
  return (items ?? []).map(({ path, fieldRef }) => [path, fieldRef ? fieldValue(fieldRef.fieldPath, source) : ''])
}
