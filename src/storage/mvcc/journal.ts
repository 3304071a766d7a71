import type { KeyRevision } from './key-revision.ts'

/** The state that a journal takes over whole. */
export interface JournalState {
  /** Where the revision line stands, with no history before it. */
  readonly compacted: number
  /** Live records with resident values, which the journal lets go of as it writes them. */
  readonly records: AsyncIterable<readonly KeyRevision[]>
}

/**
 * Durable storage below the revision index. One caller appends at a time; the rest may overlap.
 * Every rejection is a `StorageError`.
 */
export interface Journal {
  /**
   * Makes the records, whose revisions follow on the last ones', durable: all of them or none.
   * After a rejection none of them counts, and the next append takes their revisions again.
   */
  append(records: readonly KeyRevision[]): Promise<void>
  /** Reads values, in order. Errors: `Corrupt` where one is missing or garbled. */
  load(records: readonly KeyRevision[]): Promise<Buffer[]>
  /** Notes that revisions below this one are gone; comes before any {@link discard} that it allows. */
  compacted(revision: number): Promise<void>
  /** Lets go of records that nothing refers to. */
  discard(records: readonly KeyRevision[]): Promise<void>
  /**
   * Replaces everything at once: a crash leaves either the old state or the new one. `switched` is called in the very
   * turn in which loads begin to see the new state.
   */
  replace(state: JournalState, switched: () => void): Promise<void>
  /** Compares what is stored with what should be, record by record; names every difference. */
  problems(expected: readonly KeyRevision[], compacted: number): Promise<string[]>
  close(): Promise<void>
}
