import { timeoutError, unknownError } from '../../apimachinery/api-error.ts'
import type { MaybePromise } from '../../apimachinery/maybe-promise.ts'
import type { StoredObject } from '../../registry/generic/stored-object.ts'
import { TooLargeRevisionError } from '../../storage/watch-cache/freshness.ts'
import type { ApiResource } from '../api-resource.ts'
import type { Call } from '../call.ts'
import { resourceVersionSyntaxError, tooLargeRevision } from './list.ts'

/** GET of a stored object. Errors: 404, 500 (a resourceVersion that is no number, as upstream), 504. */
export function get(call: Call, resource: ApiResource): MaybePromise<StoredObject> {
  const { store, cache } = resource.backing!
  const { name } = call.info
  const text = call.query.get('resourceVersion') ?? ''
  if (text === '') return store.get(call.context(), name)
  if (!/^\d{1,19}$/.test(text)) throw unknownError(resourceVersionSyntaxError(text))
  const revision = Number(text)
  const fresh =
    revision > 0
      ? atLeast(cache.revision, revision, () => cache.get(cache.prefix, { notOlderThan: revision }))
      : cache.ready
  return fresh.then(() => store.getCached(call.context(), name))
}

async function atLeast(current: number, wanted: number, wait: () => Promise<unknown>): Promise<void> {
  if (current >= wanted) return
  try {
    await wait()
  } catch (error) {
    if (error instanceof TooLargeRevisionError) throw tooLargeRevision(error)
    throw error instanceof Error ? error : timeoutError(String(error))
  }
}
