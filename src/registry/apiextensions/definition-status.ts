import { aggregateMessage } from '../../apimachinery/api-error.ts'
import { formatTime } from '../../apimachinery/clock.ts'
import { fieldErrorMessage, invalid } from '../../apimachinery/field-error.ts'
import { FieldPath } from '../../apimachinery/field-path.ts'
import { goQuote } from '../../apimachinery/go-quote.ts'
import { semanticEqual } from '../../apimachinery/semantic-equal.ts'
import type {
  CustomResourceDefinition,
  CustomResourceDefinitionCondition,
  CustomResourceDefinitionNames,
  CustomResourceDefinitionStatus,
} from '../../apimachinery/types/apiextensions-v1.ts'
import { validateCaBundle } from '../webhook-client-config.ts'
import { type ApprovalState, approvalOf, isProtectedGroup } from './api-approval.ts'
import { structuralProblem, validateStructural } from './structural-schema.ts'

type Condition = Omit<CustomResourceDefinitionCondition, 'lastTransitionTime'>

function findCondition(crd: CustomResourceDefinition, type: string): CustomResourceDefinitionCondition | undefined {
  return crd.status?.conditions?.find((condition) => condition.type === type)
}

/**
 * A list with one condition replaced or added; its transition time stays while its status does.
 *
 * @see apiextensions-apiserver pkg/apihelpers/helpers.go SetCRDCondition
 */
function withCondition(
  conditions: readonly CustomResourceDefinitionCondition[],
  condition: Condition,
  nowMs: number,
): CustomResourceDefinitionCondition[] {
  const old = conditions.find(({ type }) => type === condition.type)
  const keepsTime = old?.lastTransitionTime && old.status === condition.status
  const next = { ...condition, lastTransitionTime: keepsTime ? old.lastTransitionTime! : formatTime(nowMs) }
  return old ? conditions.map((each) => (each === old ? next : each)) : [...conditions, next]
}

/** Names of a group that are taken by other definitions. */
interface TakenNames {
  readonly resources: ReadonlySet<string>
  readonly kinds: ReadonlySet<string>
}

export function takenNames(group: string, definitions: Iterable<CustomResourceDefinition>): TakenNames {
  const resources = new Set<string>()
  const kinds = new Set<string>()
  for (const { spec, status } of definitions) {
    if (spec.group !== group) continue
    const { plural = '', singular = '', shortNames = [], kind = '', listKind = '' } = status?.acceptedNames ?? {}
    for (const name of [plural, singular, ...shortNames]) resources.add(name)
    for (const name of [kind, listKind]) kinds.add(name)
  }
  return { resources, kinds }
}

/**
 * The status of a definition after its names were compared with those of the group: names that are free or its own are
 * accepted; undefined where nothing changes. A definition is established by a second step ({@link establish}).
 *
 * @see apiextensions-apiserver pkg/controller/status/naming_controller.go
 */
export function acceptNames(
  crd: CustomResourceDefinition,
  taken: TakenNames,
  nowMs: number,
): CustomResourceDefinitionStatus | undefined {
  const accepted = crd.status?.acceptedNames ?? { plural: '', kind: '' }
  if (semanticEqual(crd.spec.names, accepted)) return undefined
  const { names, condition } = compareNames(crd.spec.names, accepted, taken)
  const old = findCondition(crd, 'NamesAccepted')
  if (semanticEqual(accepted, names) && old && sameCondition(condition, old)) return undefined
  let conditions = withCondition(crd.status?.conditions ?? [], condition, nowMs)
  conditions = withCondition(conditions, establishedBefore(crd, condition.status === 'True'), nowMs)
  return { ...crd.status, acceptedNames: names, conditions }
}

const sameCondition = (a: Condition, b: Condition): boolean =>
  a.status === b.status && a.reason === b.reason && a.message === b.message

function compareNames(
  wanted: CustomResourceDefinitionNames,
  accepted: CustomResourceDefinitionNames,
  { resources, kinds }: TakenNames,
): { readonly names: CustomResourceDefinitionNames; readonly condition: Condition } {
  const names = { ...accepted }
  let condition: Condition = {
    type: 'NamesAccepted',
    status: 'True',
    reason: 'NoConflicts',
    message: 'no conflicts found',
  }
  const refuse = (reason: string, message: string): void => {
    condition = { type: 'NamesAccepted', status: 'False', reason, message }
  }
  const compare = (field: 'plural' | 'singular' | 'kind' | 'listKind', used: ReadonlySet<string>): void => {
    const name = wanted[field] ?? ''
    if (name !== (accepted[field] ?? '') && used.has(name)) {
      refuse(`${field[0]!.toUpperCase()}${field.slice(1)}Conflict`, inUse(name))
    } else if (wanted[field] !== undefined) names[field] = wanted[field]!
  }
  compare('plural', resources)
  compare('singular', resources)
  const conflicts = (wanted.shortNames ?? []).filter(
    (name) => !accepted.shortNames?.includes(name) && resources.has(name),
  )
  if (conflicts.length > 0) refuse('ShortNamesConflict', aggregateMessage(conflicts.map(inUse)))
  else setOrDrop(names, 'shortNames', wanted.shortNames)
  compare('kind', kinds)
  compare('listKind', kinds)
  setOrDrop(names, 'categories', wanted.categories)
  return { names, condition }
}

const inUse = (name: string): string => `${goQuote(name)} is already in use`

function setOrDrop(
  names: CustomResourceDefinitionNames,
  field: 'shortNames' | 'categories',
  value: string[] | undefined,
): void {
  if (value === undefined) delete names[field]
  else names[field] = value
}

function establishedBefore(crd: CustomResourceDefinition, namesAccepted: boolean): Condition {
  const old = findCondition(crd, 'Established')
  if (old?.status === 'True' || (old && !namesAccepted)) return old
  const type = 'Established'
  return namesAccepted
    ? { type, status: 'False', reason: 'Installing', message: 'the initial names have been accepted' }
    : { type, status: 'False', reason: 'NotAccepted', message: 'not all names are accepted' }
}

/**
 * The status of a definition whose names are accepted and that is served from now on; undefined where it may not be, or
 * is already. A broken CA bundle of the conversion webhook keeps it from being served.
 *
 * @see apiextensions-apiserver pkg/controller/establish/establishing_controller.go
 */
export function establish(crd: CustomResourceDefinition, nowMs: number): CustomResourceDefinitionStatus | undefined {
  if (findCondition(crd, 'NamesAccepted')?.status !== 'True') return undefined
  if (findCondition(crd, 'Established')?.status === 'True') return undefined
  const condition: Condition = hasBadCaBundle(crd)
    ? {
        type: 'Established',
        status: 'False',
        reason: 'InvalidCABundle',
        message: 'The conversion webhook CABundle is invalid',
      }
    : {
        type: 'Established',
        status: 'True',
        reason: 'InitialNamesAccepted',
        message: 'the initial names have been accepted',
      }
  const old = findCondition(crd, 'Established')
  if (old && sameCondition(condition, old)) return undefined
  return { ...crd.status, conditions: withCondition(crd.status?.conditions ?? [], condition, nowMs) }
}

function hasBadCaBundle({ spec }: CustomResourceDefinition): boolean {
  const caBundle = spec.conversion?.webhook?.clientConfig?.caBundle
  return Boolean(caBundle) && validateCaBundle(caBundle!, FieldPath.of('spec')).length > 0
}

const APPROVAL_REASONS: Readonly<Record<ApprovalState, string>> = {
  invalid: 'InvalidAnnotation',
  missing: 'MissingAnnotation',
  approved: 'ApprovedAnnotation',
  bypassed: 'UnapprovedAnnotation',
}

/** What a group of the community's own says about its approval; undefined for all other groups. */
export function approvalCondition(crd: CustomResourceDefinition): Condition | undefined {
  if (!isProtectedGroup(crd.spec.group)) return undefined
  const { state, reason } = approvalOf(crd)
  return {
    type: 'KubernetesAPIApprovalPolicyConformant',
    status: state === 'approved' ? 'True' : 'False',
    reason: APPROVAL_REASONS[state],
    message: reason,
  }
}

/**
 * What is not structural in the schemas of a definition; undefined where all is.
 *
 * @see apiextensions-apiserver pkg/controller/nonstructuralschema/nonstructuralschema_controller.go
 */
export function nonStructuralCondition({ spec }: CustomResourceDefinition): Condition | undefined {
  const type = 'NonStructuralSchema'
  const errors = spec.preserveUnknownFields
    ? [invalid(FieldPath.of('spec', 'preserveUnknownFields'), true, 'must be false')]
    : []
  for (const [i, { name, schema }] of (spec.versions ?? []).entries()) {
    const root = schema?.openAPIV3Schema
    if (!root) continue
    const problem = structuralProblem(root)
    if (problem) {
      const message = `failed to check validation schema for version ${name}: ${problem}`
      return { type, status: 'Unknown', reason: 'StructuralError', message }
    }
    const path = FieldPath.of('spec', 'versions').index(i).child('schema', 'openAPIV3Schema')
    errors.push(...validateStructural(root, path))
  }
  if (errors.length === 0) return undefined
  return { type, status: 'True', reason: 'Violations', message: aggregateMessage(errors.map(fieldErrorMessage)) }
}
