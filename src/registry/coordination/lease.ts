import { type FieldError, forbidden, invalid, notSupported } from '../../apimachinery/field-error.ts'
import { FieldPath } from '../../apimachinery/field-path.ts'
import type { Lease, LeaseSpec } from '../../apimachinery/types/coordination-v1.ts'
import { invalidEach, isQualifiedName } from '../../apimachinery/validation/names.ts'
import {
  nameIsDNSSubdomain,
  validateObjectMeta,
  validateObjectMetaUpdate,
} from '../../apimachinery/validation/object-meta.ts'
import { defineResource, type StrategyContext, type TableDefinition } from '../resource.ts'
import { age, ageColumn, column, nameColumn } from '../table-cells.ts'

const METADATA = FieldPath.of('metadata')
const SPEC = FieldPath.of('spec')

/** The fields of coordinated leader election are dropped while it is off, unless the stored object has them. */
function dropDisabledFields(lease: Lease, old: Lease | undefined, context: StrategyContext): void {
  if (context.config.featureGates['CoordinatedLeaderElection']) return
  if (old?.spec?.strategy === undefined) delete lease.spec?.strategy
  if (old?.spec?.preferredHolder === undefined) delete lease.spec?.preferredHolder
}

function validateStrategy(strategy: string, path: FieldPath): FieldError[] {
  if (strategy.includes('/')) return invalidEach(path.child('strategy'), strategy, isQualifiedName(strategy))
  const known = ['OldestEmulationVersion']
  return known.includes(strategy) ? [] : [notSupported(path.child('strategy'), strategy, known)]
}

function validateSpec({ leaseDurationSeconds, leaseTransitions, strategy, preferredHolder }: LeaseSpec): FieldError[] {
  const errors: FieldError[] = []
  if (leaseDurationSeconds !== undefined && leaseDurationSeconds <= 0) {
    errors.push(invalid(SPEC.child('leaseDurationSeconds'), leaseDurationSeconds, 'must be greater than 0'))
  }
  if (leaseTransitions !== undefined && leaseTransitions < 0) {
    errors.push(invalid(SPEC.child('leaseTransitions'), leaseTransitions, 'must be greater than or equal to 0'))
  }
  if (strategy !== undefined) errors.push(...validateStrategy(strategy, SPEC.child('strategy')))
  if (preferredHolder && !strategy) {
    errors.push(forbidden(SPEC.child('preferredHolder'), 'may only be specified if `strategy` is defined'))
  }
  return errors
}

const table: TableDefinition<Lease> = {
  columns: [nameColumn, column('Holder'), ageColumn],
  cells: ({ metadata, spec }, now) => [metadata.name ?? '', spec?.holderIdentity ?? '', age({ metadata }, now)],
}

/** @see pkg/registry/coordination/lease/strategy.go, pkg/apis/coordination/validation/validation.go */
export const leases = defineResource<Lease>({
  group: 'coordination.k8s.io',
  resource: 'leases',
  hubVersion: 'v1',
  strategy: {
    prepareForCreate: (lease, context) => dropDisabledFields(lease, undefined, context),
    validate: (lease) => [
      ...validateObjectMeta(lease.metadata, true, nameIsDNSSubdomain, METADATA),
      ...validateSpec(lease.spec ?? {}),
    ],
    prepareForUpdate: (lease, old, context) => dropDisabledFields(lease, old, context),
    validateUpdate: (lease, old) => [
      ...validateObjectMetaUpdate(lease.metadata, old.metadata, METADATA),
      ...validateSpec(lease.spec ?? {}),
    ],
  },
  table,
})
