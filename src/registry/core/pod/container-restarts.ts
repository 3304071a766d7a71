import type { Container, ContainerRestartRule, PodSpec } from '../../../apimachinery/types/core-v1.ts'

/**
 * Whether a container that ended so is started again: by its rules, else by its own policy, else by the pod's.
 *
 * @see kubernetes pkg/api/v1/pod/util.go ContainerShouldRestart
 */
export function containerShouldRestart(
  container: Container,
  spec: PodSpec,
  exitCode: number,
  { restartAllContainers }: { readonly restartAllContainers: boolean },
): boolean {
  if (container.restartPolicy !== undefined) {
    const action = container.restartPolicyRules?.find((rule) => matches(rule, exitCode))?.action
    if (action === 'Restart' || (action === 'RestartAllContainers' && restartAllContainers)) return true
    if (container.restartPolicy === 'Always') return true
    if (container.restartPolicy === 'OnFailure') return exitCode !== 0
    if (container.restartPolicy === 'Never') return false
  }
  if (spec.restartPolicy === 'OnFailure') return exitCode !== 0
  return spec.restartPolicy !== 'Never'
}

function matches({ exitCodes }: ContainerRestartRule, exitCode: number): boolean {
  const listed = exitCodes?.values?.includes(exitCode) ?? false
  return (exitCodes?.operator === 'In' && listed) || (exitCodes?.operator === 'NotIn' && !listed)
}

/** Whether some container's end may start all of them again. */
export function allContainersCouldRestart({ initContainers, containers }: PodSpec): boolean {
  return [...(initContainers ?? []), ...(containers ?? [])].some((c) =>
    c.restartPolicyRules?.some((rule) => rule.action === 'RestartAllContainers'),
  )
}
