import { access, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { SnapshotStore } from '../storage/store.ts'
import { openStore } from './open-store.ts'

/** What a snapshot holds, or held. */
interface SnapshotCount {
  readonly keys: number
  readonly revision: number
}

/** Writes all that a data folder holds into a file. Nobody else may have the folder open. */
export async function saveSnapshot(dataDir: string, file: string): Promise<SnapshotCount> {
  await access(join(dataDir, 'store')).catch((cause: unknown) => {
    throw new Error(`${dataDir} holds no cluster's data`, { cause })
  })
  return await withStore(dataDir, (store) => store.snapshotTo(file))
}

/** Replaces all that a data folder holds, which is made where it is missing. Nobody else may have it open. */
export async function restoreSnapshot(dataDir: string, file: string): Promise<SnapshotCount> {
  await access(file).catch((cause: unknown) => {
    throw new Error(`${file} can't be read`, { cause })
  })
  await mkdir(dataDir, { recursive: true })
  return await withStore(dataDir, (store) => store.restoreFrom(file))
}

async function withStore(dataDir: string, work: (store: SnapshotStore) => Promise<void>): Promise<SnapshotCount> {
  const store = (await openStore({ kind: 'leveldb', dataDir, mode: 'sync' })) as SnapshotStore
  try {
    await work(store)
    return await store.status()
  } finally {
    await store.close()
  }
}
