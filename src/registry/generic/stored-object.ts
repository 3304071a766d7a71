import type { KubeObject } from '../../apimachinery/kube-object.ts'
import type { ObjectCodec } from './object-codec.ts'

/** An object as the store has it (or would have it: dry run), in both of its forms, each made when first asked for. */
export interface StoredObject {
  /** Shared: never write into it. */
  readonly object: KubeObject
  /** Served JSON of the hub version. */
  readonly bytes: Buffer
}

/** An object in normal form; it carries its resourceVersion, where it has one. */
export class LooseObject implements StoredObject {
  readonly object: KubeObject
  readonly #codec: ObjectCodec
  readonly #twin: Pick<StoredObject, 'bytes'> | undefined
  #bytes: Buffer | undefined

  /** `twin` spares encoding: it has the same object. */
  constructor(codec: ObjectCodec, object: KubeObject, twin?: Pick<StoredObject, 'bytes'>) {
    this.object = object
    this.#codec = codec
    this.#twin = twin
  }

  get bytes(): Buffer {
    this.#bytes ??= this.#twin?.bytes ?? this.#encode()
    return this.#bytes
  }

  #encode(): Buffer {
    const stored = this.#codec.encode(this.object)
    const { resourceVersion } = this.object.metadata
    return resourceVersion ? this.#codec.withResourceVersion(stored, resourceVersion) : stored
  }
}
