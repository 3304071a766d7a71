import type { Container, Pod } from '../../apimachinery/types/core-v1.ts'
import { type ConfigData, environmentOf } from './environment.ts'
import { mountedFiles } from './mounted-files.ts'
import type { Program } from './program.ts'
import { Shell } from './shell.ts'

interface ProcessOptions {
  readonly pod: Pod
  readonly container: Container
  readonly hostIp: string
  readonly podIp: string
  readonly config: ConfigData
  /** What nothing is known of runs for ever, as a server; otherwise it ends well after a second. */
  readonly forever: boolean
}

/** How long a process runs of which nothing is known, where it is meant to end. */
const UNKNOWN_RUN_MS = 1000

/** What a container's command does; undefined: it runs and says nothing. */
export function containerProgram(options: ProcessOptions): Program | undefined {
  const { container, forever } = options
  if (container.command?.length || isShellImage(container.image ?? '')) {
    const shell = new Shell({
      environment: environmentOf(options, options.config),
      files: mountedFiles(options, options.config),
      hostname: hostnameOf(options.pod),
    })
    const command = commandOf(container)
    const foreignMs = forever ? Number.POSITIVE_INFINITY : UNKNOWN_RUN_MS
    const program = shell.containerProgram(command.length === 0 && container.stdin ? ['sh'] : command, foreignMs)
    if (program) return program
  }
  return forever ? undefined : ends()
}

const commandOf = ({ command = [], args = [] }: Container): string[] => [...command, ...args]

/** Whether a container's process is a shell that somebody may type into. */
export function isBareShell(container: Container): boolean {
  const [program, ...args] = commandOf(container)
  return program === undefined || (/(^|\/)(ba|a|da)?sh$/.test(program) && args.length === 0)
}

function* ends(): Program {
  yield { kind: 'sleep', ms: UNKNOWN_RUN_MS }
  return 0
}

/** Images whose arguments are a command of their own. */
function isShellImage(image: string): boolean {
  return /(^|\/)(busybox|alpine|debian|ubuntu|bash)(:|@|$)/.test(image)
}

export function hostnameOf(pod: Pod): string {
  return pod.spec?.hostname || (pod.metadata.name ?? '').slice(0, 63)
}
