import type { RequestFaults } from '../api/api-server.ts'
import type { Call } from '../api/call.ts'
import { breakOff } from '../api/raw-answers.ts'
import {
  ApiError,
  alreadyExists,
  conflict,
  internalError,
  resourceExpired,
  serviceUnavailable,
  tooManyRequests,
} from '../apimachinery/api-error.ts'
import type { KubeObject } from '../apimachinery/kube-object.ts'
import { encodeProtobufWatchEvent } from '../apimachinery/protobuf/encode.ts'
import type { Fault, FaultRule, Faults, RequestFilter, WatchCut } from './library-api.ts'

const NOT_A_CODE = (status: number): boolean => !Number.isInteger(status) || status < 400 || status > 599

interface ActiveRule {
  readonly rule: FaultRule
  seen: number
  hits: number
}

/**
 * Makes requests that come over HTTP fail, slow, or cuts them, by rules: to see how a client copes. What goes on inside
 * the cluster (controllers, nodes, `cluster.client`) does not meet them.
 */
export class RuleFaults implements Faults, RequestFaults {
  readonly #rules = new Set<ActiveRule>()
  readonly #watches = new Set<Call>()
  readonly #compact: () => Promise<void>
  #random: number

  /** `seed`: what chance begins with. */
  constructor(seed: number, compact: () => Promise<void>) {
    this.#random = seed >>> 0
    this.#compact = compact
  }

  /**
   * Puts a rule in force. Of several that fit a request, each happens, in the order in which they came, up to the first
   * that keeps it from being served.
   */
  add(rule: FaultRule): Fault {
    const { probability = 1, status } = rule
    if (!(probability >= 0 && probability <= 1)) {
      throw new RangeError(`probability must be from 0 to 1, not ${probability}`)
    }
    if (status !== undefined && NOT_A_CODE(status))
      throw new RangeError(`status must be from 400 to 599, not ${status}`)
    const active: ActiveRule = { rule, seen: 0, hits: 0 }
    this.#rules.add(active)
    return {
      get hits() {
        return active.hits
      },
      remove: () => void this.#rules.delete(active),
    }
  }

  /** Takes all rules back. */
  clear(): void {
    this.#rules.clear()
  }

  /** Cuts the watches that run now; answers how many. */
  cutWatches(filter: RequestFilter = {}, how: WatchCut = 'reset'): number {
    const cut = [...this.#watches].filter((call) => fits(filter, call))
    for (const call of cut) cutWatch(call, how)
    return cut.length
  }

  /**
   * Forgets all history: watches and lists that ask for a revision of before get 410 Expired. Watches that run go on.
   */
  compact(): Promise<void> {
    return this.#compact()
  }

  meet(call: Call): Promise<void> | undefined {
    if (call.info.verb === 'watch') this.#keep(call)
    if (this.#rules.size === 0) return undefined
    const hit: FaultRule[] = []
    for (const active of this.#rules) {
      if (!this.#strikes(active, call)) continue
      hit.push(active.rule)
      if (active.rule.status !== undefined || active.rule.reset === 'before') break
    }
    return hit.length === 0 ? undefined : this.#apply(hit, call)
  }

  #keep(call: Call): void {
    this.#watches.add(call)
    call.reply.raw.once('close', () => this.#watches.delete(call))
  }

  #strikes(active: ActiveRule, call: Call): boolean {
    const { rule } = active
    if (!fits(rule, call)) return false
    if (active.seen++ < (rule.after ?? 0)) return false
    const { probability = 1, times = Number.POSITIVE_INFINITY } = rule
    if (probability < 1 && this.#draw() >= probability) return false
    if (++active.hits >= times) this.#rules.delete(active)
    return true
  }

  async #apply(rules: readonly FaultRule[], call: Call): Promise<void> {
    for (const rule of rules) {
      const { latency, reset, status, cutWatch: cut } = rule
      if (latency !== undefined) await delay(this.#between(latency))
      if (reset === 'before') {
        breakOff(call.reply)
        call.reply.hijack()
        return
      }
      if (reset === 'after') breakAnswer(call)
      if (status !== undefined) throw refusal(rule, status, call)
      if (cut && call.info.verb === 'watch') {
        const timer = setTimeout(() => cutWatch(call, cut.how ?? 'reset'), cut.afterMs)
        call.reply.raw.once('close', () => clearTimeout(timer))
      }
    }
  }

  #between(range: number | readonly [number, number]): number {
    if (typeof range === 'number') return range
    return range[0] + this.#draw() * (range[1] - range[0])
  }

  /** From 0 to 1, exclusive: mulberry32. */
  #draw(): number {
    this.#random = (this.#random + 0x6d2b79f5) | 0
    let t = Math.imul(this.#random ^ (this.#random >>> 15), 1 | this.#random)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
}

function fits(filter: RequestFilter, { info, user }: Call): boolean {
  return (
    isOneOf(filter.verb, info.verb) &&
    isOneOf(filter.group, info.apiGroup) &&
    isOneOf(filter.resource, info.resource) &&
    isOneOf(filter.subresource, info.subresource) &&
    isOneOf(filter.namespace, info.namespace) &&
    isOneOf(filter.name, info.name) &&
    isOneOf(filter.user, user?.name ?? '')
  )
}

function isOneOf(wanted: string | readonly string[] | undefined, value: string): boolean {
  if (wanted === undefined) return true
  return typeof wanted === 'string' ? wanted === value : wanted.includes(value)
}

/** The request is served, but in place of its answer the connection breaks. */
function breakAnswer({ reply }: Call): void {
  const { raw } = reply
  raw.writeHead = () => {
    breakOff(reply)
    return raw
  }
}

function cutWatch({ reply }: Call, how: WatchCut): void {
  const { raw } = reply
  if (how === 'reset') {
    breakOff(reply)
    return
  }
  if (how === 'expired' && raw.headersSent) raw.write(expiredFrame(String(raw.getHeader('content-type'))))
  raw.end()
}

function expiredFrame(contentType: string): Buffer {
  const status = resourceExpired('The resourceVersion for the provided watch is too old.').toStatus()
  if (contentType.includes('protobuf')) return encodeProtobufWatchEvent('ERROR', status as unknown as KubeObject)
  return Buffer.from(`{"type":"ERROR","object":${JSON.stringify(status)}}\n`)
}

/** A fault in the words that upstream has for its code. */
function refusal({ reason, message, retryAfter = 0 }: FaultRule, code: number, { info }: Call): ApiError {
  const made = asUpstream(code, message ?? 'injected fault', retryAfter, {
    resource: { group: info.apiGroup, resource: info.resource },
    name: info.name,
    verb: info.verb,
  })
  if (reason === undefined && made.code === code && !(retryAfter > 0 && code !== 429)) return made
  return new ApiError({
    code,
    reason: reason ?? made.reason,
    message: message ?? made.message,
    details: { ...made.details, ...(retryAfter > 0 ? { retryAfterSeconds: retryAfter } : {}) },
  })
}

interface Refused {
  readonly resource: { readonly group: string; readonly resource: string }
  readonly name: string
  readonly verb: string
}

function asUpstream(code: number, message: string, retryAfter: number, { resource, name, verb }: Refused): ApiError {
  switch (code) {
    case 409:
      return verb === 'create' ? alreadyExists(resource, name) : conflict(resource, name, message)
    case 410:
      return resourceExpired(message)
    case 429:
      return tooManyRequests(message, retryAfter || 1)
    case 500:
      return internalError(message)
    case 503:
      return serviceUnavailable(message)
    default:
      return new ApiError({ code, reason: '', message })
  }
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms)
  })
}
