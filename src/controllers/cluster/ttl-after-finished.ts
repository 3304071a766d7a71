import { isNotFound } from '../../apimachinery/api-error.ts'
import { parseTime } from '../../apimachinery/clock.ts'
import type { Job } from '../../apimachinery/types/batch-v1.ts'
import type { Typed } from '../runtime/client.ts'
import type { Controller } from '../runtime/controller.ts'
import { JOBS } from '../runtime/resources.ts'

/**
 * Deletes finished Jobs once the time that they are to be kept is over.
 *
 * @see pkg/controller/ttlafterfinished/ttlafterfinished_controller.go
 */
export const ttlAfterFinishedController: Controller<Typed<Job>> = {
  name: 'ttl-after-finished-controller',
  queueName: 'ttl_jobs_to_delete',
  serviceAccount: 'ttl-after-finished-controller',
  for: JOBS,
  async reconcile(key, { cache, client, clock }) {
    const cached = cache.get(JOBS, key)
    const expiresAt = cached && expiryOf(cached)
    if (expiresAt === undefined) return undefined
    if (expiresAt > clock.now()) return { requeueAfterMs: expiresAt - clock.now() }
    try {
      // The cache may lag behind a longer time to live.
      const job = await client.get(JOBS, key)
      const freshExpiry = expiryOf(job)
      if (freshExpiry === undefined) return undefined
      if (freshExpiry > clock.now()) return { requeueAfterMs: freshExpiry - clock.now() }
      const preconditions = { uid: job.metadata.uid! }
      await client.delete(JOBS, key, { propagationPolicy: 'Foreground', preconditions })
    } catch (error) {
      if (!isNotFound(error)) throw error
    }
    return undefined
  },
}

/** When a Job is to be deleted, in milliseconds since the epoch; undefined while, or where, it is kept. */
export function expiryOf({ metadata, spec, status }: Typed<Job>): number | undefined {
  const seconds = spec?.ttlSecondsAfterFinished
  if (seconds === undefined || metadata.deletionTimestamp) return undefined
  const finished = status?.conditions?.find(
    (c) => (c.type === 'Complete' || c.type === 'Failed') && c.status === 'True',
  )
  if (!finished?.lastTransitionTime) return undefined
  return parseTime(finished.lastTransitionTime) + seconds * 1000
}
