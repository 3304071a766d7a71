import { join } from 'node:path'
import { type Clock, systemClock } from '../apimachinery/clock.ts'
import { openMemoryStore } from '../storage/memory-store.ts'
import type { Store } from '../storage/store.ts'
import type { StorageOptions } from './server-options.ts'

/** Opens the store that the options name. Backends are loaded only when they are asked for. */
export async function openStore(options: StorageOptions, clock: Clock = systemClock): Promise<Store> {
  switch (options.kind) {
    case 'memory':
      return openMemoryStore({ clock })
    case 'leveldb': {
      const { openLevelStore } = await import('../storage/leveldb/level-store.ts')
      return await openLevelStore({ directory: join(options.dataDir, 'store'), durability: options.mode, clock })
    }
    case 'etcd': {
      const { openEtcdStore } = await import('../storage/etcd/etcd-store.ts')
      return await openEtcdStore({ endpoints: options.servers, keyPrefix: '', clock })
    }
  }
}
