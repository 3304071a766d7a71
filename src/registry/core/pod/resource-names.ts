import { parseQuantity, type Quantity } from '../../../apimachinery/quantity.ts'
import { isQualifiedName } from '../../../apimachinery/validation/names.ts'

const HUGE_PAGES_PREFIX = 'hugepages-'
const REQUESTS_HUGE_PAGES_PREFIX = 'requests.hugepages-'
const REQUESTS_PREFIX = 'requests.'
const KUBERNETES_DOMAIN = 'kubernetes.io/'

const STANDARD_CONTAINER_RESOURCES = new Set(['cpu', 'memory', 'ephemeral-storage'])

const INTEGER_RESOURCES = new Set([
  'pods',
  'resourcequotas',
  'services',
  'replicationcontrollers',
  'secrets',
  'configmaps',
  'persistentvolumeclaims',
  'services.nodeports',
  'services.loadbalancers',
])

const STANDARD_RESOURCES = new Set([
  ...STANDARD_CONTAINER_RESOURCES,
  ...INTEGER_RESOURCES,
  'requests.cpu',
  'requests.memory',
  'requests.ephemeral-storage',
  'limits.cpu',
  'limits.memory',
  'limits.ephemeral-storage',
  'storage',
  'requests.storage',
])

/**
 * Names of resources and what follows from them.
 *
 * @see kubernetes pkg/apis/core/helper/helpers.go
 */
export function isHugePageResourceName(name: string): boolean {
  return name.startsWith(HUGE_PAGES_PREFIX)
}

/** A whole number of pages of the size that the name gives. */
export function isHugePageResourceValueDivisible(name: string, quantity: Quantity): boolean {
  let pageSize: Quantity
  try {
    pageSize = parseQuantity(name.slice(HUGE_PAGES_PREFIX.length))
  } catch {
    return false
  }
  if (pageSize.sign() <= 0 || pageSize.scaledValue(-3) % 1000n !== 0n) return false
  const size = pageSize.scaledValue(0)
  return size !== 0n && quantity.scaledValue(0) % size === 0n
}

/** cpu, memory, storage and huge pages; `resourcequota` names too. */
export function isStandardResourceName(name: string): boolean {
  return STANDARD_RESOURCES.has(name) || isHugePageResourceName(name) || name.startsWith(REQUESTS_HUGE_PAGES_PREFIX)
}

/** What a container may ask for by a name without a domain. */
export function isStandardContainerResourceName(name: string): boolean {
  return STANDARD_CONTAINER_RESOURCES.has(name) || isHugePageResourceName(name)
}

/** Without a domain, or of the domain kubernetes.io. */
export function isNativeResource(name: string): boolean {
  return !name.includes('/') || name.includes(KUBERNETES_DOMAIN)
}

/** Of a domain of its own: counted in whole units, the same as request and limit. */
export function isExtendedResourceName(name: string): boolean {
  if (isNativeResource(name) || name.startsWith(REQUESTS_PREFIX)) return false
  return isQualifiedName(REQUESTS_PREFIX + name).length === 0
}

/** Whether the limit may be higher than the request. */
export function isOvercommitAllowed(name: string): boolean {
  return isNativeResource(name) && !isHugePageResourceName(name)
}

/** Counted in whole units. */
export function isIntegerResourceName(name: string): boolean {
  return INTEGER_RESOURCES.has(name) || isExtendedResourceName(name)
}

/** What may stand in the pod's own resources (KEP-2837). */
export function isSupportedPodLevelResource(name: string): boolean {
  return name === 'cpu' || name === 'memory' || isHugePageResourceName(name)
}
