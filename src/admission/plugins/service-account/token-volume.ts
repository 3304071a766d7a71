import { randomSuffix } from '../../../apimachinery/generate-name.ts'
import type { Container, Pod, Volume } from '../../../apimachinery/types/core-v1.ts'

const VOLUME_PREFIX = 'kube-api-access-'
const MOUNT_PATH = '/var/run/secrets/kubernetes.io/serviceaccount'
/** An hour and 7 seconds: the odd number tells tokens that were asked for here from those asked for by hand. */
const EXPIRATION_SECONDS = 3607
/** 0644, upstream's default mode of projected files. */
const DEFAULT_MODE = 0o644

/**
 * Mounts the account's token, the cluster's CA and the namespace's name into every container that has nothing of its
 * own at that place.
 */
export function mountToken(pod: Pod): void {
  const spec = pod.spec
  if (!spec) return
  const existing = spec.volumes?.find((v) => v.name.startsWith(VOLUME_PREFIX))
  const name = existing?.name ?? VOLUME_PREFIX + randomSuffix(5)
  const init = mountInto(spec.initContainers, name)
  const main = mountInto(spec.containers, name)
  if (existing || !(init || main)) return
  spec.volumes = [...(spec.volumes ?? []), tokenVolume(name)]
}

function mountInto(containers: readonly Container[] | undefined, name: string): boolean {
  let mounted = false
  for (const container of containers ?? []) {
    const mounts = container.volumeMounts ?? []
    if (mounts.some((m) => m.mountPath === MOUNT_PATH)) continue
    container.volumeMounts = [...mounts, { name, readOnly: true, mountPath: MOUNT_PATH }]
    mounted = true
  }
  return mounted
}

const tokenVolume = (name: string): Volume => ({
  name,
  projected: {
    sources: [
      { serviceAccountToken: { expirationSeconds: EXPIRATION_SECONDS, path: 'token' } },
      { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
      {
        downwardAPI: {
          items: [{ path: 'namespace', fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.namespace' } }],
        },
      },
    ],
    defaultMode: DEFAULT_MODE,
  },
})
