import { Etcd3, type IOptions } from 'etcd3'
import type { Clock } from '../../apimachinery/clock.ts'
import type { StorageErrorDetails } from '../storage-error.ts'
import { type EtcdFailure, etcdFailure } from './etcd-errors.ts'

export interface EtcdTls {
  /** PEM of the authority that signed the servers' certificates. */
  readonly ca: Buffer
  /** PEM of the client's certificate and key, where the servers ask for one. */
  readonly cert?: Buffer
  readonly key?: Buffer
}

interface EtcdClientOptions {
  /** `http://host:port` or `https://host:port`, all of one cluster and one scheme. */
  readonly endpoints: readonly string[]
  readonly tls?: EtcdTls
  readonly clock: Clock
  /** Longest time for one attempt. */
  readonly requestTimeoutMs: number
  /** Longest time to go on trying while the cluster can't be reached. */
  readonly retryMs: number
}

type Policy = NonNullable<NonNullable<IOptions['faultHandling']>['global']>

const neverAborted = new AbortController().signal
const nothingToDispose = { dispose: () => {} }

/**
 * No retries inside the client: its own policy repeats writes whose outcome is unknown, and its circuit breaker turns a
 * restart of the server into five seconds of refusals.
 */
const passThrough: Policy = {
  _altReturn: undefined as never,
  onSuccess: () => nothingToDispose,
  onFailure: () => nothingToDispose,
  execute: async (call) => call({ signal: neverAborted }),
}

/** As upstream's etcd client (storagebackend/factory/etcd3.go), but back within a second of a server's return. */
const CHANNEL = {
  'grpc.keepalive_time_ms': 30_000,
  'grpc.keepalive_timeout_ms': 10_000,
  'grpc.initial_reconnect_backoff_ms': 50,
  'grpc.min_reconnect_backoff_ms': 50,
  'grpc.max_reconnect_backoff_ms': 1_000,
  'grpc-node.flow_control_window': 4 * 1024 * 1024,
  'grpc.max_receive_message_length': -1,
  'grpc.max_send_message_length': -1,
}

const FIRST_BACKOFF_MS = 25
const MAX_BACKOFF_MS = 500

/** One attempt of a call. `isUncertain`: an attempt before it may have had its effect. */
export type EtcdCall<T> = (etcd: Etcd3, attempt: { readonly isUncertain: boolean }) => Promise<T>

/** The endpoints of a cluster: sticks to one, goes on to the next when it fails. */
export class EtcdClient {
  readonly #options: EtcdClientOptions
  readonly #clients: readonly Etcd3[]
  #current = 0
  #isClosing = false

  constructor(options: EtcdClientOptions) {
    const { endpoints, tls } = options
    if (endpoints.length === 0) throw new RangeError('etcd: at least one endpoint is needed')
    const secure = endpoints.filter((endpoint) => endpoint.startsWith('https:')).length
    if (secure !== 0 && secure !== endpoints.length) throw new RangeError('etcd: endpoints mix http and https')
    const credentials =
      secure > 0 && tls !== undefined
        ? { rootCertificate: tls.ca, privateKey: tls.key, certChain: tls.cert }
        : undefined
    this.#options = options
    this.#clients = endpoints.map(
      (endpoint) =>
        new Etcd3({
          hosts: endpoint.replace(/\/$/, ''),
          credentials,
          grpcOptions: CHANNEL,
          faultHandling: { global: passThrough, host: () => passThrough },
        }),
    )
  }

  /** One connection per endpoint. */
  get all(): readonly Etcd3[] {
    return this.#clients
  }

  /** The connection to use now. */
  get current(): Etcd3 {
    return this.#clients[this.#current] as Etcd3
  }

  /** Options of one attempt. */
  deadline(): { readonly deadline: number } {
    return { deadline: Date.now() + this.#options.requestTimeoutMs }
  }

  /** `failed` does not answer: the next endpoint's turn, unless somebody has moved on already. */
  moveOn(failed: Etcd3): void {
    if (this.current === failed) this.#current = (this.#current + 1) % this.#clients.length
  }

  /**
   * Runs a call; tries again, up to `retryMs`, while the cluster can't be reached. The call is told when an attempt
   * before it may have had its effect, and must be a compare-and-set or a read. Errors: {@link StorageError}.
   */
  async run<T>(call: EtcdCall<T>, details: StorageErrorDetails = {}): Promise<T> {
    const { clock, retryMs } = this.#options
    const until = clock.now() + retryMs
    let isUncertain = false
    for (let backoffMs = FIRST_BACKOFF_MS; ; backoffMs = Math.min(backoffMs * 2, MAX_BACKOFF_MS)) {
      const etcd = this.current
      let failure: EtcdFailure
      try {
        return await call(etcd, { isUncertain })
      } catch (error) {
        failure = etcdFailure(error, details)
      }
      if (!failure.isTransient || this.#isClosing || clock.now() + backoffMs > until) throw failure.error
      isUncertain ||= !failure.isHarmless
      this.moveOn(etcd)
      await new Promise<void>((resolve) => {
        clock.setTimer(resolve, backoffMs)
      })
    }
  }

  /** What is under way comes to its end with its present attempt. */
  stopRetrying(): void {
    this.#isClosing = true
  }

  close(): void {
    for (const etcd of this.#clients) etcd.close()
  }
}
