import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ManualClock } from '../../src/apimachinery/manual-clock.ts'
import { type LevelStoreOptions, openLevelStore } from '../../src/storage/leveldb/level-store.ts'
import type { SnapshotStore } from '../../src/storage/store.ts'
import { type StoreFixture, snapshotContract, storeContract } from '../suites/store-contract.ts'

async function fixture(options: Partial<LevelStoreOptions>): Promise<StoreFixture<SnapshotStore>> {
  const clock = new ManualClock()
  const directory = await mkdtemp(join(tmpdir(), 'kubemu-level-'))
  const store = await openLevelStore({ directory, clock, ...options })
  return {
    store,
    prefix: '/registry/test/',
    advance: (ms) => clock.advance(ms),
    async dispose() {
      await store.close()
      await rm(directory, { recursive: true })
    },
  }
}

const variants: Readonly<Record<string, Partial<LevelStoreOptions>>> = {
  'leveldb sync': { durability: 'sync' },
  'leveldb async': { durability: 'async' },
  // Every read and every previous value comes from the disk.
  'leveldb with nothing resident': { durability: 'async', residentBytes: 0 },
}

for (const [name, options] of Object.entries(variants)) {
  storeContract(name, () => fixture(options), { exclusive: true, minTtlSeconds: 1 })
  snapshotContract(name, () => fixture(options))
}
