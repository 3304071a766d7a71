import { type FieldError, invalid, notSupported, required, tooLong } from '../../apimachinery/field-error.ts'
import type { FieldPath } from '../../apimachinery/field-path.ts'
import { goAny, goList, goPointer, goString, goStruct, goStructValue } from '../../apimachinery/go-struct.ts'
import type { JobSpec } from '../../apimachinery/types/batch-v1.ts'
import { byteLength, isDomainPrefixedPath } from '../../apimachinery/validation/names.ts'
import { validateLabelSelector } from '../../apimachinery/validation/object-meta.ts'
import { validateCounts } from '../apps/counts.ts'
import { parseSelector, validateSelectorMatchesTemplate } from '../apps/pod-template-selector.ts'
import { type PodValidationOptions, validatePodTemplateSpec } from '../core/pod/pod-spec-validation.ts'
import { validatePodFailurePolicy } from './pod-failure-policy.ts'
import { validateSuccessPolicy } from './success-policy.ts'

/** Caps the length of status.completedIndexes. */
const MAX_INDEXED_PARALLELISM = 100_000
const MAX_FAILED_INDEXES = 100_000
/** With more completions than this, and a back-off limit per index, the two limits below hold. */
const COMPLETIONS_SOFT_LIMIT = 100_000
const PARALLELISM_LIMIT_FOR_HIGH_COMPLETIONS = 10_000
const MAX_FAILED_INDEXES_FOR_HIGH_COMPLETIONS = 10_000
const MAX_MANAGED_BY_BYTES = 63

/** batch.SuccessPolicy as messages print it. */
export const successPolicyType = goPointer(
  goStruct([
    'Rules',
    'rules',
    goList(goStruct(['SucceededIndexes', 'succeededIndexes', goAny], ['SucceededCount', 'succeededCount', goAny])),
  ]),
)

/** Counts of a JobSpec that may not be negative, in the order of their errors. */
const COUNTS = [
  'parallelism',
  'completions',
  'activeDeadlineSeconds',
  'backoffLimit',
  'ttlSecondsAfterFinished',
  'backoffLimitPerIndex',
  'maxFailedIndexes',
] as const

export const isIndexed = (spec: JobSpec): boolean => spec.completionMode === 'Indexed'

function validateManagedBy(managedBy: string | undefined, path: FieldPath): FieldError[] {
  if (managedBy === undefined) return []
  const errors = isDomainPrefixedPath(path, managedBy)
  if (byteLength(managedBy) > MAX_MANAGED_BY_BYTES) errors.push(tooLong(path, MAX_MANAGED_BY_BYTES))
  return errors
}

function validateHighCompletions(spec: JobSpec, path: FieldPath): FieldError[] {
  const { completions = 0, backoffLimitPerIndex, maxFailedIndexes, parallelism = 0 } = spec
  if (completions <= COMPLETIONS_SOFT_LIMIT || backoffLimitPerIndex === undefined) return []
  const errors: FieldError[] = []
  const when = `when completions are above ${COMPLETIONS_SOFT_LIMIT} and used with backoff limit per index`
  const atMost = (limit: number): string => `must be less than or equal to ${limit} ${when}`
  if (maxFailedIndexes === undefined) {
    const detail = `must be specified when completions is above ${COMPLETIONS_SOFT_LIMIT}`
    errors.push(required(path.child('maxFailedIndexes'), detail))
  }
  if (parallelism > PARALLELISM_LIMIT_FOR_HIGH_COMPLETIONS) {
    errors.push(invalid(path.child('parallelism'), parallelism, atMost(PARALLELISM_LIMIT_FOR_HIGH_COMPLETIONS)))
  }
  if (maxFailedIndexes !== undefined && maxFailedIndexes > MAX_FAILED_INDEXES_FOR_HIGH_COMPLETIONS) {
    const detail = atMost(MAX_FAILED_INDEXES_FOR_HIGH_COMPLETIONS)
    errors.push(invalid(path.child('maxFailedIndexes'), maxFailedIndexes, detail))
  }
  return errors
}

function validateIndexedMode(spec: JobSpec, path: FieldPath): FieldError[] {
  const { completions, parallelism = 0, maxFailedIndexes = 0 } = spec
  const failedPath = path.child('maxFailedIndexes')
  const errors: FieldError[] = []
  if (completions === undefined) {
    errors.push(required(path.child('completions'), 'when completion mode is Indexed'))
  }
  if (parallelism > MAX_INDEXED_PARALLELISM) {
    const detail = `must be less than or equal to ${MAX_INDEXED_PARALLELISM} when completion mode is Indexed`
    errors.push(invalid(path.child('parallelism'), parallelism, detail))
  }
  if (spec.maxFailedIndexes !== undefined && completions !== undefined && maxFailedIndexes > completions) {
    errors.push(invalid(failedPath, maxFailedIndexes, 'must be less than or equal to completions'))
  }
  if (maxFailedIndexes > MAX_FAILED_INDEXES) {
    errors.push(invalid(failedPath, maxFailedIndexes, `must be less than or equal to ${MAX_FAILED_INDEXES}`))
  }
  return errors.concat(validateHighCompletions(spec, path))
}

function validateCompletionMode(spec: JobSpec, path: FieldPath): FieldError[] {
  const mode = spec.completionMode ?? 'NonIndexed'
  if (mode === 'Indexed') return validateIndexedMode(spec, path)
  if (mode !== 'NonIndexed') return [notSupported(path.child('completionMode'), mode, ['NonIndexed', 'Indexed'])]
  return (['backoffLimitPerIndex', 'maxFailedIndexes'] as const)
    .filter((field) => spec[field] !== undefined)
    .map((field) => invalid(path.child(field), spec[field], 'requires indexed completion mode'))
}

function validateSuccessPolicyField(spec: JobSpec, path: FieldPath): FieldError[] {
  if (!spec.successPolicy) return []
  if (isIndexed(spec)) return validateSuccessPolicy(spec.successPolicy, spec.completions ?? 0, path)
  return [invalid(path, goStructValue(successPolicyType, spec.successPolicy), 'requires indexed completion mode')]
}

function validatePodReplacementPolicy(spec: JobSpec, path: FieldPath): FieldError[] {
  const policy = spec.podReplacementPolicy
  if (policy === undefined) return []
  const validValues = spec.podFailurePolicy ? ['Failed'] : ['Failed', 'TerminatingOrFailed']
  return validValues.includes(policy) ? [] : [notSupported(path, policy, validValues)]
}

function validateRestartPolicy(spec: JobSpec, path: FieldPath): FieldError[] {
  const policy = spec.template.spec?.restartPolicy ?? ''
  if (policy === 'Always' || policy === '') return [required(path, 'valid values: "OnFailure", "Never"')]
  if (policy !== 'OnFailure' && policy !== 'Never') return [notSupported(path, policy, ['OnFailure', 'Never'])]
  if (!spec.podFailurePolicy || policy === 'Never') return []
  return [invalid(path, policy, 'only "Never" is supported when podFailurePolicy is specified')]
}

/**
 * The parts of a spec that hold for a Job and for the template of a CronJob alike.
 *
 * @see pkg/apis/batch/validation/validation.go validateJobSpec
 */
export function validateJobTemplateFields(spec: JobSpec, path: FieldPath, options: PodValidationOptions): FieldError[] {
  const errors = validateCounts(spec, COUNTS, path)
  if (spec.maxFailedIndexes !== undefined && spec.backoffLimitPerIndex === undefined) {
    errors.push(required(path.child('backoffLimitPerIndex'), 'when maxFailedIndexes is specified'))
  }
  errors.push(...validateManagedBy(spec.managedBy, path.child('managedBy')), ...validateCompletionMode(spec, path))
  if (spec.podFailurePolicy) errors.push(...validatePodFailurePolicy(spec, path.child('podFailurePolicy')))
  errors.push(
    ...validateSuccessPolicyField(spec, path.child('successPolicy')),
    ...validatePodReplacementPolicy(spec, path.child('podReplacementPolicy')),
    ...validatePodTemplateSpec(spec.template, path.child('template'), options),
    ...validateRestartPolicy(spec, path.child('template', 'spec', 'restartPolicy')),
  )
  return errors
}

/** The spec of a Job; its selector has been generated before where it is not manual. */
export function validateJobSpec(spec: JobSpec, path: FieldPath, options: PodValidationOptions): FieldError[] {
  const errors = validateJobTemplateFields(spec, path, options)
  if (spec.selector) errors.push(...validateLabelSelector(spec.selector, options, path.child('selector')))
  else errors.push(required(path.child('selector'), ''))
  const selector = parseSelector(spec.selector)
  if (selector) errors.push(...validateSelectorMatchesTemplate(selector, spec.template, path.child('template')))
  return errors
}

/** batch.PodFailurePolicy as messages print it. */
export const podFailurePolicyType = goPointer(
  goStruct([
    'Rules',
    'rules',
    goList(
      goStruct(
        ['Action', 'action', goString],
        [
          'OnExitCodes',
          'onExitCodes',
          goPointer(
            goStruct(
              ['ContainerName', 'containerName', goAny],
              ['Operator', 'operator', goString],
              ['Values', 'values', goAny],
            ),
          ),
        ],
        [
          'OnPodConditions',
          'onPodConditions',
          goList(goStruct(['Type', 'type', goString], ['Status', 'status', goString])),
        ],
      ),
    ),
  ]),
)
