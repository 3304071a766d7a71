import { type FieldError, invalid, required } from '../../apimachinery/field-error.ts'
import { FieldPath } from '../../apimachinery/field-path.ts'
import { goAny, goStruct, goStructValue } from '../../apimachinery/go-struct.ts'
import type { ServiceCIDR } from '../../apimachinery/types/networking-v1.ts'
import { isValidCIDR, parseCidr } from '../../apimachinery/validation/ip.ts'
import { FIELD_IMMUTABLE_MESSAGE, nameIsDNSSubdomain } from '../../apimachinery/validation/object-meta.ts'
import { validateObjectMeta, validateObjectMetaUpdate } from '../core/core-object-meta.ts'
import { defineResource, type StrategyContext, type TableDefinition } from '../resource.ts'
import { resetObjectMetaForStatus } from '../status-metadata.ts'
import { age, ageColumn, column, nameColumn } from '../table-cells.ts'

const METADATA = FieldPath.of('metadata')
const CIDRS = FieldPath.of('spec', 'cidrs')

const specType = goStruct(['CIDRs', 'cidrs', goAny])

const wipesStatus = ({ config }: StrategyContext): boolean =>
  config.featureGates['ServiceCIDRStatusFieldWiping'] ?? true

function validateCidrs({ spec }: ServiceCIDR): FieldError[] {
  const cidrs = spec?.cidrs ?? []
  if (cidrs.length === 0) return [required(CIDRS, 'at least one CIDR required')]
  if (cidrs.length > 2) return [invalid(CIDRS, goStructValue(specType, spec), 'may only hold up to 2 values')]
  const errors = cidrs.flatMap((cidr, i) => isValidCIDR(CIDRS.index(i), cidr))
  const [first, second] = cidrs.map((cidr) => parseCidr(cidr)?.base.family)
  if (cidrs.length === 2 && first !== undefined && first === second) {
    const detail = 'may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64'
    errors.push(invalid(CIDRS, cidrs, detail))
  }
  return errors
}

/** Networks stay; one of the other family may be added to a single one. */
function validateCidrsUpdate(serviceCidr: ServiceCIDR, old: ServiceCIDR): FieldError[] {
  const cidrs = serviceCidr.spec?.cidrs ?? []
  const oldCidrs = old.spec?.cidrs ?? []
  const changed = (i: number): FieldError[] =>
    cidrs[i] === oldCidrs[i] ? [] : [invalid(CIDRS.index(i), cidrs[i], FIELD_IMMUTABLE_MESSAGE)]
  if (cidrs.length === oldCidrs.length) return cidrs.flatMap((_, i) => changed(i))
  if (oldCidrs.length === 1 && cidrs.length === 2) return [...changed(0), ...validateCidrs(serviceCidr)]
  return [invalid(CIDRS, serviceCidr.spec?.cidrs ?? null, FIELD_IMMUTABLE_MESSAGE)]
}

const table: TableDefinition<ServiceCIDR> = {
  columns: [nameColumn, column('CIDRs'), ageColumn],
  cells: (serviceCidr, now) => [
    serviceCidr.metadata.name ?? '',
    (serviceCidr.spec?.cidrs ?? []).join(','),
    age(serviceCidr, now),
  ],
}

/** @see pkg/registry/networking/servicecidr/strategy.go, pkg/apis/networking/validation/validation.go */
export const serviceCidrs = defineResource<ServiceCIDR>({
  group: 'networking.k8s.io',
  resource: 'servicecidrs',
  hubVersion: 'v1',
  strategy: {
    prepareForCreate(serviceCidr, context) {
      if (wipesStatus(context)) delete serviceCidr.status
    },
    validate: (serviceCidr) => [
      ...validateObjectMeta(serviceCidr.metadata, false, nameIsDNSSubdomain, METADATA),
      ...validateCidrs(serviceCidr),
    ],
    prepareForUpdate(serviceCidr, old, context) {
      if (wipesStatus(context)) serviceCidr.status = old.status
    },
    validateUpdate: (serviceCidr, old) => [
      ...validateObjectMetaUpdate(serviceCidr.metadata, old.metadata, METADATA),
      ...validateCidrsUpdate(serviceCidr, old),
    ],
  },
  subresourceStrategies: {
    status: {
      prepareForUpdate(serviceCidr, old) {
        serviceCidr.spec = old.spec
        resetObjectMetaForStatus(serviceCidr.metadata, old.metadata)
      },
      validateUpdate: (serviceCidr, old) => validateObjectMetaUpdate(serviceCidr.metadata, old.metadata, METADATA),
    },
  },
  table,
})
