/** The closed set of ways in which a store can refuse. */
export type StorageErrorCode =
  | 'KeyNotFound'
  | 'KeyExists'
  | 'RevisionConflict'
  | 'Compacted'
  | 'FutureRevision'
  | 'Closed'
  | 'NoSpace'
  | 'Locked'
  | 'Corrupt'
  | 'UnsupportedFormat'
  | 'Unavailable'
  | 'InvalidArgument'

export interface StorageErrorDetails {
  readonly key?: string
  /** The revision that was asked for or expected. */
  readonly revision?: number
  /** The revision that the store has instead: the key's present one, the compacted one, or the current one. */
  readonly actualRevision?: number
  readonly cause?: unknown
}

/** Every error of `storage/`; branch on `code`. */
export class StorageError extends Error {
  readonly code: StorageErrorCode
  readonly key: string | undefined
  readonly revision: number | undefined
  readonly actualRevision: number | undefined

  constructor(code: StorageErrorCode, message: string, details: StorageErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    this.name = 'StorageError'
    this.code = code
    this.key = details.key
    this.revision = details.revision
    this.actualRevision = details.actualRevision
  }
}

/** True for a {@link StorageError} of that code, also as the cause of another error. */
export function isStorageError(error: unknown, code?: StorageErrorCode): error is StorageError {
  for (let e = error; e instanceof Error; e = e.cause) {
    if (e instanceof StorageError) return code === undefined || e.code === code
  }
  return false
}
