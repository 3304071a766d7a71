import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { EtcdStore } from '../src/storage/etcd/etcd-store.ts'
import { openLevelStore } from '../src/storage/leveldb/level-store.ts'
import { openMemoryStore } from '../src/storage/memory-store.ts'
import type { Store } from '../src/storage/store.ts'
import { etcdVersion, startEtcd } from '../test/suites/etcd-server.ts'

/** An empty store and how to get rid of it. */
interface Backend {
  readonly store: Store
  dispose(): Promise<void>
}

export type BackendName = 'memory' | 'leveldb async' | 'leveldb sync' | 'etcd'

/** The bytes of one benchmark object; a pod without managedFields is about that large. */
export const VALUE_BYTES = 2048

export function value(seed: number): Buffer {
  return Buffer.alloc(VALUE_BYTES, `{"n":${seed},"padding":"`)
}

export function podKey(i: number): string {
  return `/registry/pods/ns-${i % 100}/pod-${String(i).padStart(7, '0')}`
}

/** What can be measured here: etcd only where its binary is. */
export function backendNames(): BackendName[] {
  const embedded: BackendName[] = ['memory', 'leveldb async', 'leveldb sync']
  return etcdVersion('etcd in the benchmark') === undefined ? embedded : [...embedded, 'etcd']
}

export async function temporaryFolder(): Promise<string> {
  return mkdtemp(join(tmpdir(), 'kubemu-bench-'))
}

export async function openBackend(name: BackendName): Promise<Backend> {
  if (name === 'memory') {
    const store = openMemoryStore()
    return { store, dispose: () => store.close() }
  }
  if (name === 'etcd') {
    const server = await startEtcd({ args: ['--quota-backend-bytes=8589934592'] })
    const store = new EtcdStore({ endpoints: [server.endpoint] })
    const dispose = async (): Promise<void> => {
      await store.close()
      await server.stop()
    }
    return { store, dispose }
  }
  const directory = await temporaryFolder()
  const store = await openLevelStore({ directory, durability: name === 'leveldb sync' ? 'sync' : 'async' })
  const dispose = async (): Promise<void> => {
    await store.close()
    await rm(directory, { recursive: true, force: true })
  }
  return { store, dispose }
}

/** Creates pods `from` to `to`, 64 at a time. */
export async function fill(store: Store, from: number, to: number): Promise<void> {
  let next = from
  const writer = async (): Promise<void> => {
    while (next < to) {
      const i = next++
      await store.create(podKey(i), value(i))
    }
  }
  await Promise.all(Array.from({ length: 64 }, writer))
}
