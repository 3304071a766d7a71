import { parseTime } from '../../apimachinery/clock.ts'
import { duplicate, type FieldError, invalid, OMIT_VALUE, required } from '../../apimachinery/field-error.ts'
import { FieldPath } from '../../apimachinery/field-path.ts'
import { goAny, goStruct, goStructValue } from '../../apimachinery/go-struct.ts'
import { semanticEqual } from '../../apimachinery/semantic-equal.ts'
import type { Job, JobSpec, JobStatus } from '../../apimachinery/types/batch-v1.ts'
import { validateCounts } from '../apps/counts.ts'
import { countIndexes, IndexesError, overlappingIndex } from './index-intervals.ts'
import { isIndexed } from './job-spec-validation.ts'

const STATUS = FieldPath.of('status')
const CONDITIONS = STATUS.child('conditions')

const uncountedType = goStruct(['Succeeded', 'succeeded', goAny], ['Failed', 'failed', goAny])

/** Whether the status has a condition of that type with that status. */
export function hasCondition(status: JobStatus | undefined, type: string, value = 'True'): boolean {
  return (status?.conditions ?? []).some((condition) => condition.type === type && condition.status === value)
}

const isFinished = (status: JobStatus): boolean => hasCondition(status, 'Complete') || hasCondition(status, 'Failed')

/** The new and the old status side by side, and the spec that both belong to. */
interface Transition {
  readonly spec: JobSpec
  readonly status: JobStatus
  readonly old: JobStatus
}

/** A rule holds only where what it looks at has changed: a status may be stale after a change of the spec. */
const changedField = ({ status, old }: Transition, ...fields: readonly (keyof JobStatus)[]): boolean =>
  fields.some((field) => !semanticEqual(status[field] ?? 0, old[field] ?? 0))

const changedCondition = ({ status, old }: Transition, ...types: readonly string[]): boolean =>
  types.some((type) => hasCondition(status, type) !== hasCondition(old, type))

const changedFinished = ({ status, old }: Transition): boolean => isFinished(status) !== isFinished(old)

const conditionsError = (detail: string): FieldError => invalid(CONDITIONS, OMIT_VALUE, detail)

function validateUncounted({ uncountedTerminatedPods: pods }: JobStatus): FieldError[] {
  const errors: FieldError[] = []
  const seen = new Set<string>()
  for (const list of ['succeeded', 'failed'] as const) {
    for (const [i, uid] of (pods?.[list] ?? []).entries()) {
      const path = STATUS.child('uncountedTerminatedPods', list).index(i)
      if (uid === '') errors.push(invalid(path, uid, 'must not be empty'))
      else if (seen.has(uid)) errors.push(duplicate(path, uid))
      seen.add(uid)
    }
  }
  return errors
}

function validateCompletion(change: Transition): FieldError[] {
  const { status } = change
  const complete = hasCondition(status, 'Complete')
  const errors: FieldError[] = []
  if (changedCondition(change, 'Complete', 'Failed') && complete && hasCondition(status, 'Failed')) {
    errors.push(conditionsError('cannot set Complete=True and Failed=true conditions'))
  }
  if (changedCondition(change, 'Complete', 'FailureTarget') && complete && hasCondition(status, 'FailureTarget')) {
    errors.push(conditionsError('cannot set Complete=True and FailureTarget=true conditions'))
  }
  return errors.concat(validateCompletionTime(change, complete))
}

function validateCompletionTime(change: Transition, complete: boolean): FieldError[] {
  const { startTime, completionTime } = change.status
  const path = STATUS.child('completionTime')
  const errors: FieldError[] = []
  if (changedCondition(change, 'Complete') || changedField(change, 'completionTime')) {
    if (completionTime && !complete) {
      errors.push(invalid(path, completionTime, 'cannot set completionTime when there is no Complete=True condition'))
    }
    if (!completionTime && complete) errors.push(required(path, 'completionTime is required for Complete jobs'))
  }
  const changed = changedField(change, 'startTime', 'completionTime')
  if (changed && startTime && completionTime && parseTime(completionTime) < parseTime(startTime)) {
    errors.push(invalid(path, completionTime, 'must be equal to or after `startTime`'))
  }
  return errors
}

function validateFinished(change: Transition): FieldError[] {
  const { spec, status } = change
  const finished = isFinished(status)
  const finishedChanged = changedFinished(change)
  const errors: FieldError[] = []
  const failedChanged = changedCondition(change, 'Failed') || failedIndexesChanged(change)
  if (failedChanged && hasCondition(status, 'Failed') && !hasCondition(status, 'FailureTarget')) {
    errors.push(conditionsError('cannot set Failed=True condition without the FailureTarget=true condition'))
  }
  const completeChanged = changedCondition(change, 'Complete', 'SuccessCriteriaMet')
  if (completeChanged && hasCondition(status, 'Complete') && !hasCondition(status, 'SuccessCriteriaMet')) {
    errors.push(conditionsError('cannot set Complete=True condition without the SuccessCriteriaMet=true condition'))
  }
  if (!finished) return errors
  const active = status.active ?? 0
  if ((finishedChanged || changedField(change, 'active')) && active > 0) {
    errors.push(invalid(STATUS.child('active'), active, 'active>0 is invalid for finished job'))
  }
  const neverRan = spec.suspend === true && spec.completions === 0
  if ((finishedChanged || changedField(change, 'startTime')) && !neverRan && !status.startTime) {
    errors.push(required(STATUS.child('startTime'), 'startTime is required for finished job'))
  }
  const pods = status.uncountedTerminatedPods
  const uncounted = (pods?.failed?.length ?? 0) + (pods?.succeeded?.length ?? 0)
  if ((finishedChanged || changedField(change, 'uncountedTerminatedPods')) && uncounted > 0) {
    const value = goStructValue(uncountedType, pods)
    errors.push(invalid(STATUS.child('uncountedTerminatedPods'), value, 'must be empty for finished job'))
  }
  return errors
}

/** Unset and empty are two things here. */
const failedIndexesChanged = ({ status, old }: Transition): boolean => status.failedIndexes !== old.failedIndexes
const completedIndexesChanged = ({ status, old }: Transition): boolean =>
  (status.completedIndexes ?? '') !== (old.completedIndexes ?? '')

function indexesProblem(indexes: string, completions: number): string | undefined {
  try {
    countIndexes(indexes, completions)
    return undefined
  } catch (error) {
    if (error instanceof IndexesError) return error.message
    throw error
  }
}

function validateIndexes(change: Transition): FieldError[] {
  const { completions, backoffLimitPerIndex } = change.spec
  const { completedIndexes = '', failedIndexes } = change.status
  const completedPath = STATUS.child('completedIndexes')
  const failedPath = STATUS.child('failedIndexes')
  const completedChanged = completedIndexesChanged(change)
  const failedChanged = failedIndexesChanged(change)
  const errors: FieldError[] = []
  if (completedChanged && completions !== undefined) {
    const problem = indexesProblem(completedIndexes, completions)
    if (problem) errors.push(invalid(completedPath, completedIndexes, `error parsing completedIndexes: ${problem}`))
  }
  if (failedChanged && completions !== undefined && backoffLimitPerIndex !== undefined && failedIndexes !== undefined) {
    const problem = indexesProblem(failedIndexes, completions)
    if (problem) errors.push(invalid(failedPath, failedIndexes, `error parsing failedIndexes: ${problem}`))
  }
  if (completedChanged && completedIndexes !== '' && !isIndexed(change.spec)) {
    const detail = 'cannot set non-empty completedIndexes when non-indexed completion mode'
    errors.push(invalid(completedPath, completedIndexes, detail))
  }
  if (failedChanged && backoffLimitPerIndex === undefined && failedIndexes !== undefined) {
    const detail = 'cannot set non-null failedIndexes when backoffLimitPerIndex is null'
    errors.push(invalid(failedPath, failedIndexes, detail))
  }
  if ((failedChanged || completedChanged) && completions !== undefined && failedIndexes !== undefined) {
    const index = overlappingIndex(completedIndexes, failedIndexes, completions)
    if (index !== undefined) {
      errors.push(invalid(failedPath, failedIndexes, `failedIndexes and completedIndexes overlap at index: ${index}`))
    }
  }
  return errors
}

function validatePodCounts(change: Transition): FieldError[] {
  const { terminating = 0, ready, active = 0 } = change.status
  const errors: FieldError[] = []
  const terminatingChanged = changedFinished(change) || changedField(change, 'terminating')
  if (terminatingChanged && terminating > 0 && isFinished(change.status)) {
    errors.push(invalid(STATUS.child('terminating'), terminating, 'terminating>0 is invalid for finished job'))
  }
  if (changedField(change, 'ready', 'active') && ready !== undefined && ready > active) {
    errors.push(invalid(STATUS.child('ready'), ready, 'cannot set more ready pods than active'))
  }
  return errors
}

function validateSuccessCriteria({ spec, status }: Transition): FieldError[] {
  const met = hasCondition(status, 'SuccessCriteriaMet')
  const errors: FieldError[] = []
  if (met && hasCondition(status, 'Failed')) {
    errors.push(conditionsError('cannot set SuccessCriteriaMet=True and Failed=true conditions'))
  }
  if (met && hasCondition(status, 'FailureTarget')) {
    errors.push(conditionsError('cannot set SuccessCriteriaMet=True and FailureTarget=true conditions'))
  }
  if (spec.successPolicy && !met && hasCondition(status, 'Complete')) {
    const detail = 'cannot set Complete=True for Job with SuccessPolicy unless SuccessCriteriaMet=True'
    errors.push(conditionsError(detail))
  }
  return errors
}

function validateNothingUndone(change: Transition): FieldError[] {
  const { spec, status, old } = change
  const errors: FieldError[] = []
  for (const type of ['Failed', 'Complete', 'FailureTarget']) {
    if (hasCondition(old, type) && !hasCondition(status, type)) {
      errors.push(conditionsError(`cannot disable the terminal ${type}=True condition`))
    }
  }
  const { failed = 0, succeeded = 0 } = status
  if (failed < (old.failed ?? 0)) {
    errors.push(invalid(STATUS.child('failed'), failed, 'cannot decrease the failed counter'))
  }
  // An indexed job whose parallelism equals its completions can be scaled down.
  const mayShrink = isIndexed(spec) && spec.completions === spec.parallelism
  if (!mayShrink && succeeded < (old.succeeded ?? 0)) {
    errors.push(invalid(STATUS.child('succeeded'), succeeded, 'cannot decrease the succeeded counter'))
  }
  return errors.concat(validateTimesKept(change), validateCriteriaKept(change))
}

function validateTimesKept({ spec, status, old }: Transition): FieldError[] {
  const errors: FieldError[] = []
  if (status.completionTime && old.completionTime && status.completionTime !== old.completionTime) {
    errors.push(invalid(STATUS.child('completionTime'), status.completionTime, 'field is immutable'))
  }
  const resuming = hasCondition(old, 'Suspended') && hasCondition(status, 'Suspended', 'False')
  if (!resuming && old.startTime && status.startTime !== old.startTime && spec.suspend !== true) {
    const detail = 'field is immutable for unsuspended job once set'
    errors.push(invalid(STATUS.child('startTime'), status.startTime ?? null, detail))
  }
  return errors
}

function validateCriteriaKept({ status, old }: Transition): FieldError[] {
  const met = hasCondition(status, 'SuccessCriteriaMet')
  const wasMet = hasCondition(old, 'SuccessCriteriaMet')
  if (wasMet && !met) return [conditionsError('cannot disable the SuccessCriteriaMet=True condition')]
  if (!hasCondition(old, 'Complete') || wasMet || !met) return []
  return [conditionsError('cannot set SuccessCriteriaMet=True for Job already has Complete=true conditions')]
}

/**
 * The status of a Job as its controller, ours or another one, may change it.
 *
 * @see pkg/apis/batch/validation/validation.go validateJobStatus, pkg/registry/batch/job/strategy.go
 */
export function validateJobStatusUpdate(job: Job, oldJob: Job): FieldError[] {
  const change: Transition = { spec: job.spec!, status: job.status ?? {}, old: oldJob.status ?? {} }
  return [
    ...validateCounts(change.status, ['active', 'succeeded', 'failed', 'ready', 'terminating'], STATUS),
    ...validateUncounted(change.status),
    ...validateCompletion(change),
    ...validateFinished(change),
    ...validateIndexes(change),
    ...validatePodCounts(change),
    ...validateSuccessCriteria(change),
    ...validateNothingUndone(change),
  ]
}
