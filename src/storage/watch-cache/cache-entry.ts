import type { KeyValue } from '../store.ts'
import { ByteBudget } from './byte-budget.ts'

/** What a registry teaches a cache about its values. `A`: what selectors look at; `O`: the parsed object. */
export interface CacheHooks<A, O> {
  /**
   * The bytes to serve for a stored value at a revision: the place to splice `metadata.resourceVersion` in. Also called
   * with bytes that it returned itself, to set another revision (a delete, an object that leaves a filter). Called
   * once per entry, when somebody first wants the bytes.
   */
  encode(value: Buffer, modRevision: number): Buffer
  /** Parses what `encode` returned. The result is shared by all readers: freeze it. */
  parse(bytes: Buffer): O
  /**
   * What `parse` would make of a value at a revision, from what its writer handed in with it
   * ({@link WriteOptions.decoded}) or from the object at another revision. Unset: it is parsed when somebody wants it.
   */
  adopt?(decoded: unknown, modRevision: number): O
  /** Labels and fields for selectors; made once per entry, kept with it. */
  attributes(entry: CacheEntry<A, O>): A
  /**
   * Fields to index, by name: the entry's value, or undefined where it has none. The namespace needs no index, it is a
   * key prefix. Evaluated at every write: keep it cheap.
   */
  readonly indexes?: Readonly<Record<string, (entry: CacheEntry<A, O>) => string | undefined>>
}

/** What entries of one cache share: the hooks and the bounds on what can be made again. */
export interface EntryContext<A, O> {
  readonly hooks: CacheHooks<A, O>
  readonly parsed: ByteBudget<ParsedHolder>
  /**
   * Set where the store itself keeps values in memory: entries then hold on to the shared value and keep encoded bytes
   * only within this budget. Unset: an entry lets go of the value once it is encoded.
   */
  readonly encoded: ByteBudget<EncodedHolder> | undefined
}

/** An entry as the budget of encoded bytes sees it. */
export interface EncodedHolder {
  /** Forgets the encoded bytes; false where they were used since the last time. */
  releaseEncoded(): boolean
}

/** A budget for the encoded bytes of all caches of a group. */
export function encodedBudget(maxBytes: number): ByteBudget<EncodedHolder> {
  return new ByteBudget<EncodedHolder>(maxBytes, (holder) => holder.releaseEncoded())
}

/** An entry as the budget of parsed objects sees it. */
export interface ParsedHolder {
  /** Forgets the parsed object; false where it was used since the last time. */
  releaseParsed(): boolean
}

/** A parsed object takes about three times its bytes. */
const PARSED_BYTES_PER_BYTE = 3

/** A budget for the parsed objects of all caches of a group. */
export function parsedBudget(maxBytes: number): ByteBudget<ParsedHolder> {
  return new ByteBudget<ParsedHolder>(maxBytes, (holder) => holder.releaseParsed())
}

/** One object at one revision. Bytes, attributes and parsed object are made when first wanted and shared. */
export class CacheEntry<A = unknown, O = unknown> implements ParsedHolder, EncodedHolder {
  readonly key: string
  readonly createRevision: number
  readonly modRevision: number
  readonly version: number
  readonly #context: EntryContext<A, O>
  /** The stored value; where values don't stay in the store, the encoded bytes once there are any. */
  #data: Buffer
  #bytes: Buffer | undefined
  #bytesUsed = false
  #attributes: A | undefined
  #object: O | undefined
  #objectUsed = false

  /** `decoded`: what the value says, to be adopted; undefined: it is parsed when somebody wants it. */
  constructor(context: EntryContext<A, O>, kv: KeyValue, decoded?: unknown) {
    this.#context = context
    this.key = kv.key
    this.createRevision = kv.createRevision
    this.modRevision = kv.modRevision
    this.version = kv.version
    this.#data = kv.value
    if (decoded !== undefined && context.hooks.adopt !== undefined) {
      this.#keepParsed(context.hooks.adopt(decoded, kv.modRevision))
    }
  }

  /** The object's encoded form; never write into it. */
  get bytes(): Buffer {
    if (this.#bytes !== undefined) {
      this.#bytesUsed = true
      return this.#bytes
    }
    const bytes = this.#context.hooks.encode(this.#data, this.modRevision)
    this.#bytes = bytes
    if (this.#context.encoded === undefined) this.#data = bytes
    else this.#context.encoded.add(this, bytes.length)
    return bytes
  }

  /** Size of what the entry holds, in bytes. */
  get size(): number {
    return this.#data.length
  }

  get attributes(): A {
    this.#attributes ??= this.#context.hooks.attributes(this)
    return this.#attributes
  }

  /** The parsed object, from a bounded cache: hold the result, don't ask twice in a row. */
  get object(): O {
    if (this.#object !== undefined) {
      this.#objectUsed = true
      return this.#object
    }
    return this.#keepParsed(this.#context.hooks.parse(this.bytes))
  }

  /** The parsed object, if it is there. */
  get parsed(): O | undefined {
    return this.#object
  }

  #keepParsed(object: O): O {
    this.#object = object
    this.#context.parsed.add(this, this.#data.length * PARSED_BYTES_PER_BYTE)
    return object
  }

  /** Value of a named index; undefined where there is no such index. */
  indexValue(name: string): string | undefined {
    return this.#context.hooks.indexes?.[name]?.(this)
  }

  /** The same state as seen at a later revision: what a DELETED event carries. Attributes are those of this entry. */
  at(revision: number): CacheEntry<A, O> {
    const { key, createRevision, version } = this
    const kv = { key, createRevision, version, modRevision: revision, value: this.#data }
    const later = new CacheEntry(this.#context, kv, this.#object)
    later.#attributes = this.#attributes
    return later
  }

  releaseParsed(): boolean {
    if (this.#objectUsed) {
      this.#objectUsed = false
      return false
    }
    this.#object = undefined
    return true
  }

  releaseEncoded(): boolean {
    if (this.#bytesUsed) {
      this.#bytesUsed = false
      return false
    }
    this.#bytes = undefined
    return true
  }
}
