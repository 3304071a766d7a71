import { type FieldError, invalid } from '../../apimachinery/field-error.ts'
import { FieldPath } from '../../apimachinery/field-path.ts'
import { goStructValue } from '../../apimachinery/go-struct.ts'
import { semanticEqual } from '../../apimachinery/semantic-equal.ts'
import type { DeviceRequestAllocationResult, ResourceClaim } from '../../apimachinery/types/resource-v1.ts'
import { FIELD_IMMUTABLE_MESSAGE, nameIsDNSSubdomain } from '../../apimachinery/validation/object-meta.ts'
import { validateObjectMeta, validateObjectMetaUpdate } from '../core/core-object-meta.ts'
import { type AnyResourceEntry, defineResource, type Strategy, type UpdateStrategy } from '../resource.ts'
import { resetObjectMetaForStatus } from '../status-metadata.ts'
import { age, ageColumn, column, nameColumn } from '../table-cells.ts'
import { adminAccessErrors, setClaimSpecDefaults, validateAdminAccess, validateClaimSpec } from './claim-spec.ts'
import { dropDeallocatedDevices, validateClaimStatus } from './claim-status.ts'
import type { DeviceEnvironment } from './device-environment.ts'
import { setTolerationDefaults } from './device-toleration.ts'
import { goClaimSpec } from './go-types.ts'

const METADATA = FieldPath.of('metadata')

const validateMetadata = ({ metadata }: ResourceClaim): FieldError[] =>
  validateObjectMeta(metadata, true, nameIsDNSSubdomain, METADATA)

/** @see kubernetes pkg/apis/resource/validation/validation.go ValidateResourceClaimUpdate */
function validateUpdate(claim: ResourceClaim, old: ResourceClaim): FieldError[] {
  const errors = [...validateMetadata(claim), ...validateObjectMetaUpdate(claim.metadata, old.metadata, METADATA)]
  if (semanticEqual(claim.spec, old.spec)) return errors
  return [...errors, invalid(FieldPath.of('spec'), goStructValue(goClaimSpec, claim.spec), FIELD_IMMUTABLE_MESSAGE)]
}

const resultsOf = ({ status }: ResourceClaim): readonly DeviceRequestAllocationResult[] =>
  status?.allocation?.devices?.results ?? []

/** Admin access that was granted once stays. */
function validateAdminResults(claim: ResourceClaim, old: ResourceClaim, environment: DeviceEnvironment): FieldError[] {
  const index = resultsOf(claim).findIndex(({ adminAccess }) => adminAccess)
  if (index < 0 || resultsOf(old).some(({ adminAccess }) => adminAccess)) return []
  const path = FieldPath.of('status', 'allocation', 'devices', 'results').index(index)
  return adminAccessErrors(path, claim.metadata.namespace ?? '', environment)
}

function mainStrategy(environment: DeviceEnvironment): Strategy<ResourceClaim> {
  return {
    prepareForCreate(claim) {
      claim.status = {}
    },
    prepareForUpdate(claim, old) {
      claim.status = old.status
    },
    validate: (claim) => [
      ...validateAdminAccess(claim.spec?.devices?.requests, claim.metadata.namespace ?? '', environment),
      ...validateMetadata(claim),
      ...validateClaimSpec(claim.spec, { environment, isStored: false }, FieldPath.of('spec')),
    ],
    validateUpdate,
  }
}

/** Who may change the allocation or the status of which driver's devices is for authorization to judge. */
function statusStrategy(environment: DeviceEnvironment): UpdateStrategy<ResourceClaim> {
  return {
    prepareForUpdate(claim, old) {
      claim.spec = old.spec
      resetObjectMetaForStatus(claim.metadata, old.metadata)
      dropDeallocatedDevices(claim, old)
    },
    validateUpdate: (claim, old) => [
      ...validateAdminResults(claim, old, environment),
      ...validateObjectMetaUpdate(claim.metadata, old.metadata, METADATA),
      ...validateClaimStatus(claim, old),
    ],
  }
}

/** @see kubernetes pkg/printers/internalversion/printers.go resourceClaimState */
function stateText({ metadata, status }: ResourceClaim): string {
  const isDeleted = metadata.deletionTimestamp !== undefined
  const states = isDeleted ? ['deleted'] : []
  if (status?.allocation) {
    states.push('allocated')
    if (status.reservedFor?.length) states.push('reserved')
  } else if (!isDeleted) states.push('pending')
  return states.join(',')
}

export function resourceClaims(environment: DeviceEnvironment): AnyResourceEntry {
  return defineResource<ResourceClaim>({
    group: 'resource.k8s.io',
    resource: 'resourceclaims',
    hubVersion: 'v1',
    deletion: { returnsObject: true },
    defaults(claim) {
      setClaimSpecDefaults(claim.spec)
      for (const { tolerations } of resultsOf(claim)) setTolerationDefaults(tolerations)
    },
    strategy: mainStrategy(environment),
    subresourceStrategies: { status: statusStrategy(environment) },
    table: {
      columns: [nameColumn, column('State'), ageColumn],
      cells: (claim, now) => [claim.metadata.name ?? '', stateText(claim), age(claim, now)],
    },
  })
}
