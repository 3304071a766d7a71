import type { KubeObject } from '../../apimachinery/kube-object.ts'
import type { ObjectCodec } from './object-codec.ts'

/** An object as the store has it (or would have it: dry run), in bytes and parsed, each made when first asked for. */
export class StoredObject {
  readonly #codec: ObjectCodec
  #bytes: Buffer | undefined
  #object: KubeObject | undefined

  private constructor(codec: ObjectCodec, bytes: Buffer | undefined, object: KubeObject | undefined) {
    this.#codec = codec
    this.#bytes = bytes
    this.#object = object
  }

  /** From served bytes, resourceVersion included. */
  static ofBytes(codec: ObjectCodec, bytes: Buffer): StoredObject {
    return new StoredObject(codec, bytes, undefined)
  }

  /** From an object that is in normal form and carries its resourceVersion, where it has one. */
  static ofObject(codec: ObjectCodec, object: KubeObject, bytes?: Buffer): StoredObject {
    return new StoredObject(codec, bytes, object)
  }

  /** JSON of the hub version. */
  get bytes(): Buffer {
    this.#bytes ??= this.#encode()
    return this.#bytes
  }

  /** Shared: never write into it. */
  get object(): KubeObject {
    this.#object ??= this.#codec.parse(this.#bytes!)
    return this.#object
  }

  #encode(): Buffer {
    const object = this.#object!
    const stored = this.#codec.encode(object)
    const revision = Number(object.metadata.resourceVersion ?? 0)
    return revision > 0 ? this.#codec.withRevision(stored, revision) : stored
  }
}
