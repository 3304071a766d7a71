import type { Container, EnvVar, Pod } from '../../apimachinery/types/core-v1.ts'

interface EnvironmentSource {
  readonly pod: Pod
  readonly container: Container
  readonly hostIp: string
  readonly podIp: string
}

/** Data of ConfigMaps and Secrets that a container's environment and files come from, by `configmap/x`, `secret/y`. */
export type ConfigData = ReadonlyMap<string, Readonly<Record<string, string>>>

const NO_CONFIG: ConfigData = new Map()

/** Variables of a simulated process. @see kubernetes pkg/kubelet/kubelet_pods.go makeEnvironmentVariables */
export function environmentOf(source: EnvironmentSource, config: ConfigData = NO_CONFIG): Record<string, string> {
  const { pod, container } = source
  const environment: Record<string, string> = {
    PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    HOSTNAME: pod.spec?.hostname || (pod.metadata.name ?? ''),
    HOME: '/root',
  }
  for (const { prefix = '', configMapRef, secretRef } of container.envFrom ?? []) {
    const data = config.get(configMapRef ? `configmap/${configMapRef.name}` : `secret/${secretRef?.name}`) ?? {}
    for (const key in data) environment[prefix + key] = data[key]!
  }
  for (const variable of container.env ?? []) {
    const value = variableValue(variable, source, config)
    if (value !== undefined) environment[variable.name] = expand(value, environment)
  }
  return environment
}

function variableValue(
  { value, valueFrom }: EnvVar,
  source: EnvironmentSource,
  config: ConfigData,
): string | undefined {
  if (!valueFrom) return value ?? ''
  const { fieldRef, configMapKeyRef, secretKeyRef, resourceFieldRef } = valueFrom
  if (fieldRef) return fieldValue(fieldRef.fieldPath, source)
  if (configMapKeyRef) return config.get(`configmap/${configMapKeyRef.name}`)?.[configMapKeyRef.key]
  if (secretKeyRef) return config.get(`secret/${secretKeyRef.name}`)?.[secretKeyRef.key]
  if (!resourceFieldRef) return undefined
  const [kind, name = ''] = resourceFieldRef.resource.split('.')
  const { requests, limits } = source.container.resources ?? {}
  return (kind === 'limits' ? limits : requests)?.[name] ?? '0'
}

/** A field of the pod as the downward API names it; '' for one that is not there. */
export function fieldValue(path: string, { pod, hostIp, podIp }: Omit<EnvironmentSource, 'container'>): string {
  const { metadata, spec } = pod
  switch (path) {
    case 'metadata.name':
      return metadata.name ?? ''
    case 'metadata.namespace':
      return metadata.namespace ?? ''
    case 'metadata.uid':
      return metadata.uid ?? ''
    case 'metadata.labels':
      return formatMap(metadata.labels)
    case 'metadata.annotations':
      return formatMap(metadata.annotations)
    case 'spec.nodeName':
      return spec?.nodeName ?? ''
    case 'spec.serviceAccountName':
      return spec?.serviceAccountName ?? ''
    case 'status.hostIP':
    case 'status.hostIPs':
      return hostIp
    case 'status.podIP':
    case 'status.podIPs':
      return podIp
  }
  const match = /^metadata\.(labels|annotations)\['(.+)'\]$/.exec(path)
  return match ? (metadata[match[1] as 'labels' | 'annotations']?.[match[2]!] ?? '') : ''
}

function formatMap(map: Readonly<Record<string, string>> | undefined): string {
  return Object.keys(map ?? {})
    .sort()
    .map((key) => `${key}=${JSON.stringify(map![key])}`)
    .join('\n')
}

/** Replaces `$(NAME)` by what is set already; `$$(NAME)` stands for itself. */
function expand(value: string, environment: Readonly<Record<string, string>>): string {
  return value.replace(/\$(\$|\(([^)]*)\))/g, (all, what: string, name: string | undefined) =>
    what === '$' ? '$' : (environment[name ?? ''] ?? all),
  )
}
