import { parseTime } from '../../../apimachinery/clock.ts'
import type { Pod, Service } from '../../../apimachinery/types/core-v1.ts'
import type { ObjectKey, Typed } from '../../runtime/client.ts'
import { keyOf, keyText } from '../../runtime/object-key.ts'

interface ServiceState {
  readonly created: number
  /** Pod's name → when it became ready, or not. */
  readonly pods: ReadonlyMap<string, number>
}

/**
 * Tells what change an update of endpoints answers to: the earliest that was not seen before. Remembers each service's
 * last state, as upstream does, for latencies of programming the network to be measured.
 */
export class TriggerTimes {
  readonly #services = new Map<string, ServiceState>()

  /** Milliseconds since the epoch; undefined where nothing new happened. */
  of(service: Typed<Service>, pods: readonly Typed<Pod>[]): number | undefined {
    const key = keyText(keyOf(service))
    const known = this.#services.get(key)
    const times = new Map<string, number>()
    let earliest: number | undefined
    const changed = (time: number): void => {
      if (earliest === undefined || time < earliest) earliest = time
    }
    for (const pod of pods) {
      const time = readyTransition(pod)
      if (time === undefined) continue
      const name = pod.metadata.name!
      times.set(name, time)
      if (time > (known?.pods.get(name) ?? 0)) changed(time)
    }
    const created = parseTime(service.metadata.creationTimestamp!)
    if (created > (known?.created ?? 0)) changed(created)
    this.#services.set(key, { created, pods: times })
    return known ? earliest : created
  }

  forget(key: ObjectKey): void {
    this.#services.delete(keyText(key))
  }
}

function readyTransition({ status }: Typed<Pod>): number | undefined {
  const time = status?.conditions?.find((c) => c.type === 'Ready')?.lastTransitionTime
  return time ? parseTime(time) : undefined
}
