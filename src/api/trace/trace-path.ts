import type { ServerResponse } from 'node:http'
import { methodNotAllowed } from '../../apimachinery/api-error.ts'
import type { PathHandler } from '../api-server.ts'
import type { Call } from '../call.ts'
import type { WatchHost } from '../handlers/watch.ts'
import { boolParameter } from '../query-parameters.ts'
import type { RequestTrace } from './request-trace.ts'
import { parseTraceQuery, type TraceReader } from './trace-query.ts'
import { TRACE_PATH, type Trace, type TraceNode, type TraceQuery, type TraceRecordView } from './trace-record.ts'
import type { TraceRecorder } from './trace-recorder.ts'

/** A line of the stream that `follow` asks for: first what there is, then what comes. */
export type TraceEvent =
  | { readonly type: 'TRACE'; readonly trace: Trace }
  | {
      readonly type: 'RECORD'
      readonly record: TraceRecordView
      /** Record that this one follows from; undefined: a root. */
      readonly parent?: number
    }

/** What waits for a client that does not read, before the stream is ended. */
const MAX_BUFFERED_BYTES = 4 * 1024 * 1024

/** Serves the trace: JSON, or a stream of JSON lines. Errors: 400, 404, 405. */
export function tracePath(recorder: TraceRecorder, reader: TraceReader): PathHandler {
  return {
    matches: (path) => path === TRACE_PATH,
    handle(call, watches) {
      const { method } = call.request
      if (method !== 'GET' && method !== 'HEAD') throw methodNotAllowed()
      const query = parseTraceQuery(call.query)
      if (method === 'GET' && boolParameter(call.query, 'follow')) {
        new TraceStream(call, recorder, reader, query).begin(watches)
        return
      }
      const body = Buffer.from(JSON.stringify(reader.read(query)))
      call.reply.header('content-type', 'application/json').send(body)
    },
  }
}

/** Sends what follows from the requests of a trace as it happens, until the client leaves. */
class TraceStream {
  readonly #call: Call
  readonly #raw: ServerResponse
  readonly #recorder: TraceRecorder
  readonly #query: TraceQuery
  readonly #isAbout: (record: RequestTrace) => boolean
  readonly #trace: Trace
  /** Records that have been sent. */
  readonly #sent = new Set<number>()
  /** Records whose cause is still under way, by it. */
  readonly #waiting = new Map<RequestTrace, Set<RequestTrace>>()
  #stopListening = (): void => {}
  #closed = (): void => {}
  #isOver = false

  /** An object of which nothing is known yet may still come. Errors: 404 where there is no such resource. */
  constructor(call: Call, recorder: TraceRecorder, reader: TraceReader, query: TraceQuery) {
    this.#call = call
    this.#raw = call.reply.raw
    this.#recorder = recorder
    this.#query = query
    this.#isAbout = reader.matcher(query)
    this.#trace = reader.read(query, { mayBeUnknown: true })
    for (const root of this.#trace.roots) this.#remember(root)
  }

  begin(watches: WatchHost): void {
    const { reply } = this.#call
    reply.hijack()
    const headers = { ...reply.getHeaders(), 'content-type': 'application/json' } as Record<string, string>
    this.#raw.writeHead(200, headers)
    this.#raw.on('close', () => this.#finish())
    this.#raw.on('error', () => this.#finish())
    this.#closed = watches.opened(() => this.#finish())
    this.#send({ type: 'TRACE', trace: this.#trace })
    this.#stopListening = this.#recorder.onRecord((record) => this.#ended(record))
    if (this.#raw.destroyed) this.#finish()
  }

  #remember({ record, children }: TraceNode): void {
    this.#sent.add(record.id)
    for (const child of children) this.#remember(child)
  }

  #ended(record: RequestTrace): void {
    if (this.#isOver || this.#sent.has(record.id)) return
    const causes = (record.cause?.revisions ?? []).map((revision) => this.#recorder.writer(revision))
    const parent = causes.find((cause) => cause && this.#sent.has(cause.id))
    if (parent || (record.cause === undefined && this.#isAbout(record))) {
      this.#take(record, parent)
      return
    }
    for (const cause of causes) {
      if (!cause || cause.isOver) continue
      const waiting = this.#waiting.get(cause)
      if (waiting) waiting.add(record)
      else this.#waiting.set(cause, new Set([record]))
    }
    this.#release(record)
  }

  #take(record: RequestTrace, parent: RequestTrace | undefined): void {
    this.#sent.add(record.id)
    if (!record.isEvent || this.#query.events) {
      this.#send({ type: 'RECORD', record: record.view(), ...(parent ? { parent: parent.id } : {}) })
    }
    this.#release(record)
  }

  /** What waited for a record is looked at again. */
  #release(record: RequestTrace): void {
    const waiting = this.#waiting.get(record)
    this.#waiting.delete(record)
    for (const effect of waiting ?? []) this.#ended(effect)
  }

  #send(event: TraceEvent): void {
    this.#raw.write(`${JSON.stringify(event)}\n`)
    if (this.#raw.writableLength > MAX_BUFFERED_BYTES) this.#finish()
  }

  #finish(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#stopListening()
    this.#closed()
    if (!this.#raw.writableEnded) this.#raw.end()
  }
}
