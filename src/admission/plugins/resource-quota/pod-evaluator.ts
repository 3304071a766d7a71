import type { Clock } from '../../../apimachinery/clock.ts'
import type { KubeObject } from '../../../apimachinery/kube-object.ts'
import type {
  Container,
  Pod,
  PodAffinityTerm,
  ScopedResourceSelectorRequirement,
} from '../../../apimachinery/types/core-v1.ts'
import { getPodQOS } from '../../../registry/core/pod/pod-resources.ts'
import { isNativeResource, isSupportedPodLevelResource } from '../../../registry/core/pod/resource-names.ts'
import type { AdmissionAttributes } from '../../admission.ts'
import { amountsOf } from './amounts.ts'
import { computeUsage, podUsage } from './pod-usage.ts'
import type { QuotaEvaluator } from './quota-evaluator.ts'
import { selectsOneOf } from './scope-selectors.ts'

const POD_RESOURCES: ReadonlySet<string> = new Set([
  'count/pods',
  'cpu',
  'memory',
  'ephemeral-storage',
  'requests.cpu',
  'requests.memory',
  'requests.ephemeral-storage',
  'limits.cpu',
  'limits.memory',
  'limits.ephemeral-storage',
  'pods',
])

/** Where a quota limits one of these, every container must say how much it takes. Upstream regrets it. */
const REQUIRED: ReadonlySet<string> = new Set([
  'cpu',
  'memory',
  'requests.cpu',
  'requests.memory',
  'limits.cpu',
  'limits.memory',
])

/** @see kubernetes pkg/quota/v1/evaluator/core/pods.go */
export function podEvaluator(clock: Clock): QuotaEvaluator {
  return {
    group: '',
    resource: 'pods',
    handles,
    matchingResources: (names) => [...names].filter(isPodResource),
    matchesScope: (selector, object) => matchesScope(selector, object as unknown as Pod),
    unmetConstraints: (required, object) => unmetConstraints(required, object as unknown as Pod),
    usage: (object: KubeObject) => podUsage(object as unknown as Pod, clock.now()),
  }
}

function handles({ operation, subresource, object, oldObject }: AdmissionAttributes): boolean {
  if (subresource === 'resize') return operation === 'UPDATE'
  if (subresource !== '') return false
  if (operation !== 'UPDATE') return operation === 'CREATE'
  if (!object || !oldObject) return false
  return isTerminating(oldObject as unknown as Pod) !== isTerminating(object as unknown as Pod)
}

function isPodResource(name: string): boolean {
  return (
    POD_RESOURCES.has(name) ||
    name.startsWith('hugepages-') ||
    name.startsWith('requests.hugepages-') ||
    isExtendedResourceQuotaName(name)
  )
}

/** `requests.example.com/gpu`: a limit on an extended resource. */
export function isExtendedResourceQuotaName(name: string): boolean {
  if (!name.startsWith('requests.')) return false
  return !isNativeResource(name) || name.startsWith('requests.deviceclass.resource.kubernetes.io/')
}

function isTerminating({ spec }: Pod): boolean {
  return spec?.activeDeadlineSeconds !== undefined && spec.activeDeadlineSeconds >= 0
}

function matchesScope(selector: ScopedResourceSelectorRequirement, pod: Pod): boolean {
  switch (selector.scopeName) {
    case 'Terminating':
      return isTerminating(pod)
    case 'NotTerminating':
      return !isTerminating(pod)
    case 'BestEffort':
      return getPodQOS(pod) === 'BestEffort'
    case 'NotBestEffort':
      return getPodQOS(pod) !== 'BestEffort'
    case 'PriorityClass': {
      const className = pod.spec?.priorityClassName
      return selectsOneOf(selector, className ? [className] : [])
    }
    case 'CrossNamespacePodAffinity':
      return usesOtherNamespaces(pod)
    default:
      return false
  }
}

function usesOtherNamespaces({ spec }: Pod): boolean {
  const reachesOut = (term: PodAffinityTerm): boolean =>
    (term.namespaces?.length ?? 0) > 0 || term.namespaceSelector !== undefined
  const { podAffinity, podAntiAffinity } = spec?.affinity ?? {}
  return [podAffinity, podAntiAffinity].some(
    (affinity) =>
      affinity?.requiredDuringSchedulingIgnoredDuringExecution?.some(reachesOut) ||
      affinity?.preferredDuringSchedulingIgnoredDuringExecution?.some((t) => reachesOut(t.podAffinityTerm)),
  )
}

function unmetConstraints(required: readonly string[], { spec }: Pod): string | undefined {
  // With resources of its own, a pod says what it takes as a whole (KEP-2837).
  const own = { ...spec?.resources?.requests, ...spec?.resources?.limits }
  if (Object.keys(own).some(isSupportedPodLevelResource)) return undefined
  const wanted = required.filter((name) => REQUIRED.has(name)).sort()
  if (wanted.length === 0) return undefined
  const containers = [...(spec?.containers ?? []), ...(spec?.initContainers ?? [])]
  const parts = wanted.flatMap((name) => {
    const lacking = containers.filter((container) => !says(container, name)).map((container) => container.name)
    return lacking.length === 0 ? [] : [`${name} for: ${[...new Set(lacking)].sort().join(',')}`]
  })
  return parts.length === 0 ? undefined : `must specify ${parts.join('; ')}`
}

function says({ resources }: Container, name: string): boolean {
  return computeUsage(amountsOf(resources?.requests), amountsOf(resources?.limits)).has(name)
}
