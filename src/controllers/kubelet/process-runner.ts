import type { ContainerRun } from './container-run.ts'
import { ExecSession } from './exec-session.ts'
import { isBareShell } from './process.ts'
import type { Program } from './program.ts'
import type { Timeline } from './timeline.ts'

/** Steps without a pause before others get a turn. */
const MAX_STEPS = 1000
/** What a process waits that never stops to rest. */
const BREATH_MS = 10

/**
 * Runs a container's process along the timeline: what it writes goes to the log, its exit code to `ended`. One that has
 * an input waits for what comes by attach.
 */
export function runProcess(
  run: ContainerRun,
  program: Program | undefined,
  timeline: Timeline,
  ended: (exitCode: number) => void,
): void {
  if (!program) return
  const { log, container } = run
  // Never within the turn that started it: a container is seen to run before it is seen to end.
  const exit = (code: number): void => run.keep(timeline.after(0, () => ended(code)))
  if (container.stdin) {
    run.session = new ExecSession({
      program,
      timeline,
      tty: container.tty ?? false,
      isInteractive: isBareShell(container),
      sink: { write: (stream, data) => log.write(timeline.now(), stream, data.toString('utf8')), exit },
    })
    run.session.start()
    return
  }
  const resume = (): void => {
    for (let steps = 0; ; steps++) {
      const step = program.next(undefined)
      if (step.done) {
        exit(step.value)
        return
      }
      if (step.value.kind === 'write') log.write(timeline.now(), step.value.stream, step.value.data.toString('utf8'))
      const pause = step.value.kind === 'sleep' ? step.value.ms : steps >= MAX_STEPS ? BREATH_MS : undefined
      if (pause !== undefined) {
        run.keep(timeline.after(pause, resume))
        return
      }
    }
  }
  resume()
}
