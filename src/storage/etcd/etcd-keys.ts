import type { IKeyValue } from 'etcd3'
import type { KeyValue } from '../store.ts'

/** `range_end` of "every key from there on". */
const NO_END = Buffer.from([0])
/** `key` of the whole key space. */
export const FIRST_KEY = Buffer.from([0])

/** etcd's `range_end` for all keys with a prefix: the prefix with its last byte raised by one. */
export function rangeEnd(prefix: Buffer): Buffer {
  for (let i = prefix.length - 1; i >= 0; i--) {
    const byte = prefix[i] as number
    if (byte === 0xff) continue
    const end = Buffer.from(prefix.subarray(0, i + 1))
    end[i] = byte + 1
    return end
  }
  return NO_END
}

export function hasPrefix(key: Buffer, prefix: Buffer): boolean {
  return key.length >= prefix.length && key.compare(prefix, 0, prefix.length, 0, prefix.length) === 0
}

/** A slice of a gRPC message keeps the whole message alive: copy what is small in comparison. */
function detached(value: Buffer): Buffer {
  return value.buffer.byteLength > value.length * 2 ? Buffer.from(value) : value
}

/** Translates keys between a store and etcd, where the store's keys may stand below a prefix of their own. */
export class EtcdKeys {
  readonly #prefix: string
  readonly #prefixLength: number

  constructor(prefix: string) {
    this.#prefix = prefix
    this.#prefixLength = Buffer.byteLength(prefix)
  }

  toEtcd(key: string): Buffer {
    return Buffer.from(this.#prefix + key)
  }

  /** Of a key that has the prefix. */
  fromEtcd(key: Buffer): string {
    return key.toString('utf8', this.#prefixLength)
  }

  keyValue(kv: IKeyValue): KeyValue {
    return {
      key: this.fromEtcd(kv.key),
      value: detached(kv.value),
      createRevision: Number(kv.create_revision),
      modRevision: Number(kv.mod_revision),
      version: Number(kv.version),
    }
  }
}
