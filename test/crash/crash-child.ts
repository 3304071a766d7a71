import { writeSync } from 'node:fs'
import type { Durability } from '../../src/storage/leveldb/level-journal.ts'
import { openLevelStore } from '../../src/storage/leveldb/level-store.ts'
import type { Store } from '../../src/storage/store.ts'
import { type CrashMessage, payloadBytes } from './crash-protocol.ts'

/** Writes to a store until it is killed. Arguments: folder, durability, number of writers, first payload number. */
const [directory = '', durability = 'sync', writers = '8', firstPayload = '1'] = process.argv.slice(2)
const keysPerWriter = 4
let payload = Number(firstPayload)

function say(message: CrashMessage): void {
  // Synchronous: once this returns, the line is in the pipe and a kill cannot take it back.
  writeSync(1, `${JSON.stringify(message)}\n`)
}

async function write(store: Store, key: string): Promise<void> {
  const { kv } = await store.get(key)
  const verb = kv !== undefined && Math.random() < 0.25 ? 'delete' : 'put'
  const number = payload++
  say({ type: 'attempt', key, verb, payload: number })
  if (kv === undefined) {
    say({ type: 'acknowledged', key, revision: (await store.create(key, payloadBytes(number))).modRevision })
  } else if (verb === 'put') {
    const { modRevision } = await store.update(key, payloadBytes(number), kv.modRevision)
    say({ type: 'acknowledged', key, revision: modRevision })
  } else {
    say({ type: 'acknowledged', key, revision: (await store.delete(key, kv.modRevision)).revision })
  }
}

async function writer(store: Store, name: number): Promise<never> {
  for (;;) await write(store, `/writer-${name}/key-${Math.floor(Math.random() * keysPerWriter)}`)
}

// Little history, so that sweeping goes on all the time and is killed in its midst, too.
const store = await openLevelStore({
  directory,
  durability: durability as Durability,
  compaction: { maxRevisions: 100 },
})
say({ type: 'ready' })
await Promise.all(Array.from({ length: Number(writers) }, (_, name) => writer(store, name)))
