import type { TraceEvent } from '../api/trace/trace-path.ts'
import { TRACE_PATH, type Trace } from '../api/trace/trace-record.ts'
import { asApiError } from '../apimachinery/api-error.ts'
import { systemClock } from '../apimachinery/clock.ts'
import { transportMessage } from '../apimachinery/transport-error.ts'
import { HttpConnection } from '../controllers/http/http-connection.ts'
import { type ClusterAccess, readKubeconfig } from '../controllers/http/kubeconfig-access.ts'

interface TraceClientOptions {
  readonly kubeconfig: string
  /** Default: the current one. */
  readonly context?: string
}

/** Parameters of `/debug/kubemu/trace`; those that are undefined are left out. */
export type TraceParameters = Readonly<Record<string, string | undefined>>

/** Reads the trace of a running server. */
export class TraceClient {
  /** Of the kubeconfig's context. */
  readonly namespace: string
  readonly #access: ClusterAccess
  readonly #connection: HttpConnection

  private constructor(access: ClusterAccess) {
    this.namespace = access.namespace ?? 'default'
    this.#access = access
    this.#connection = new HttpConnection({ access, clock: systemClock })
  }

  /** Errors: the kubeconfig can't be read, or leads nowhere. */
  static async connect({ kubeconfig, context }: TraceClientOptions): Promise<TraceClient> {
    return new TraceClient(await readKubeconfig(kubeconfig, context))
  }

  /** Errors: what the server says, and those of the network, as one sentence. */
  async read(parameters: TraceParameters): Promise<Trace> {
    try {
      return JSON.parse(await this.#connection.send({ method: 'GET', path: pathOf(parameters) })) as Trace
    } catch (error) {
      throw this.#explained(error)
    }
  }

  /** Calls back for what there is and for what comes. Resolves when the server ends the stream. Errors: as {@link read}. */
  async follow(parameters: TraceParameters, take: (event: TraceEvent) => void): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#connection.stream(
        pathOf({ ...parameters, follow: 'true' }),
        {},
        {
          line: (line) => take(JSON.parse(line) as TraceEvent),
          end: (error) => (error ? reject(this.#explained(error)) : resolve()),
        },
      )
    })
  }

  close(): void {
    this.#connection.close()
  }

  #explained(error: unknown): Error {
    const { server } = this.#access
    const { message = '', cause } = error as Error
    if (message.includes('404 page not found')) return new Error(`${server} keeps no trace: it is no kubemu`)
    if (asApiError(error) || cause === undefined) return error as Error
    return new Error(`${server} can't be reached: ${transportMessage(cause)}`, { cause: error })
  }
}

function pathOf(parameters: TraceParameters): string {
  const given = Object.entries(parameters).filter((entry): entry is [string, string] => entry[1] !== undefined)
  return given.length === 0 ? TRACE_PATH : `${TRACE_PATH}?${new URLSearchParams(given)}`
}
