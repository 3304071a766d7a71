import { serviceUnavailable } from '../apimachinery/api-error.ts'
import type { KubeObject } from '../apimachinery/kube-object.ts'
import type { Client, WatchReceiver } from '../controllers/runtime/client.ts'
import { type ClientCall, type ClientLayer, wrapClient } from '../controllers/runtime/wrapped-client.ts'

/**
 * Stands between the API and what runs in the cluster's process, so that all of it can be cut off at once: before the
 * state below it is replaced, nothing that was decided on the old state may be written into the new one.
 */
export class ClientGate implements ClientLayer {
  readonly #watches = new Set<() => void>()
  #underWay = 0
  #isClosed = false
  #onIdle: (() => void)[] = []

  /** A client that goes through the gate, as do those made of it. */
  client(inner: Client): Client {
    return wrapClient(inner, this)
  }

  /** True while no call is under way. */
  get isIdle(): boolean {
    return this.#underWay === 0
  }

  /** Ends watches and refuses calls from now on; resolves once those under way have come to their end. */
  async close(): Promise<void> {
    this.#isClosed = true
    for (const stop of this.#watches) stop()
    this.#watches.clear()
    if (this.isIdle) return
    await new Promise<void>((resolve) => this.#onIdle.push(resolve))
  }

  /** Runs a call, and counts it. Errors: 503 once the gate is closed. */
  request<T>(_call: ClientCall, send: () => Promise<T>): Promise<T> {
    if (this.#isClosed) return Promise.reject(cutOff())
    this.#underWay++
    const result = send()
    result.then(this.#done, this.#done)
    return result
  }

  watch<T extends KubeObject>(
    begin: (receiver: WatchReceiver<T>) => () => void,
    receiver: WatchReceiver<T>,
  ): () => void {
    if (this.#isClosed) {
      queueMicrotask(() => receiver.end(cutOff()))
      return () => {}
    }
    const stop = begin(receiver)
    this.#watches.add(stop)
    return () => {
      this.#watches.delete(stop)
      stop()
    }
  }

  readonly #done = (): void => {
    this.#underWay--
    if (this.#underWay > 0 || this.#onIdle.length === 0) return
    for (const resolve of this.#onIdle.splice(0)) resolve()
  }
}

function cutOff(): Error {
  return serviceUnavailable('the cluster has been taken to another state')
}
