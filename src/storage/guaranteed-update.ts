import { isStorageError, StorageError } from './storage-error.ts'
import type { KeyValue, Store, WriteOptions } from './store.ts'

/** What an update wants stored. */
interface Proposal extends WriteOptions {
  readonly value: Buffer
}

/**
 * Turns the present state into the one wanted. May run several times, so it must not have effects of its own; what it
 * throws ends the update, unless it was looking at a suggested state that turns out to be stale.
 */
export type Transform = (current: KeyValue | undefined) => Proposal | Promise<Proposal>

interface GuaranteedUpdateOptions {
  /** Start from nothing, and create, where the key is absent. Default: `KeyNotFound`. */
  readonly ignoreNotFound?: boolean
  /** The state as the caller knows it, perhaps stale: tried first, which saves the read where it is not. */
  readonly suggested?: KeyValue
  /** Ends the retries; the reason is thrown. */
  readonly signal?: AbortSignal
}

interface GuaranteedUpdateResult {
  readonly kv: KeyValue
  /** False where the key already had exactly these bytes: then nothing was written and no revision taken. */
  readonly written: boolean
}

interface State {
  readonly kv: KeyValue | undefined
  /** Read from the store by this update, rather than suggested. */
  readonly current: boolean
}

/**
 * Reads, transforms, writes if nobody else has meanwhile, and starts over if somebody has, as upstream's
 * `GuaranteedUpdate` (apiserver `storage/etcd3/store.go`). Every retry means that another writer got on, so it ends.
 */
export async function guaranteedUpdate(
  store: Store,
  key: string,
  transform: Transform,
  options: GuaranteedUpdateOptions = {},
): Promise<GuaranteedUpdateResult> {
  const read = async (): Promise<State> => ({ kv: await readState(store, key, options), current: true })
  let state: State = options.suggested === undefined ? await read() : { kv: options.suggested, current: false }
  for (;;) {
    options.signal?.throwIfAborted()
    let proposal: Proposal
    try {
      proposal = await transform(state.kv)
    } catch (error) {
      if (state.current) throw error
      const fresh = await read()
      if (fresh.kv?.modRevision === state.kv?.modRevision) throw error
      state = fresh
      continue
    }
    if (state.kv?.value.equals(proposal.value)) {
      if (!state.current) state = await read()
      if (state.kv?.value.equals(proposal.value)) return { kv: state.kv, written: false }
      continue
    }
    const kv = await tryWrite(store, key, state.kv, proposal)
    if (kv !== undefined) return { kv, written: true }
    state = await read()
  }
}

async function readState(store: Store, key: string, options: GuaranteedUpdateOptions): Promise<KeyValue | undefined> {
  const { kv, revision } = await store.get(key)
  if (kv !== undefined || options.ignoreNotFound === true) return kv
  throw new StorageError('KeyNotFound', `key ${key} not found`, { key, actualRevision: revision })
}

/** Undefined where somebody else was faster. */
async function tryWrite(
  store: Store,
  key: string,
  current: KeyValue | undefined,
  { value, ttlSeconds }: Proposal,
): Promise<KeyValue | undefined> {
  try {
    if (current === undefined) return await store.create(key, value, { ttlSeconds })
    return await store.update(key, value, current.modRevision, { ttlSeconds })
  } catch (error) {
    const lost = (['RevisionConflict', 'KeyNotFound', 'KeyExists'] as const).some((code) => isStorageError(error, code))
    if (lost) return undefined
    throw error
  }
}
