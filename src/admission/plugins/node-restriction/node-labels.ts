type Labels = Readonly<Record<string, string>> | undefined

const RESTRICTED = 'node-restriction.kubernetes.io'

/** Labels of Kubernetes' own domains that a kubelet may put on its node (kubelet pkg/apis/well_known_labels.go). */
const KUBELET_LABELS: ReadonlySet<string> = new Set([
  'kubernetes.io/hostname',
  'topology.kubernetes.io/zone',
  'topology.kubernetes.io/region',
  'failure-domain.beta.kubernetes.io/zone',
  'failure-domain.beta.kubernetes.io/region',
  'beta.kubernetes.io/instance-type',
  'node.kubernetes.io/instance-type',
  'kubernetes.io/os',
  'kubernetes.io/arch',
  'beta.kubernetes.io/os',
  'beta.kubernetes.io/arch',
])
const KUBELET_DOMAINS = ['kubelet.kubernetes.io', 'node.kubernetes.io']
const KUBERNETES_DOMAINS = ['kubernetes.io', 'k8s.io']

/** Labels that differ, and that a node may not change itself, sorted. */
export function forbiddenLabelChanges(labels: Labels, before: Labels): string[] {
  const keys = new Set([...Object.keys(labels ?? {}), ...Object.keys(before ?? {})])
  return [...keys].filter((key) => labels?.[key] !== before?.[key] && isForbidden(key)).sort()
}

function isForbidden(key: string): boolean {
  const domain = domainOf(key)
  if (isWithin(domain, [RESTRICTED])) return true
  if (!isWithin(domain, KUBERNETES_DOMAINS)) return false
  return !KUBELET_LABELS.has(key) && !isWithin(domain, KUBELET_DOMAINS)
}

function domainOf(key: string): string {
  const slash = key.indexOf('/')
  return slash < 0 ? '' : key.slice(0, slash)
}

const isWithin = (domain: string, roots: readonly string[]): boolean =>
  roots.some((root) => domain === root || domain.endsWith(`.${root}`))
