import { rm } from 'node:fs/promises'
import { openLevelStore } from '../src/storage/leveldb/level-store.ts'
import { openMemoryStore } from '../src/storage/memory-store.ts'
import type { Store } from '../src/storage/store.ts'
import { WatchCacheGroup } from '../src/storage/watch-cache/watch-cache-group.ts'
import { fill, temporaryFolder, VALUE_BYTES } from './storage-backends.ts'
import { plainHooks } from './storage-cache.ts'

/** What a process of its own measures: memory can't be told apart inside a process that has done other things. */
export interface ProcessResult {
  /** Growth of the resident set by the data, per byte of data. */
  readonly residentRatio: number
  /** Time to open a store that holds the data; 0 where nothing is opened. */
  readonly openMs: number
}

/** As a server on the memory store sets it. */
const ENCODED_BYTES = 64 * 1024 * 1024

function resident(): number {
  for (let i = 0; i < 3; i++) globalThis.gc?.()
  return process.memoryUsage().rss
}

async function cached(store: Store, maxEncodedBytes?: number): Promise<WatchCacheGroup> {
  const group = new WatchCacheGroup({ store, prefix: '/registry/', synchronous: true, maxEncodedBytes })
  const { entries } = await group.cache('/registry/pods/', plainHooks).list()
  let bytes = 0
  for (const entry of entries) bytes += entry.bytes.length
  if (bytes < entries.length * VALUE_BYTES) throw new Error('the cache lost bytes')
  return group
}

async function measure(scenario: string, objects: number): Promise<ProcessResult> {
  const before = resident()
  const ratio = (): number => (resident() - before) / (objects * VALUE_BYTES)
  if (scenario.startsWith('memory')) {
    const store = openMemoryStore()
    await fill(store, 0, objects)
    const group = scenario === 'memory+cache' ? await cached(store, ENCODED_BYTES) : undefined
    const residentRatio = ratio()
    group?.stop()
    await store.close()
    return { residentRatio, openMs: 0 }
  }
  const directory = process.argv[4] ?? ''
  const began = performance.now()
  const store = await openLevelStore({ directory })
  const openMs = performance.now() - began
  const group = scenario === 'leveldb+cache' ? await cached(store) : undefined
  const residentRatio = ratio()
  group?.stop()
  await store.close()
  return { residentRatio, openMs }
}

/** `prepare` makes a folder with a LevelDB of so many objects and prints its name. */
async function prepare(objects: number): Promise<string> {
  const directory = await temporaryFolder()
  const store = await openLevelStore({ directory, durability: 'async' })
  await fill(store, 0, objects)
  await store.close()
  return directory
}

const scenario = process.argv[2] ?? ''
const objects = Number(process.argv[3])
if (scenario === 'prepare') console.log(JSON.stringify(await prepare(objects)))
else if (scenario === 'remove') await rm(process.argv[4] ?? '', { recursive: true, force: true })
else console.log(JSON.stringify(await measure(scenario, objects)))
