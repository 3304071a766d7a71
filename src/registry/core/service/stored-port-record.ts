import { isStorageError } from '../../../storage/storage-error.ts'
import type { Store } from '../../../storage/store.ts'
import type { PortRange, PortRecord } from './node-port-allocator.ts'

/** Key of the record, as upstream has it below its prefix. */
export const NODE_PORTS_KEY = 'ranges/servicenodeports'

/**
 * Keeps the record as a RangeAllocation, the form in which upstream stores it. A record of another range is not taken
 * over: the repair at start fills the new one.
 *
 * @see kubernetes pkg/registry/core/service/allocator/storage/storage.go
 */
export function storedPortRecord(store: Store, key: string, { first, last }: PortRange): PortRecord {
  const range = `${first}-${last}`
  return {
    async read() {
      const { kv } = await store.get(key)
      if (!kv) return { data: new Uint8Array(), version: 0 }
      return { data: decode(kv.value, range), version: kv.modRevision }
    },
    async write(data, version) {
      const value = encode(data, range)
      try {
        const kv = version === 0 ? await store.create(key, value) : await store.update(key, value, version)
        return kv.modRevision
      } catch (error) {
        const lost = (['KeyExists', 'KeyNotFound', 'RevisionConflict'] as const).some((code) =>
          isStorageError(error, code),
        )
        if (lost) return undefined
        throw error
      }
    },
  }
}

function encode(data: Uint8Array, range: string): Buffer {
  const object = {
    kind: 'RangeAllocation',
    apiVersion: 'v1',
    metadata: { creationTimestamp: null },
    range,
    data: Buffer.from(data).toString('base64'),
  }
  return Buffer.from(JSON.stringify(object))
}

function decode(value: Buffer, range: string): Uint8Array {
  const object = JSON.parse(value.toString('utf8')) as { range?: string; data?: string }
  return object.range === range ? Buffer.from(object.data ?? '', 'base64') : new Uint8Array()
}

/** A record in memory: for one API server alone, and for tests. */
export function inMemoryPortRecord(): PortRecord {
  let current = { data: new Uint8Array() as Uint8Array, version: 0 }
  return {
    read: async () => current,
    async write(data, version) {
      if (version !== current.version) return undefined
      current = { data, version: version + 1 }
      return current.version
    },
  }
}
