import type { Container, Pod } from '../../apimachinery/types/core-v1.ts'
import { parseDurationMs } from './duration.ts'

/** How a simulated container behaves. Milliseconds throughout; undefined times never come. */
export interface ContainerBehaviour {
  /** Pulling the image, where the node does not have it yet. */
  readonly pullMs: number
  /** Why the image cannot be pulled; undefined: it can. */
  readonly pullFailure: string | undefined
  /** From the image to the running process. */
  readonly startMs: number
  /** How long the process runs; undefined: as its command says, or for ever. */
  readonly runForMs: number | undefined
  /** What it exits with then. */
  readonly exitCode: number | undefined
  /** So many first runs end with {@link crashExitCode} after {@link crashAfterMs}. */
  readonly crashTimes: number
  readonly crashAfterMs: number
  readonly crashExitCode: number
  /** When the kernel kills it for its memory. */
  readonly oomAfterMs: number | undefined
  /** From running to ready, on top of what its probes ask for. */
  readonly readyAfterMs: number
  /** When its readiness probe begins to fail. */
  readonly failReadinessAfterMs: number | undefined
  /** When its liveness probe begins to fail. */
  readonly failLivenessAfterMs: number | undefined
  /** How long it takes to end when told to. */
  readonly stopMs: number
  /** Thousandths of a core that it uses; undefined: a tenth of the request. */
  readonly cpuMilli: number | undefined
  /** Memory that it uses; undefined: half of the request. */
  readonly memoryBytes: number | undefined
  /** A line that it logs. */
  readonly log: string | undefined
  /** How often; undefined: once, when it starts. */
  readonly logEveryMs: number | undefined
}

/** What a container does that nobody has told to do anything else: it starts within a moment, is ready and runs. */
const DEFAULT_BEHAVIOUR: ContainerBehaviour = {
  pullMs: 0,
  pullFailure: undefined,
  startMs: 1,
  runForMs: undefined,
  exitCode: undefined,
  crashTimes: 0,
  crashAfterMs: 1000,
  crashExitCode: 1,
  oomAfterMs: undefined,
  readyAfterMs: 0,
  failReadinessAfterMs: undefined,
  failLivenessAfterMs: undefined,
  stopMs: 0,
  cpuMilli: undefined,
  memoryBytes: undefined,
  log: undefined,
  logEveryMs: undefined,
}

const PREFIX = 'kubemu.dev/'

const integer = (text: string): number | undefined => (/^-?\d+$/.test(text) ? Number(text) : undefined)
const words = (text: string): string => text

const BINARY_UNITS: Readonly<Record<string, number>> = {
  '': 1,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  k: 1e3,
  M: 1e6,
  G: 1e9,
}

function bytes(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)(Ki|Mi|Gi|k|M|G)?$/.exec(text)
  return match ? Number(match[1]) * BINARY_UNITS[match[2] ?? '']! : undefined
}

function milliCpu(text: string): number | undefined {
  if (/^\d+m$/.test(text)) return Number(text.slice(0, -1))
  return /^\d+(\.\d+)?$/.test(text) ? Number(text) * 1000 : undefined
}

type Field = keyof ContainerBehaviour

/** Annotations, by their name behind the prefix: what they set and how they are read. */
const BEHAVIOUR_ANNOTATIONS: Readonly<
  Record<string, { readonly field: Field; readonly read: (text: string) => number | string | undefined }>
> = {
  'pull-time': { field: 'pullMs', read: parseDurationMs },
  'pull-failure': { field: 'pullFailure', read: words },
  'start-delay': { field: 'startMs', read: parseDurationMs },
  'run-for': { field: 'runForMs', read: parseDurationMs },
  'exit-code': { field: 'exitCode', read: integer },
  'crash-times': { field: 'crashTimes', read: integer },
  'crash-after': { field: 'crashAfterMs', read: parseDurationMs },
  'crash-exit-code': { field: 'crashExitCode', read: integer },
  'oom-after': { field: 'oomAfterMs', read: parseDurationMs },
  'ready-after': { field: 'readyAfterMs', read: parseDurationMs },
  'fail-readiness-after': { field: 'failReadinessAfterMs', read: parseDurationMs },
  'fail-liveness-after': { field: 'failLivenessAfterMs', read: parseDurationMs },
  'stop-time': { field: 'stopMs', read: parseDurationMs },
  'cpu-usage': { field: 'cpuMilli', read: milliCpu },
  'memory-usage': { field: 'memoryBytes', read: bytes },
  log: { field: 'log', read: words },
  'log-every': { field: 'logEveryMs', read: parseDurationMs },
}

/** What a pod's annotations say of one of its containers: `kubemu.dev/<what>`, or `<container>.kubemu.dev/<what>`. */
export function behaviourOf(pod: Pod, container: Container): ContainerBehaviour {
  const annotations = pod.metadata.annotations
  if (!annotations) return DEFAULT_BEHAVIOUR
  let behaviour: Record<string, unknown> | undefined
  for (const key in annotations) {
    if (!key.includes(PREFIX)) continue
    const [owner, what = ''] = key.startsWith(PREFIX)
      ? ['', key.slice(PREFIX.length)]
      : [key.slice(0, key.indexOf(`.${PREFIX}`)), key.slice(key.indexOf(PREFIX) + PREFIX.length)]
    const known = Object.hasOwn(BEHAVIOUR_ANNOTATIONS, what) ? BEHAVIOUR_ANNOTATIONS[what] : undefined
    if (!known || (owner !== '' && owner !== container.name)) continue
    const value = known.read(annotations[key]!)
    // One for the container itself wins over one for the pod, whatever the order.
    const isOverridden = owner === '' && annotations[`${container.name}.${PREFIX}${what}`] !== undefined
    if (value === undefined || isOverridden) continue
    behaviour ??= { ...DEFAULT_BEHAVIOUR }
    behaviour[known.field] = value
  }
  return (behaviour as ContainerBehaviour | undefined) ?? DEFAULT_BEHAVIOUR
}
