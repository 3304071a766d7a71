import { isStorageError } from '../storage-error.ts'
import type { Journal } from './journal.ts'
import type { RevisionIndex } from './revision-index.ts'

/** Revisions that one turn of the event loop sweeps. */
const chunk = 500

/** Compacted revisions that may lie about before {@link Sweeper.keepUp} takes part. */
const maxBacklog = 10_000
const keepUpEvery = 256

/** What a sweeper needs to know of its store. */
interface SweepSource {
  readonly journal: Journal | undefined
  /** The present index; another one after a restore. */
  index(): RevisionIndex
  /** True while the store is wanted for something else: sweeping stops. */
  wanted(): boolean
}

/**
 * Lets go of compacted history in the background, bit by bit, so that no writer waits for it. First the journal notes
 * that revisions are gone, then they go: a crash finds either a revision or the word that it is compacted.
 */
export class Sweeper {
  readonly #source: SweepSource
  /** The compacted revision that the journal (where there is one) has noted. */
  #notedRevision: number
  #noting: Promise<void> | undefined
  #sweeping: Promise<void> | undefined

  constructor(source: SweepSource) {
    this.#source = source
    this.#notedRevision = source.index().compacted
  }

  get notedRevision(): number {
    return this.#notedRevision
  }

  /** The store has another index, whose compaction the journal knows. */
  reset(): void {
    this.#notedRevision = this.#source.index().compacted
  }

  /** Resolves when the journal knows the present compaction. Notes follow one another, so that the highest is last. */
  note(): Promise<void> {
    const { compacted } = this.#source.index()
    if (compacted <= this.#notedRevision) return Promise.resolve()
    const noting = this.#noted().then(async () => {
      await this.#source.journal?.compacted(compacted)
      this.#notedRevision = Math.max(this.#notedRevision, compacted)
    })
    this.#noting = noting
    return noting
  }

  /** Begins to sweep, or goes on. */
  soon(): void {
    this.#sweeping ??= this.#sweep().finally(() => {
      this.#sweeping = undefined
    })
  }

  /**
   * To be called on every write of a store without a journal. Writers that never let the event loop turn would starve
   * the background: past a backlog they sweep two revisions for each that they add.
   */
  keepUp(): void {
    const index = this.#source.index()
    if (index.compacted - index.swept < maxBacklog || index.current % keepUpEvery !== 0) return
    index.sweep(index.compacted, 2 * keepUpEvery)
  }

  /** Resolves when neither a sweep nor a note is under way. */
  async idle(): Promise<void> {
    await this.#sweeping
    await this.#noted()
  }

  async #noted(): Promise<void> {
    await this.#noting?.catch(() => {
      // Whoever asked for that note hears of it.
    })
  }

  async #sweep(): Promise<void> {
    const { journal } = this.#source
    try {
      await nextTurn()
      while (!this.#source.wanted() && this.#source.index().sweepable()) {
        await this.note()
        const dropped = this.#source.index().sweep(this.#notedRevision, chunk)
        if (dropped.length > 0) await journal?.discard(dropped)
        await nextTurn()
      }
    } catch (error) {
      // A full disk, mostly. The journal keeps in mind what it could not discard; the next compaction goes on from here.
      if (!isStorageError(error)) throw error
    }
  }
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve)
  })
}
