import { ManualClock } from '../../src/apimachinery/manual-clock.ts'
import { openMemoryStore } from '../../src/storage/memory-store.ts'
import type { SnapshotStore } from '../../src/storage/store.ts'
import { type StoreFixture, snapshotContract, storeContract } from '../suites/store-contract.ts'

async function fixture(): Promise<StoreFixture<SnapshotStore>> {
  const clock = new ManualClock()
  const store = openMemoryStore({ clock })
  return { store, prefix: '/registry/test/', advance: (ms) => clock.advance(ms), dispose: () => store.close() }
}

storeContract('memory', fixture, { exclusive: true, minTtlSeconds: 1 })
snapshotContract('memory', fixture)
