import type { Clock, Timer } from '../../apimachinery/clock.ts'
import type { EtcdClient } from './etcd-client.ts'

/** The key over which all API servers of a cluster agree who compacts: upstream's, so that it works beside one. */
const COMPACT_KEY = Buffer.from('compact_rev_key')

/**
 * Forgets what is older than one to two intervals, by upstream's protocol (storage/etcd3/compact.go): the version of
 * one key is the time, whoever raises it compacts to the revision that it saw an interval ago.
 */
export class EtcdCompactor {
  readonly #client: EtcdClient
  readonly #clock: Clock
  readonly #intervalMs: number
  readonly #onError: (error: unknown) => void
  #timer: Timer | undefined
  #time = 0
  #revision = 0
  #isStopped = false

  constructor(options: {
    readonly client: EtcdClient
    readonly clock: Clock
    readonly intervalMs: number
    readonly onError: (error: unknown) => void
  }) {
    this.#client = options.client
    this.#clock = options.clock
    this.#intervalMs = options.intervalMs
    this.#onError = options.onError
    this.#schedule()
  }

  stop(): void {
    this.#isStopped = true
    this.#timer?.cancel()
  }

  #schedule(): void {
    if (this.#isStopped) return
    this.#timer = this.#clock.setTimer(() => {
      this.#step().then(
        () => this.#schedule(),
        (error) => {
          this.#onError(error)
          this.#schedule()
        },
      )
    }, this.#intervalMs)
  }

  async #step(): Promise<void> {
    const etcd = this.#client.current
    const revision = this.#revision
    const answer = await etcd.kv.txn(
      {
        compare: [{ key: COMPACT_KEY, target: 'Version', result: 'Equal', version: this.#time }],
        success: [{ request_put: { key: COMPACT_KEY, value: Buffer.from(String(revision)) } }],
        failure: [{ request_range: { key: COMPACT_KEY } }],
      },
      this.#client.deadline(),
    )
    this.#revision = Number(answer.header.revision)
    if (!answer.succeeded) {
      this.#time = Number(answer.responses[0]?.response_range?.kvs[0]?.version ?? 0)
      return
    }
    this.#time++
    if (revision > 0) await etcd.kv.compact({ revision }, this.#client.deadline())
  }
}
