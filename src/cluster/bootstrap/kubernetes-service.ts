import { formatIp, parseCidr } from '../../apimachinery/validation/ip.ts'
import type { Registry } from '../../registry/generic/registry.ts'
import { ensureObject } from './ensure.ts'

/** The ServiceCIDR and the Service through which pods reach the API server, on its secure port. */
export async function ensureKubernetesService(registry: Registry, securePort: number): Promise<void> {
  const cidrs = registry.config.serviceClusterIpRanges
  await ensureObject(registry, 'networking.k8s.io', 'servicecidrs', {
    kind: 'ServiceCIDR',
    apiVersion: 'networking.k8s.io/v1',
    metadata: { name: 'kubernetes' },
    spec: { cidrs },
  })
  await ensureObject(registry, '', 'services', {
    kind: 'Service',
    apiVersion: 'v1',
    metadata: {
      name: 'kubernetes',
      namespace: 'default',
      labels: { component: 'apiserver', provider: 'kubernetes' },
    },
    spec: {
      type: 'ClusterIP',
      clusterIP: firstAddress(cidrs[0]!),
      ports: [{ name: 'https', protocol: 'TCP', port: 443, targetPort: securePort }],
      sessionAffinity: 'None',
    },
  })
}

/** The first address of the services' range is the API server's own. */
function firstAddress(cidr: string): string {
  const network = parseCidr(cidr)
  if (!network) throw new Error(`invalid service address range ${cidr}`)
  return formatIp({ ...network.base, value: network.base.value + 1n })
}
