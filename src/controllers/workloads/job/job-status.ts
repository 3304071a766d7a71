import { formatTime, parseTime } from '../../../apimachinery/clock.ts'
import type { Job, JobCondition, JobStatus } from '../../../apimachinery/types/batch-v1.ts'
import type { Pod } from '../../../apimachinery/types/core-v1.ts'
import { isPodFailed, isSuspended } from './job-pods.ts'
import { failureVerdict } from './policies.ts'

export function jobCondition(status: JobStatus | undefined, type: string): JobCondition | undefined {
  return status?.conditions?.find((c) => c.type === type)
}

export function newJobCondition(
  type: string,
  reason: string,
  message: string,
  now: number,
  status: 'True' | 'False' = 'True',
): JobCondition {
  const time = formatTime(now)
  return { type, status, lastProbeTime: time, lastTransitionTime: time, reason, message }
}

/** Sets a condition; undefined where it is so already. One that is false is only set where there was one before. */
export function withJobCondition(
  conditions: readonly JobCondition[] | undefined,
  condition: JobCondition,
): JobCondition[] | undefined {
  const known = conditions?.find((c) => c.type === condition.type)
  if (!known) return condition.status === 'False' ? undefined : [...(conditions ?? []), condition]
  const { status, reason, message } = condition
  if (known.status === status && known.reason === reason && known.message === message) return undefined
  return conditions!.map((c) => (c === known ? condition : c))
}

/** Why the Job is to end, as its pods and its limits stand; undefined: it goes on. */
export function endOfJob(job: Job, pods: readonly Pod[], failed: number, now: number): JobCondition | undefined {
  const { spec, status } = job
  const target = jobCondition(status, 'FailureTarget')
  if (target?.status === 'True') return newJobCondition('Failed', target.reason ?? '', target.message ?? '', now)
  const byPolicy = policyFailure(job, pods)
  if (byPolicy !== undefined) return newJobCondition('FailureTarget', 'PodFailurePolicy', byPolicy, now)
  const fails = (reason: string, message: string) => newJobCondition('FailureTarget', reason, message, now)
  if (failed > (spec?.backoffLimit ?? 6) || hasRestartedTooOften(job, pods)) {
    return fails('BackoffLimitExceeded', 'Job has reached the specified backoff limit')
  }
  const remaining = remainingDeadlineMs(job, now)
  if (remaining !== undefined && remaining <= 0) {
    return fails('DeadlineExceeded', 'Job was active longer than specified deadline')
  }
  return undefined
}

function policyFailure(job: Job, pods: readonly Pod[]): string | undefined {
  const policy = job.spec?.podFailurePolicy
  if (!policy) return undefined
  for (const pod of pods) {
    const why = isPodFailed(pod, job) ? failureVerdict(policy, pod).jobFailure : undefined
    if (why !== undefined) return why
  }
  return undefined
}

/** Containers that are restarted in place count as failures of pods do. */
function hasRestartedTooOften({ spec }: Job, pods: readonly Pod[]): boolean {
  if (spec?.template.spec?.restartPolicy !== 'OnFailure') return false
  const limit = spec.backoffLimit ?? 6
  let restarts = 0
  for (const { status } of pods) {
    if (status?.phase !== 'Running' && status?.phase !== 'Pending') continue
    for (const c of [...(status.initContainerStatuses ?? []), ...(status.containerStatuses ?? [])]) {
      restarts += c.restartCount
    }
  }
  return limit === 0 ? restarts > 0 : restarts >= limit
}

/** Milliseconds that a Job may still be active; undefined: as long as it likes. */
export function remainingDeadlineMs(job: Job, now: number): number | undefined {
  const { spec, status } = job
  if (spec?.activeDeadlineSeconds === undefined || status?.startTime === undefined || isSuspended(job)) return undefined
  return parseTime(status.startTime) + spec.activeDeadlineSeconds * 1000 - now
}
