import type { Clock } from '../../../apimachinery/clock.ts'
import type { KubeObject } from '../../../apimachinery/kube-object.ts'
import { Quantity } from '../../../apimachinery/quantity.ts'
import type { Pod } from '../../../apimachinery/types/core-v1.ts'
import type { DeviceRequest, ResourceClaim } from '../../../apimachinery/types/resource-v1.ts'
import type { ObjectReader } from '../../object-reader.ts'
import { type Amounts, ONE } from './amounts.ts'
import { isExtendedResourceQuotaName } from './pod-evaluator.ts'
import { podUsage } from './pod-usage.ts'
import type { QuotaEvaluator } from './quota-evaluator.ts'

const GROUP = 'resource.k8s.io'
const CLAIM_COUNT = 'count/resourceclaims.resource.k8s.io'
const PER_CLASS = '.deviceclass.resource.k8s.io/devices'
const IMPLICIT_PREFIX = 'requests.deviceclass.resource.kubernetes.io/'
const REQUESTS_PREFIX = 'requests.'
/** Set on claims that stand for the extended resources of a pod (KEP-5004). */
const EXTENDED_RESOURCE_CLAIM = 'resource.kubernetes.io/extended-resource-claim'
/** Most devices that one request can be given. */
const MAX_ALLOCATION_RESULTS = 32

/**
 * Measures claims for devices. Device classes can stand for extended resources; which do is looked up once, so that an
 * evaluator is good for one batch of requests.
 *
 * @see kubernetes pkg/quota/v1/evaluator/core/resource_claims.go
 */
export async function resourceClaimEvaluator(reader: ObjectReader, clock: Clock): Promise<QuotaEvaluator> {
  const extendedResources = new Map<string, string>()
  for (const { metadata, spec } of await reader.list(GROUP, 'deviceclasses')) {
    const name = (spec as { extendedResourceName?: string } | undefined)?.extendedResourceName
    if (name) extendedResources.set(metadata.name!, name)
  }
  const served = new Set(extendedResources.values())
  const isClaimResource = (name: string): boolean => {
    if (name === CLAIM_COUNT || name.endsWith(PER_CLASS)) return true
    if (name.startsWith(IMPLICIT_PREFIX) && extendedResources.has(name.slice(IMPLICIT_PREFIX.length))) return true
    return isExtendedResourceQuotaName(name) && served.has(name.slice(REQUESTS_PREFIX.length))
  }
  return {
    group: GROUP,
    resource: 'resourceclaims',
    handles: ({ subresource, operation }) => subresource === '' && (operation === 'CREATE' || operation === 'UPDATE'),
    matchingResources: (names) => [...names].filter(isClaimResource),
    usage: async (object) => {
      const claim = object as unknown as ResourceClaim
      const usage = deviceUsage(claim)
      const ofPod = await usageOfOwningPod(claim, reader, clock)
      return withExtendedResources(usage, ofPod, extendedResources)
    },
  }
}

function deviceUsage({ spec }: ResourceClaim): Map<string, Quantity> {
  const usage = new Map([[CLAIM_COUNT, ONE]])
  for (const request of spec?.devices?.requests ?? []) {
    for (const [deviceClass, devices] of devicesPerClass(request)) {
      const name = deviceClass + PER_CLASS
      const quantity = Quantity.of(devices)
      usage.set(name, usage.get(name)?.add(quantity) ?? quantity)
    }
  }
  return usage
}

/** Of alternatives the worst case counts, per class. */
function devicesPerClass({ firstAvailable, exactly }: DeviceRequest): Map<string, number> {
  if (!firstAvailable?.length && !exactly) return new Map()
  const most = new Map<string, number>()
  for (const { deviceClassName, allocationMode, count = 0 } of firstAvailable?.length ? firstAvailable : [exactly!]) {
    const devices = allocationMode === 'ExactCount' ? count : allocationMode === 'All' ? MAX_ALLOCATION_RESULTS : 0
    most.set(deviceClassName, Math.max(devices, most.get(deviceClassName) ?? 0))
  }
  return most
}

/** Devices count as the extended resource that their class stands for too, save what the pod is charged for already. */
function withExtendedResources(
  usage: Map<string, Quantity>,
  ofPod: Amounts | undefined,
  extendedResources: ReadonlyMap<string, string>,
): Amounts {
  const extended = new Map<string, Quantity>()
  for (const [name, quantity] of usage) {
    if (!name.endsWith(PER_CLASS) || name === PER_CLASS) continue
    const deviceClass = name.slice(0, -PER_CLASS.length)
    extended.set(IMPLICIT_PREFIX + deviceClass, quantity)
    const resource = extendedResources.get(deviceClass)
    if (resource !== undefined) extended.set(REQUESTS_PREFIX + resource, quantity)
  }
  for (const [name, quantity] of extended) {
    const charged = ofPod?.get(name)
    const rest = charged ? quantity.sub(charged) : quantity
    if (rest.sign() > 0) usage.set(name, rest)
  }
  return usage
}

/** Usage of the pod whose extended resources the claim stands for; undefined where that cannot be made sure. */
async function usageOfOwningPod(
  claim: ResourceClaim,
  reader: ObjectReader,
  clock: Clock,
): Promise<Amounts | undefined> {
  const { annotations, ownerReferences, namespace = '', name } = claim.metadata
  if (annotations?.[EXTENDED_RESOURCE_CLAIM] !== 'true') return undefined
  const owner = ownerReferences?.find((reference) => reference.controller)
  if (owner?.kind !== 'Pod' || owner.apiVersion !== 'v1') return undefined
  const pod = (await reader.get('', 'pods', namespace, owner.name)) as Pod | undefined
  if (!pod || pod.metadata.uid !== owner.uid) return undefined
  const recorded = pod.status?.extendedResourceClaimStatus
  if (recorded && recorded.resourceClaimName !== name) return undefined
  if (!recorded && !(await isFirstClaimOf(claim, owner.uid, reader))) return undefined
  return podUsage(pod, clock.now())
}

/** A pod has one such claim: of several, the oldest counts. */
async function isFirstClaimOf(claim: ResourceClaim, podUid: string, reader: ObjectReader): Promise<boolean> {
  const { namespace = '', name = '' } = claim.metadata
  const created = timeOf(claim.metadata.creationTimestamp)
  const claims: readonly KubeObject[] = await reader.list(GROUP, 'resourceclaims', namespace)
  return !claims.some(({ metadata }) => {
    if (metadata.annotations?.[EXTENDED_RESOURCE_CLAIM] !== 'true') return false
    const owner = metadata.ownerReferences?.find((reference) => reference.controller)
    if (owner?.kind !== 'Pod' || owner.apiVersion !== 'v1' || owner.uid !== podUid) return false
    const other = timeOf(metadata.creationTimestamp)
    return other < created || (other === created && (metadata.name ?? '') < name)
  })
}

const timeOf = (time: string | null | undefined): number => (time ? Date.parse(time) : 0)
