import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Clock, systemClock } from '../apimachinery/clock.ts'
import type { EtcdTls } from '../storage/etcd/etcd-client.ts'
import { openMemoryStore } from '../storage/memory-store.ts'
import type { Store } from '../storage/store.ts'
import type { StorageOptions } from './server-options.ts'

type EtcdOptions = Extract<StorageOptions, { kind: 'etcd' }>

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
      const { servers: endpoints, compactionIntervalMs } = options
      const tls = await etcdTls(options)
      return await openEtcdStore({
        endpoints,
        keyPrefix: '',
        clock,
        ...(tls ? { tls } : {}),
        ...(compactionIntervalMs ? { compactionIntervalMs } : {}),
      })
    }
  }
}

async function etcdTls({ caFile, certFile, keyFile }: EtcdOptions): Promise<EtcdTls | undefined> {
  if (!caFile) return undefined
  const [ca, cert, key] = await Promise.all([caFile, certFile, keyFile].map((file) => file && readFile(file)))
  return { ca: ca as Buffer, ...(cert && key ? { cert, key } : {}) }
}
