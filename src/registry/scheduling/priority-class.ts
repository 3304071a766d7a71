import { type FieldError, forbidden, notSupported, required } from '../../apimachinery/field-error.ts'
import { FieldPath } from '../../apimachinery/field-path.ts'
import type { PriorityClass } from '../../apimachinery/types/scheduling-v1.ts'
import { nameIsDNSSubdomain, validateImmutableField } from '../../apimachinery/validation/object-meta.ts'
import { validateObjectMeta, validateObjectMetaUpdate } from '../core/core-object-meta.ts'
import { defineResource, type TableDefinition } from '../resource.ts'
import { age, ageColumn, column, nameColumn } from '../table-cells.ts'

const METADATA = FieldPath.of('metadata')
const VALUE = FieldPath.of('value')
const PREEMPTION_POLICY = FieldPath.of('preemptionPolicy')

const SYSTEM_PREFIX = 'system-'
/** Values above are the system's own. */
const HIGHEST_USER_DEFINABLE_PRIORITY = 1_000_000_000

/** The classes that the cluster makes for itself; no other may have a name that begins with `system-`. */
const SYSTEM_CLASSES: ReadonlyMap<string, number> = new Map([
  ['system-node-critical', 2 * HIGHEST_USER_DEFINABLE_PRIORITY + 1000],
  ['system-cluster-critical', 2 * HIGHEST_USER_DEFINABLE_PRIORITY],
])

/** Why the class is none of the system's; undefined where it is one. */
function systemClassProblem(name: string, { value = 0, globalDefault = false }: PriorityClass): string | undefined {
  const expected = SYSTEM_CLASSES.get(name)
  if (expected === undefined) return `${name} is not a known system priority class`
  if (value !== expected) return `value of ${name} PriorityClass must be ${expected}`
  return globalDefault ? `globalDefault of ${name} PriorityClass must be false` : undefined
}

function validateValue(priorityClass: PriorityClass): FieldError[] {
  const name = priorityClass.metadata.name ?? ''
  if (name.startsWith(SYSTEM_PREFIX)) {
    const problem = systemClassProblem(name, priorityClass)
    if (problem === undefined) return []
    const detail = `priority class names with 'system-' prefix are reserved for system use only. error: ${problem}`
    return [forbidden(METADATA.child('name'), detail)]
  }
  if ((priorityClass.value ?? 0) <= HIGHEST_USER_DEFINABLE_PRIORITY) return []
  return [forbidden(VALUE, `maximum allowed value of a user defined priority is ${HIGHEST_USER_DEFINABLE_PRIORITY}`)]
}

function validatePreemptionPolicy(policy: string | undefined): FieldError[] {
  if (policy === undefined || policy === 'PreemptLowerPriority' || policy === 'Never') return []
  if (policy === '') return [required(PREEMPTION_POLICY, '')]
  return [notSupported(PREEMPTION_POLICY, policy, ['PreemptLowerPriority', 'Never'])]
}

const table: TableDefinition<PriorityClass> = {
  columns: [
    nameColumn,
    column('Value', 'integer'),
    column('Global-Default', 'boolean'),
    ageColumn,
    column('PreemptionPolicy'),
  ],
  cells: ({ metadata, value, globalDefault, preemptionPolicy }, now) => [
    metadata.name ?? '',
    value ?? 0,
    globalDefault ?? false,
    age({ metadata }, now),
    preemptionPolicy ?? '',
  ],
}

/** @see pkg/registry/scheduling/priorityclass/strategy.go, pkg/apis/scheduling/validation/validation.go */
export const priorityClasses = defineResource<PriorityClass>({
  group: 'scheduling.k8s.io',
  resource: 'priorityclasses',
  hubVersion: 'v1',
  defaults(priorityClass) {
    priorityClass.preemptionPolicy ??= 'PreemptLowerPriority'
  },
  strategy: {
    prepareForCreate(priorityClass) {
      priorityClass.metadata.generation = 1
    },
    validate: (priorityClass) => [
      ...validateObjectMeta(priorityClass.metadata, false, nameIsDNSSubdomain, METADATA),
      ...validateValue(priorityClass),
      ...validatePreemptionPolicy(priorityClass.preemptionPolicy),
    ],
    validateUpdate(priorityClass, old) {
      const errors = validateObjectMetaUpdate(priorityClass.metadata, old.metadata, METADATA)
      if ((priorityClass.value ?? 0) !== (old.value ?? 0)) {
        errors.push(forbidden(VALUE, 'may not be changed in an update.'))
      }
      errors.push(...validateImmutableField(priorityClass.preemptionPolicy, old.preemptionPolicy, PREEMPTION_POLICY))
      return errors
    },
  },
  table,
})
