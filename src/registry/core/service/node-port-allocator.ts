import { AllocationError } from './cluster-ip-allocator.ts'
import { PortBitmap } from './port-bitmap.ts'

/** The stored record of ports that are taken; compare-and-set makes it one for all API servers on a store. */
export interface PortRecord {
  /** `version` 0: there is no record yet. */
  read(): Promise<{ readonly data: Uint8Array; readonly version: number }>
  /** Replaces the record of that version; the new version, or undefined where another came first. */
  write(data: Uint8Array, version: number): Promise<number | undefined>
}

/** Both ends belong to the range. */
export interface PortRange {
  readonly first: number
  readonly last: number
}

interface State {
  readonly bitmap: PortBitmap
  readonly version: number
}

/** Attempts at a write that other servers keep overtaking. */
const MAX_ATTEMPTS = 100
/** The part of the range that is kept for ports asked for by number, as long as the rest has room. */
const STATIC_STEP = 32
const STATIC_MIN = 16
const STATIC_MAX = 128

/**
 * Gives out ports of nodes. Changes run one after another in this process; the record's versions order them against
 * other processes.
 *
 * @see kubernetes pkg/registry/core/service/portallocator/allocator.go
 */
export class NodePortAllocator {
  readonly #range: PortRange
  readonly #record: PortRecord
  readonly #random: () => number
  #state: State | undefined
  #queue: Promise<unknown> = Promise.resolve()

  /** `random` gives a number in [0, 1). */
  constructor(range: PortRange, record: PortRecord, random: () => number) {
    this.#range = range
    this.#record = record
    this.#random = random
  }

  /** Takes this port. Errors: {@link AllocationError} `outOfRange`, `allocated`. */
  async allocate(port: number): Promise<void> {
    const { first, last } = this.#range
    if (port < first || port > last) {
      const words = `provided port is not in the valid range. The range of valid ports is ${first}-${last}`
      throw new AllocationError('outOfRange', words)
    }
    const taken = await this.#change((bitmap) => {
      if (bitmap.has(port - first)) return undefined
      bitmap.add(port - first)
      return port
    })
    if (taken === undefined) throw new AllocationError('allocated', 'provided port is already allocated')
  }

  /** Takes a free port. Errors: {@link AllocationError} `full`. */
  async allocateNext(): Promise<number> {
    const offset = await this.#change((bitmap) => {
      const free = this.#free(bitmap)
      if (free !== undefined) bitmap.add(free)
      return free
    })
    if (offset === undefined) throw new AllocationError('full', 'range is full')
    return this.#range.first + offset
  }

  /** Gives ports back; those that are not taken, or not of the range, do no harm. */
  async release(ports: readonly number[]): Promise<void> {
    const offsets = ports.map((port) => port - this.#range.first).filter((offset) => offset >= 0 && offset < this.#size)
    if (offsets.length === 0) return
    await this.#change((bitmap) => {
      const held = offsets.filter((offset) => bitmap.has(offset))
      for (const offset of held) bitmap.delete(offset)
      return held.length > 0 ? held : undefined
    })
  }

  /** Whether the port is taken. */
  async has(port: number): Promise<boolean> {
    const offset = port - this.#range.first
    if (offset < 0 || offset >= this.#size) return false
    return (await this.#fresh()).bitmap.has(offset)
  }

  /** All ports that are taken. */
  async taken(): Promise<number[]> {
    return [...(await this.#fresh()).bitmap.offsets()].map((offset) => this.#range.first + offset)
  }

  /** Takes all of these that are of the range, whether or not they are taken. */
  async ensure(ports: Iterable<number>): Promise<void> {
    const offsets = [...ports].map((port) => port - this.#range.first)
    await this.#change((bitmap) => {
      const missing = offsets.filter((offset) => offset >= 0 && offset < this.#size && !bitmap.has(offset))
      for (const offset of missing) bitmap.add(offset)
      return missing.length > 0 ? missing : undefined
    })
  }

  get #size(): number {
    return this.#range.last - this.#range.first + 1
  }

  /** A free offset: from the upper part, at random, and where that is full from the part kept for fixed numbers. */
  #free(bitmap: PortBitmap): number | undefined {
    const size = this.#size
    const kept = size <= STATIC_MIN ? 0 : Math.min(Math.max(Math.floor(size / STATIC_STEP), STATIC_MIN), STATIC_MAX)
    return this.#freeWithin(bitmap, kept, size - kept) ?? this.#freeWithin(bitmap, 0, kept)
  }

  #freeWithin(bitmap: PortBitmap, from: number, count: number): number | undefined {
    const start = Math.floor(this.#random() * count)
    for (let i = 0; i < count; i++) {
      const offset = from + ((start + i) % count)
      if (!bitmap.has(offset)) return offset
    }
    return undefined
  }

  async #fresh(): Promise<State> {
    const { data, version } = await this.#record.read()
    return { bitmap: new PortBitmap(this.#size, data), version }
  }

  /**
   * Lets `decide` change the set and stores it. Where it answers undefined nothing is stored, but only once it has
   * seen the record as it is now: what this process remembers may be old.
   */
  async #change<T>(decide: (bitmap: PortBitmap) => T | undefined): Promise<T | undefined> {
    const turn = this.#queue.then(async () => await this.#changeNow(decide))
    this.#queue = turn.catch(() => undefined)
    return await turn
  }

  async #changeNow<T>(decide: (bitmap: PortBitmap) => T | undefined): Promise<T | undefined> {
    for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
      const remembered = this.#state
      const state = remembered ?? (await this.#fresh())
      const bitmap = state.bitmap.copy()
      const result = decide(bitmap)
      if (result === undefined && remembered === undefined) return undefined
      this.#state = undefined
      if (result === undefined) continue
      const version = await this.#record.write(bitmap.toBytes(), state.version)
      if (version === undefined) continue
      this.#state = { bitmap, version }
      return result
    }
    throw new Error(`the record of node ports changed ${MAX_ATTEMPTS} times while it was being written`)
  }
}
