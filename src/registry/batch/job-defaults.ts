import type { Job, JobSpec } from '../../apimachinery/types/batch-v1.ts'
import { defaultPodTemplate } from '../apps/pod-template-defaults.ts'

const DEFAULT_BACKOFF_LIMIT = 6
const MAX_INT32 = 2_147_483_647

/** Defaults of the types inside a spec: all that the template of a CronJob gets. */
export function setJobTemplateDefaults(spec: JobSpec): void {
  for (const rule of spec.podFailurePolicy?.rules ?? []) {
    for (const pattern of rule.onPodConditions ?? []) pattern.status ||= 'True'
  }
  defaultPodTemplate(spec)
}

/**
 * A Job without labels has those of its template. Both are one map from then on, as upstream: labels that are generated
 * for the template before the Job is stored become labels of the Job as well.
 */
export function setJobLabels(job: Job): void {
  const labels = job.spec?.template?.metadata?.labels
  if (labels && Object.keys(job.metadata.labels ?? {}).length === 0) job.metadata.labels = labels
}

/** @see pkg/apis/batch/v1/defaults.go SetDefaults_Job */
export function setJobDefaults(job: Job): void {
  job.spec ??= {} as JobSpec
  const spec = job.spec
  if (spec.completions === undefined && spec.parallelism === undefined) spec.completions = 1
  spec.parallelism ??= 1
  spec.backoffLimit ??= spec.backoffLimitPerIndex === undefined ? DEFAULT_BACKOFF_LIMIT : MAX_INT32
  setJobLabels(job)
  spec.completionMode ??= 'NonIndexed'
  spec.suspend ??= false
  spec.podReplacementPolicy ??= spec.podFailurePolicy ? 'Failed' : 'TerminatingOrFailed'
  spec.manualSelector ??= false
  setJobTemplateDefaults(spec)
}
