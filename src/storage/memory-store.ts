import { type Clock, systemClock } from '../apimachinery/clock.ts'
import type { CompactionOptions } from './mvcc/compaction.ts'
import { MvccStore } from './mvcc/mvcc-store.ts'
import { RevisionIndex } from './mvcc/revision-index.ts'
import type { SnapshotStore } from './store.ts'

interface MemoryStoreOptions {
  /** Default: the machine's clock. */
  readonly clock?: Clock
  readonly compaction?: CompactionOptions
}

/** An empty store that lives and dies with the process. Writes are decided and visible before the call returns. */
export function openMemoryStore(options: MemoryStoreOptions = {}): SnapshotStore {
  const clock = options.clock ?? systemClock
  return new MvccStore({ clock, compaction: options.compaction }, new RevisionIndex(() => clock.now()))
}
