import { StorageError, type StorageErrorCode } from '../storage-error.ts'

/** What LevelDB's own errors mean; abstract-level wraps them as the cause of its own. */
export function toStorageError(error: unknown, directory: string): StorageError {
  if (error instanceof StorageError) return error
  const found = classify(error)
  return new StorageError(found, `${sentences[found]} (${directory}): ${innermost(error)}`, { cause: error })
}

type LevelFailure = Extract<StorageErrorCode, 'Locked' | 'Corrupt' | 'NoSpace' | 'Closed' | 'Unavailable'>

const sentences: Readonly<Record<LevelFailure, string>> = {
  Locked: 'the data directory is in use by another process',
  Corrupt: 'the data directory is damaged',
  NoSpace: 'no space left for the data directory',
  Closed: 'the store is closed',
  Unavailable: 'the data directory cannot be used',
}

function classify(error: unknown): LevelFailure {
  for (let e = error; e instanceof Error; e = e.cause) {
    const code = 'code' in e ? e.code : undefined
    if (code === 'LEVEL_LOCKED') return 'Locked'
    if (code === 'LEVEL_CORRUPTION') return 'Corrupt'
    if (code === 'LEVEL_DATABASE_NOT_OPEN' && e.cause === undefined) return 'Closed'
    if (code === 'ENOSPC' || code === 'EDQUOT' || /No space left on device|Disk quota exceeded/.test(e.message)) {
      return 'NoSpace'
    }
    // Windows words it so.
    if (/There is not enough space on the disk/.test(e.message)) return 'NoSpace'
  }
  return 'Unavailable'
}

function innermost(error: unknown): string {
  let e = error
  while (e instanceof Error && e.cause instanceof Error) e = e.cause
  return e instanceof Error ? e.message : String(e)
}
