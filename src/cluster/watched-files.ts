import { type FSWatcher, readFileSync, watch } from 'node:fs'
import { dirname } from 'node:path'
import { type Clock, every, type Timer } from '../apimachinery/clock.ts'

/** How often files are looked at whatever the system tells of them, as upstream's dynamic certificates. */
const CHECK_MS = 60_000
/** A change of several files is taken as one. */
const SETTLE_MS = 100

interface WatchedFilesOptions {
  readonly paths: readonly string[]
  readonly clock: Clock
  /** The texts in the order of the paths, once one has changed. Throws where they are no good: the next change counts. */
  readonly onChange: (texts: readonly string[]) => void
  /** Hears of files that can't be read, or are no good. */
  readonly onError: (error: unknown) => void
}

/** Text files that count as they are now. A file that is replaced by another is followed, also through links. */
export class WatchedFiles {
  readonly #options: WatchedFilesOptions
  readonly #watchers: readonly FSWatcher[]
  readonly #poll: Timer
  #settling: Timer | undefined
  #texts: readonly string[]

  /** Throws where a file can't be read. */
  constructor(options: WatchedFilesOptions) {
    this.#options = options
    this.#texts = readAll(options.paths)
    const folders = [...new Set(options.paths.map(dirname))]
    this.#watchers = folders.map((folder) => this.#watch(folder))
    this.#poll = every(options.clock, CHECK_MS, () => this.#check())
  }

  /** As they were read last. */
  get texts(): readonly string[] {
    return this.#texts
  }

  close(): void {
    for (const watcher of this.#watchers) watcher.close()
    this.#settling?.cancel()
    this.#poll.cancel()
  }

  #watch(folder: string): FSWatcher {
    const watcher = watch(folder, { persistent: false }, () => {
      this.#settling ??= this.#options.clock.setTimer(() => this.#check(), SETTLE_MS)
    })
    // The folder itself may go away: the poll goes on.
    watcher.on('error', () => watcher.close())
    return watcher
  }

  #check(): void {
    this.#settling = undefined
    const { paths, onChange, onError } = this.#options
    try {
      const texts = readAll(paths)
      if (texts.every((text, i) => text === this.#texts[i])) return
      onChange(texts)
      this.#texts = texts
    } catch (error) {
      onError(error)
    }
  }
}

const readAll = (paths: readonly string[]): readonly string[] => paths.map((path) => readFileSync(path, 'utf8'))
