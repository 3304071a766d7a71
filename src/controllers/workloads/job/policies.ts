import type {
  PodFailurePolicy,
  PodFailurePolicyOnExitCodesRequirement,
  PodFailurePolicyRule,
  SuccessPolicy,
} from '../../../apimachinery/types/batch-v1.ts'
import type { ContainerStatus, Pod } from '../../../apimachinery/types/core-v1.ts'
import { IndexSet } from './index-intervals.ts'

/** What a failed pod means for its Job. */
interface FailureVerdict {
  /** Counts towards the back-off limit. */
  readonly counts: boolean
  /** Why the whole Job has failed; undefined: it has not. */
  readonly jobFailure?: string
  readonly failsIndex?: boolean
}

/**
 * The first rule that matches decides; with none the failure counts.
 *
 * @see kubernetes pkg/controller/job/pod_failure_policy.go
 */
export function failureVerdict(policy: PodFailurePolicy | undefined, pod: Pod): FailureVerdict {
  for (const [index, rule] of (policy?.rules ?? []).entries()) {
    const why = rule.onExitCodes ? exitCodeMatch(rule, pod) : conditionMatch(rule, pod)
    if (why === undefined) continue
    switch (rule.action) {
      case 'Ignore':
        return { counts: false }
      case 'FailIndex':
        return { counts: true, failsIndex: true }
      case 'Count':
        return { counts: true }
      case 'FailJob':
        return { counts: true, jobFailure: `${why} matching ${rule.action} rule at index ${index}` }
    }
  }
  return { counts: true }
}

function exitCodeMatch({ onExitCodes }: PodFailurePolicyRule, { metadata, status }: Pod): string | undefined {
  const matches = (all: readonly ContainerStatus[] | undefined) => all?.find((c) => matchesExitCode(c, onExitCodes!))
  const container = matches(status?.containerStatuses) ?? matches(status?.initContainerStatuses)
  if (!container) return undefined
  const { exitCode } = container.state!.terminated!
  return `Container ${container.name} for pod ${metadata.namespace}/${metadata.name} failed with exit code ${exitCode}`
}

function matchesExitCode(
  { name, state }: ContainerStatus,
  { containerName, operator, values }: PodFailurePolicyOnExitCodesRequirement,
): boolean {
  const exitCode = state?.terminated?.exitCode
  if (!exitCode || (containerName !== undefined && containerName !== name)) return false
  return operator === 'In' ? values.includes(exitCode) : operator === 'NotIn' && !values.includes(exitCode)
}

function conditionMatch({ onPodConditions = [] }: PodFailurePolicyRule, { metadata, status }: Pod): string | undefined {
  for (const { type, status: value } of status?.conditions ?? []) {
    if (onPodConditions.some((p) => p.type === type && (p.status ?? '') === value)) {
      return `Pod ${metadata.namespace}/${metadata.name} has condition ${type}`
    }
  }
  return undefined
}

/** Which rule of a success policy is met, in words; undefined: none. */
export function successMatch(
  policy: SuccessPolicy | undefined,
  completions: number,
  succeeded: IndexSet,
): string | undefined {
  if (!policy || succeeded.size === 0) return undefined
  const index = policy.rules.findIndex(({ succeededIndexes, succeededCount }) => {
    if (succeededIndexes === undefined) return succeededCount !== undefined && succeeded.size >= succeededCount
    const wanted = IndexSet.parse(succeededIndexes, completions)
    if (wanted.size === 0) return false
    const done = wanted.overlap(succeeded)
    return done === wanted.size || (succeededCount !== undefined && done >= succeededCount)
  })
  return index < 0 ? undefined : `Matched rules at index ${index}`
}
