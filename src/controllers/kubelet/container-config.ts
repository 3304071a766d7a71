import type { Container, Pod } from '../../apimachinery/types/core-v1.ts'
import type { ConfigData } from './environment.ts'

/** Published into every namespace by a controller that may not run here: nothing waits for it. */
const ROOT_CA = 'configmap/kube-root-ca.crt'

interface Reference {
  readonly name?: string
  readonly secretName?: string
  readonly optional?: boolean
}

/** A volume whose ConfigMap or Secret is not there: the Event of the kubelet that cannot mount it. */
export function missingMount(pod: Pod, container: Container, config: ConfigData): string | undefined {
  const mounted = new Set((container.volumeMounts ?? []).map((m) => m.name))
  for (const volume of pod.spec?.volumes ?? []) {
    if (!mounted.has(volume.name)) continue
    const sources = volume.projected?.sources ?? [volume]
    for (const source of sources) {
      const missing =
        missingObject('configmap', source.configMap, config) ?? missingObject('secret', source.secret, config)
      if (missing) return `MountVolume.SetUp failed for volume "${volume.name}" : ${missing}`
    }
  }
  return undefined
}

function missingObject(
  kind: 'configmap' | 'secret',
  reference: Reference | undefined,
  config: ConfigData,
): string | undefined {
  const name = reference?.name ?? reference?.secretName
  if (!reference || !name || reference.optional || config.has(`${kind}/${name}`) || `${kind}/${name}` === ROOT_CA) {
    return undefined
  }
  return `${kind} "${name}" not found`
}

/** What of a container's environment is not there: the message of its CreateContainerConfigError. */
export function missingEnvironment(pod: Pod, container: Container, config: ConfigData): string | undefined {
  for (const { configMapRef, secretRef } of container.envFrom ?? []) {
    const missing = missingObject('configmap', configMapRef, config) ?? missingObject('secret', secretRef, config)
    if (missing) return missing
  }
  for (const { valueFrom } of container.env ?? []) {
    const { configMapKeyRef, secretKeyRef } = valueFrom ?? {}
    const missing = missingObject('configmap', configMapKeyRef, config) ?? missingObject('secret', secretKeyRef, config)
    if (missing) return missing
    const reference = configMapKeyRef ?? secretKeyRef
    if (!reference || reference.optional) continue
    const data = config.get(`${configMapKeyRef ? 'configmap' : 'secret'}/${reference.name}`)
    if (data?.[reference.key] !== undefined) continue
    const kind = configMapKeyRef ? 'ConfigMap' : 'Secret'
    return `couldn't find key ${reference.key} in ${kind} ${pod.metadata.namespace}/${reference.name}`
  }
  return undefined
}
