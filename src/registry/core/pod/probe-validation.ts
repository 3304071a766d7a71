import { forbidden, invalid, required } from '../../../apimachinery/field-error.ts'
import type { FieldPath } from '../../../apimachinery/field-path.ts'
import type {
  GRPCAction,
  HTTPGetAction,
  Lifecycle,
  LifecycleHandler,
  PodOS,
  Probe,
} from '../../../apimachinery/types/core-v1.ts'
import type { IntOrString } from '../../../apimachinery/types/intstr.ts'
import { isHTTPHeaderName, isValidPortName, isValidPortNum } from '../../../apimachinery/validation/names.ts'
import { addInvalid, checkOneOf, checkRequired, type Errors } from './field-checks.ts'

const ONE_HANDLER = 'may not specify more than 1 handler type'

interface Handler extends LifecycleHandler {
  readonly grpc?: GRPCAction
}

const HANDLERS: readonly (keyof Handler)[] = ['exec', 'httpGet', 'tcpSocket', 'grpc', 'sleep']

function checkHandler(errors: Errors, handler: Handler, gracePeriod: number | undefined, path: FieldPath): void {
  let found = false
  for (const name of HANDLERS) {
    if (handler[name] === undefined) continue
    const at = path.child(name)
    if (found) errors.push(forbidden(at, ONE_HANDLER))
    else checkOneHandler(errors, handler, name, gracePeriod, at)
    found = true
  }
  if (!found) errors.push(required(path, 'must specify a handler type'))
}

function checkOneHandler(
  errors: Errors,
  handler: Handler,
  name: keyof Handler,
  gracePeriod: number | undefined,
  path: FieldPath,
): void {
  switch (name) {
    case 'exec':
      if (!handler.exec!.command?.length) errors.push(required(path.child('command'), ''))
      return
    case 'httpGet':
      checkHttpGet(errors, handler.httpGet!, path)
      return
    case 'tcpSocket':
      checkPortNumOrName(errors, handler.tcpSocket!.port, path.child('port'))
      return
    case 'grpc':
      checkPortNumOrName(errors, handler.grpc!.port, path.child('port'))
      return
    case 'sleep':
      checkSleep(errors, handler.sleep!.seconds ?? 0, gracePeriod, path)
  }
}

function checkHttpGet(errors: Errors, action: HTTPGetAction, path: FieldPath): void {
  checkRequired(errors, action.path, path, 'path')
  checkPortNumOrName(errors, action.port, path.child('port'))
  checkOneOf(errors, action.scheme, path.child('scheme'), ['HTTP', 'HTTPS'])
  for (const { name = '' } of action.httpHeaders ?? []) {
    addInvalid(errors, path.child('httpHeaders'), name, isHTTPHeaderName(name))
  }
}

function checkSleep(errors: Errors, seconds: number, gracePeriod: number | undefined, path: FieldPath): void {
  if (gracePeriod === undefined || (seconds >= 0 && seconds <= gracePeriod)) return
  const detail = `must be non-negative and less than terminationGracePeriodSeconds (${gracePeriod})`
  errors.push(invalid(path, seconds, detail))
}

/** A port by number or by name; unset reads as 0. */
function checkPortNumOrName(errors: Errors, port: IntOrString | undefined, path: FieldPath): void {
  const messages = typeof port === 'string' ? isValidPortName(port) : isValidPortNum(port ?? 0)
  addInvalid(errors, path, port ?? 0, messages)
}

const COUNTS = [
  'initialDelaySeconds',
  'timeoutSeconds',
  'periodSeconds',
  'successThreshold',
  'failureThreshold',
] as const

function checkProbe(errors: Errors, probe: Probe, gracePeriod: number | undefined, path: FieldPath): void {
  checkHandler(errors, probe, gracePeriod, path)
  for (const field of COUNTS) {
    const value = probe[field] ?? 0
    if (value < 0) errors.push(invalid(path.child(field), value, 'must be greater than or equal to 0'))
  }
  const grace = probe.terminationGracePeriodSeconds
  if (grace !== undefined && grace <= 0) {
    errors.push(invalid(path.child('terminationGracePeriodSeconds'), grace, 'must be greater than 0'))
  }
}

interface Probed {
  readonly livenessProbe?: Probe
  readonly readinessProbe?: Probe
  readonly startupProbe?: Probe
}

/** The three probes of a container. */
export function checkProbes(
  errors: Errors,
  { livenessProbe, readinessProbe, startupProbe }: Probed,
  gracePeriod: number | undefined,
  path: FieldPath,
): void {
  if (livenessProbe) {
    checkProbe(errors, livenessProbe, gracePeriod, path.child('livenessProbe'))
    checkSuccessThreshold(errors, livenessProbe, path.child('livenessProbe'))
  }
  if (readinessProbe) {
    const own = path.child('readinessProbe')
    checkProbe(errors, readinessProbe, gracePeriod, own)
    const grace = readinessProbe.terminationGracePeriodSeconds
    if (grace !== undefined) {
      errors.push(invalid(own.child('terminationGracePeriodSeconds'), grace, 'must not be set for readinessProbes'))
    }
  }
  if (startupProbe) {
    checkProbe(errors, startupProbe, gracePeriod, path.child('startupProbe'))
    checkSuccessThreshold(errors, startupProbe, path.child('startupProbe'))
  }
}

function checkSuccessThreshold(errors: Errors, { successThreshold = 0 }: Probe, path: FieldPath): void {
  if (successThreshold !== 1) errors.push(invalid(path.child('successThreshold'), successThreshold, 'must be 1'))
}

/** Signals that an image may be stopped with, sorted as errors list them. */
const STOP_SIGNALS: Readonly<Record<string, readonly string[]>> = {
  linux: [
    'ABRT ALRM BUS CHLD CLD CONT FPE HUP ILL INT IO IOT KILL PIPE POLL PROF PWR QUIT RTMAX',
    ...numbered('RTMAX-', 14),
    'RTMIN',
    ...numbered('RTMIN+', 15),
    'SEGV STKFLT STOP SYS TERM TRAP TSTP TTIN TTOU URG USR1 USR2 VTALRM WINCH XCPU XFSZ',
  ]
    .flatMap((names) => names.split(' '))
    .map((name) => `SIG${name}`),
  windows: ['SIGKILL', 'SIGTERM'],
}

/** `prefix` with 1 to `last`, sorted as text. */
function numbered(prefix: string, last: number): string[] {
  return Array.from({ length: last }, (_, i) => `${prefix}${i + 1}`).sort()
}

/** What happens when a container starts and before it ends. */
export function checkLifecycle(
  errors: Errors,
  lifecycle: Lifecycle | undefined,
  gracePeriod: number | undefined,
  path: FieldPath,
  os: PodOS | undefined,
): void {
  if (!lifecycle) return
  if (lifecycle.postStart) checkHandler(errors, lifecycle.postStart, gracePeriod, path.child('postStart'))
  if (lifecycle.preStop) checkHandler(errors, lifecycle.preStop, gracePeriod, path.child('preStop'))
  if (lifecycle.stopSignal === undefined) return
  const at = path.child('stopSignal')
  if (!os) errors.push(forbidden(at, 'may not be set for containers with empty `spec.os.name`'))
  else {
    const signals = STOP_SIGNALS[os.name]
    if (signals) checkOneOf(errors, lifecycle.stopSignal, at, signals)
  }
}
