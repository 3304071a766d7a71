import type { Clock } from '../../apimachinery/clock.ts'
import { ApiEventRecorder } from './api-event-recorder.ts'
import type { Client } from './client.ts'
import type { EventRecorder } from './controller.ts'
import type { InformerSet } from './informer-set.ts'
import type { Logger } from './logger.ts'
import type { RuntimeMetrics } from './runtime-metrics.ts'

/** What a loop works with; everything but the identity is shared with the other controllers. */
export interface LoopContext {
  readonly client: Client
  readonly informers: InformerSet
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: RuntimeMetrics
  readonly events: EventRecorder
}

/**
 * A control loop that finds out while it runs what there is to watch (the garbage collector), and so cannot say it
 * beforehand as a `Controller` does.
 */
export interface ControlLoop {
  /** Name as kube-controller-manager has it. */
  readonly name: string
  /** Its service account in kube-system; undefined: the manager's own identity. */
  readonly serviceAccount?: string
  /** Component that its Events name; default: `name`. */
  readonly eventSource?: string
  /** Begins to work. The returned function ends it and resolves when nothing is under way any more. */
  start(context: LoopContext): Promise<() => Promise<void>>
}

/** Groups that every service account of kube-system is in. */
const SERVICE_ACCOUNT_GROUPS = ['system:serviceaccounts', 'system:serviceaccounts:kube-system', 'system:authenticated']

/** Starts a loop under its own identity; returns what ends it. */
export async function startLoop(loop: ControlLoop, shared: Omit<LoopContext, 'events'>): Promise<() => Promise<void>> {
  const { serviceAccount, name, eventSource } = loop
  const client = serviceAccount
    ? shared.client.as(`system:serviceaccount:kube-system:${serviceAccount}`, SERVICE_ACCOUNT_GROUPS)
    : shared.client
  const { clock, logger } = shared
  const events = new ApiEventRecorder({ client, clock, logger, component: eventSource ?? name })
  const stop = await loop.start({ ...shared, client, events })
  return async () => {
    await stop()
    events.stop()
  }
}
