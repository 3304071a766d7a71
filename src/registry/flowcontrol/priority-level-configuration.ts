import { flowControlBootstrap } from '../../../openapi/data.ts'
import { type FieldError, forbidden, invalid, notSupported, required } from '../../apimachinery/field-error.ts'
import { FieldPath } from '../../apimachinery/field-path.ts'
import { goStructValue } from '../../apimachinery/go-struct.ts'
import { semanticEqual } from '../../apimachinery/semantic-equal.ts'
import type {
  ExemptPriorityLevelConfiguration,
  LimitedPriorityLevelConfiguration,
  LimitResponse,
  PriorityLevelConfiguration,
  PriorityLevelConfigurationSpec,
  QueuingConfiguration,
} from '../../apimachinery/types/flowcontrol-v1.ts'
import { nameIsDNSSubdomain } from '../../apimachinery/validation/object-meta.ts'
import { validateObjectMeta } from '../core/core-object-meta.ts'
import { defineResource } from '../resource.ts'
import { age, ageColumn, column, nameColumn } from '../table-cells.ts'
import { metadataOfStatusWrite, validateStatus } from './conditions.ts'
import { goPriorityLevelSpec } from './go-types.ts'

const PRESERVE_ZERO_ANNOTATION = 'flowcontrol.k8s.io/v1beta3-preserve-zero-concurrency-shares'
const MAX_QUEUES = 10_000_000
/** Bits of a hash value that shuffle sharding may use. */
const MAX_HASH_BITS = 60

/** @see kubernetes pkg/apis/flowcontrol/v1/defaults.go */
function setDefaults({ spec }: PriorityLevelConfiguration): void {
  if (spec?.exempt) {
    spec.exempt.nominalConcurrencyShares ??= 0
    spec.exempt.lendablePercent ??= 0
  }
  if (!spec?.limited) return
  spec.limited.nominalConcurrencyShares ??= 30
  spec.limited.lendablePercent ??= 0
  const queuing = spec.limited.limitResponse?.queuing
  if (!queuing) return
  queuing.handSize ||= 8
  queuing.queues ||= 64
  queuing.queueLengthLimit ||= 50
}

/** @see kubernetes pkg/apis/flowcontrol/validation/validation.go ValidatePriorityLevelConfiguration */
function validatePriorityLevel(level: PriorityLevelConfiguration): FieldError[] {
  const name = level.metadata.name ?? ''
  const errors = validateObjectMeta(level.metadata, false, nameIsDNSSubdomain, FieldPath.of('metadata'))
  if (Object.hasOwn(level.metadata.annotations ?? {}, PRESERVE_ZERO_ANNOTATION)) {
    const detail = `annotation '${PRESERVE_ZERO_ANNOTATION}' is forbidden`
    errors.push(forbidden(FieldPath.of('metadata', 'annotations'), detail))
  }
  const path = FieldPath.of('spec')
  return [
    ...errors,
    ...validateSpec(level.spec, name, path),
    ...validateMandatory(level.spec, name, path),
    ...validateStatus(level.status),
  ]
}

function validateSpec(spec: PriorityLevelConfigurationSpec | undefined, name: string, path: FieldPath): FieldError[] {
  const type = spec?.type ?? ''
  const errors: FieldError[] = []
  if ((name === 'exempt') !== (type === 'Exempt')) {
    errors.push(invalid(path.child('type'), type, "must be 'Exempt' if and only if `name` is 'exempt'"))
  }
  switch (type) {
    case 'Exempt':
      if (spec?.limited) errors.push(forbidden(path.child('limited'), 'must be nil if the type is not Limited'))
      if (spec?.exempt) errors.push(...validateExempt(spec.exempt, path.child('exempt')))
      break
    case 'Limited':
      if (spec?.exempt) errors.push(forbidden(path.child('exempt'), 'must be nil if the type is Limited'))
      if (spec?.limited) errors.push(...validateLimited(spec.limited, path.child('limited')))
      else errors.push(required(path.child('limited'), 'must not be empty when type is Limited'))
      break
    default:
      errors.push(notSupported(path.child('type'), type, ['Exempt', 'Limited']))
  }
  return errors
}

function validateExempt(exempt: ExemptPriorityLevelConfiguration, path: FieldPath): FieldError[] {
  return [
    ...validateShares(exempt.nominalConcurrencyShares, path),
    ...validateLendablePercent(exempt.lendablePercent, path),
  ]
}

function validateShares(shares: number | undefined, path: FieldPath): FieldError[] {
  if (shares === undefined || shares >= 0) return []
  return [invalid(path.child('nominalConcurrencyShares'), shares, 'must be a non-negative integer')]
}

function validateLendablePercent(percent: number | undefined, path: FieldPath): FieldError[] {
  if (percent === undefined || (percent >= 0 && percent <= 100)) return []
  return [invalid(path.child('lendablePercent'), percent, 'must be between 0 and 100, inclusive')]
}

function validateLimited(limited: LimitedPriorityLevelConfiguration, path: FieldPath): FieldError[] {
  const errors = [
    ...validateShares(limited.nominalConcurrencyShares, path),
    ...validateLimitResponse(limited.limitResponse, path.child('limitResponse')),
    ...validateLendablePercent(limited.lendablePercent, path),
  ]
  const borrowing = limited.borrowingLimitPercent
  if (borrowing !== undefined && borrowing < 0) {
    const detail = 'if specified, must be a non-negative integer'
    errors.push(invalid(path.child('borrowingLimitPercent'), borrowing, detail))
  }
  return errors
}

function validateLimitResponse(response: LimitResponse | undefined, path: FieldPath): FieldError[] {
  const queuingPath = path.child('queuing')
  const queuing = response?.queuing
  switch (response?.type) {
    case 'Reject':
      if (!queuing) return []
      return [forbidden(queuingPath, 'must be nil if limited.limitResponse.type is not Limited')]
    case 'Queue':
      if (queuing) return validateQueuing(queuing, queuingPath)
      return [required(queuingPath, 'must not be empty if limited.limitResponse.type is Limited')]
    default:
      return [notSupported(path.child('type'), response?.type ?? '', ['Queue', 'Reject'])]
  }
}

function validateQueuing(queuing: QueuingConfiguration, path: FieldPath): FieldError[] {
  const { queueLengthLimit = 0, queues = 0, handSize = 0 } = queuing
  const errors: FieldError[] = []
  const refuse = (field: keyof QueuingConfiguration, value: number, detail: string): void => {
    errors.push(invalid(path.child(field), value, detail))
  }
  if (queueLengthLimit <= 0) refuse('queueLengthLimit', queueLengthLimit, 'must be positive')
  if (queues <= 0) refuse('queues', queues, 'must be positive')
  else if (queues > MAX_QUEUES) refuse('queues', queues, `must not be greater than ${MAX_QUEUES}`)
  if (handSize <= 0) refuse('handSize', handSize, 'must be positive')
  else if (handSize > queues) refuse('handSize', handSize, `should not be greater than queues (${queues})`)
  else if (Math.ceil(Math.log2(queues) * handSize) > MAX_HASH_BITS) {
    const what = `deckSize ${queues} and handSize ${handSize}`
    refuse('handSize', handSize, `required entropy bits of ${what} should not be greater than ${MAX_HASH_BITS}`)
  }
  return errors
}

/** The levels that the server relies on keep their shape; of `exempt` its shares may change. */
function validateMandatory(
  spec: PriorityLevelConfigurationSpec | undefined,
  name: string,
  path: FieldPath,
): FieldError[] {
  const mandatory = flowControlBootstrap().mandatoryPriorityLevelConfigurations.find((level) => level.name === name)
  if (!mandatory) return []
  const compared = name === 'exempt' ? { ...spec, exempt: mandatory.spec['exempt'] } : spec
  if (semanticEqual(goPriorityLevelSpec(compared), goPriorityLevelSpec(mandatory.spec))) return []
  const except = name === 'exempt' ? " except the 'spec.exempt' field" : ''
  const detail = `spec of '${name}'${except} must equal the fixed value`
  return [invalid(path, goStructValue(goPriorityLevelSpec, spec), detail)]
}

export const priorityLevelConfigurations = defineResource<PriorityLevelConfiguration>({
  group: 'flowcontrol.apiserver.k8s.io',
  resource: 'prioritylevelconfigurations',
  hubVersion: 'v1',
  defaults: setDefaults,
  strategy: {
    prepareForCreate(level) {
      level.status = {}
      level.metadata.generation = 1
    },
    prepareForUpdate(level, old) {
      if (!semanticEqual(level.spec, old.spec)) level.metadata.generation = (old.metadata.generation ?? 0) + 1
      level.status = old.status
    },
    validate: validatePriorityLevel,
    validateUpdate: validatePriorityLevel,
  },
  subresourceStrategies: {
    status: {
      prepareForUpdate(level, old) {
        level.metadata = metadataOfStatusWrite(level.metadata, old.metadata)
        level.spec = old.spec
      },
      validateUpdate: ({ status }) => validateStatus(status),
    },
  },
  table: {
    columns: [
      nameColumn,
      column('Type'),
      column('NominalConcurrencyShares'),
      column('Queues'),
      column('HandSize'),
      column('QueueLengthLimit'),
      ageColumn,
    ],
    cells: (level, now) => {
      const limited = level.spec?.limited
      const queuing = limited?.limitResponse?.queuing
      return [
        level.metadata.name ?? '',
        level.spec?.type ?? '',
        limited ? (limited.nominalConcurrencyShares ?? 0) : '<none>',
        queuing ? (queuing.queues ?? 0) : '<none>',
        queuing ? (queuing.handSize ?? 0) : '<none>',
        queuing ? (queuing.queueLengthLimit ?? 0) : '<none>',
        age(level, now),
      ]
    },
  },
})
