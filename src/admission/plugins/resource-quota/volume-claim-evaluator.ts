import { parseQuantity, type Quantity } from '../../../apimachinery/quantity.ts'
import type { PersistentVolumeClaim, ScopedResourceSelectorRequirement } from '../../../apimachinery/types/core-v1.ts'
import { storageClassOf } from '../../../registry/core/storage-class-name.ts'
import type { AdmissionAttributes } from '../../admission.ts'
import { type Amounts, ONE } from './amounts.ts'
import type { QuotaEvaluator } from './quota-evaluator.ts'
import { selectsOneOf } from './scope-selectors.ts'

const CLAIM_RESOURCES = ['persistentvolumeclaims', 'requests.storage'] as const
const STORAGE_CLASS = '.storageclass.storage.k8s.io/'

/** @see kubernetes pkg/quota/v1/evaluator/core/persistent_volume_claims.go */
export const volumeClaimEvaluator: QuotaEvaluator = {
  group: '',
  resource: 'persistentvolumeclaims',
  handles,
  matchingResources: (names) => [...names].filter(isClaimResource),
  matchesScope: (selector, object) => matchesScope(selector, object as unknown as PersistentVolumeClaim),
  usage: (object) => claimUsage(object as unknown as PersistentVolumeClaim),
}

/** Growth in an update, and what the status says of growth under way. */
function handles({ operation, subresource }: AdmissionAttributes): boolean {
  if (subresource === '') return operation === 'CREATE' || operation === 'UPDATE'
  return subresource === 'status'
}

function isClaimResource(name: string): boolean {
  if (name === 'count/persistentvolumeclaims') return true
  return CLAIM_RESOURCES.some((resource) => name === resource || name.endsWith(STORAGE_CLASS + resource))
}

function claimUsage(claim: PersistentVolumeClaim): Amounts {
  const usage = new Map([
    ['persistentvolumeclaims', ONE],
    ['count/persistentvolumeclaims', ONE],
  ])
  const storageClass = storageClassOf(claim)
  if (storageClass !== '') usage.set(`${storageClass}${STORAGE_CLASS}persistentvolumeclaims`, ONE)
  const storage = requestedStorage(claim)
  if (!storage) return usage
  usage.set('requests.storage', storage)
  if (storageClass !== '') usage.set(`${storageClass}${STORAGE_CLASS}requests.storage`, storage)
  return usage
}

/** Whole bytes: what the claim asks for, or what it has been allocated where that is more (KEP-1790). */
function requestedStorage({ spec, status }: PersistentVolumeClaim): Quantity | undefined {
  const text = spec?.resources?.requests?.['storage']
  if (text === undefined) return undefined
  const asked = parseQuantity(text).roundUp(0)
  const allocated = status?.allocatedResources?.['storage']
  if (allocated === undefined) return asked
  const given = parseQuantity(allocated)
  return given.cmp(asked) > 0 ? given.roundUp(0) : asked
}

function matchesScope(selector: ScopedResourceSelectorRequirement, claim: PersistentVolumeClaim): boolean {
  if (selector.scopeName !== 'VolumeAttributesClass') return false
  const { spec, status } = claim
  const names = [
    spec?.volumeAttributesClassName,
    status?.currentVolumeAttributesClassName,
    status?.modifyVolumeStatus?.targetVolumeAttributesClassName,
  ]
  return selectsOneOf(
    selector,
    names.filter((name): name is string => name !== undefined && name !== ''),
  )
}
