import { isNotFound } from '../../../apimachinery/api-error.ts'
import { labelSelectorAsSelector } from '../../../apimachinery/label-selector.ts'
import type { ObjectKey } from '../../runtime/client.ts'
import type { Controller, Enqueue, ReconcileContext } from '../../runtime/controller.ts'
import { keyOf, keyText } from '../../runtime/object-key.ts'
import { controllerIndex, controllerOf, refersTo } from '../../runtime/owner.ts'
import { JOBS, PODS } from '../../runtime/resources.ts'
import { claim, ownedAndOrphans } from '../claim.ts'
import { ownerOrMatching } from '../owner-or-matching.ts'
import type { PodObject } from '../pod-state.ts'
import { type BackoffRecord, NO_FAILURES } from './job-backoff.ts'
import { isJobFinished, isTracked, JOB_NAME_LABEL, type JobObject, TRACKING_FINALIZER } from './job-pods.ts'
import { JobSync } from './job-sync.ts'

/** The value of `managedBy` that stands for this controller. */
const OWN_NAME = 'kubernetes.io/job-controller'
/**
 * Changes of a Job's pods are collected before it is synced again, as upstream's `syncJobBatchPeriod` of a second has it;
 * here only for as long as it has many, so that small ones never wait.
 */
const BATCH_FROM_PODS = 20
const BATCH_MS_PER_POD = 2
const MAX_BATCH_MS = 1000
/** Index of pods that still carry the finalizer, by the key of the Job that they say they belong to. */
const TRACKED_INDEX = 'job-tracking'

const selectorOf = ({ spec }: JobObject) => labelSelectorAsSelector(spec?.selector)

/** The Job that a pod belongs to, or did before it lost its owner. */
function jobKeyOf(pod: PodObject): ObjectKey | undefined {
  const reference = controllerOf(pod)
  if (reference && !refersTo(reference, JOBS)) return undefined
  const name = reference?.name ?? pod.metadata.labels?.[JOB_NAME_LABEL]
  return name === undefined ? undefined : { namespace: pod.metadata.namespace ?? '', name }
}

const owners = ownerOrMatching(JOBS, selectorOf)

/** Wakes the Job, also one that is gone: its pods must lose their finalizer. */
const enqueuePod: Enqueue<PodObject> = (pod, old, cache) => {
  const keys = owners(pod, old as never, cache)
  const former = isTracked(pod) && !controllerOf(pod) ? jobKeyOf(pod) : undefined
  return former ? [...keys, former] : keys
}

/** Pods whose Job is gone or finished are nobody's to count: their finalizer goes. */
async function releaseOrphans(key: ObjectKey, job: JobObject | undefined, context: ReconcileContext): Promise<void> {
  for (const pod of context.cache.byIndex(PODS, TRACKED_INDEX, keyText(key))) {
    const isLive = job && controllerOf(pod)?.uid === job.metadata.uid && !isJobFinished(job)
    if (isLive) continue
    const metadata = { '$deleteFromPrimitiveList/finalizers': [TRACKING_FINALIZER] }
    await context.client.patch(PODS, keyOf(pod), 'strategic', { metadata }).catch((error: unknown) => {
      if (!isNotFound(error)) throw error
    })
  }
}

/** Runs Jobs to their end. Remembers the failures of each, for the back-off. */
export function jobController(): Controller<JobObject> {
  const backoffs = new Map<string, BackoffRecord>()
  return {
    name: 'job-controller',
    queueName: 'job',
    serviceAccount: 'job-controller',
    for: JOBS,
    watches: [{ resource: PODS, enqueue: enqueuePod as never }],
    indexes: [
      controllerIndex(PODS),
      {
        resource: PODS,
        name: TRACKED_INDEX,
        values: (object) => {
          const key = isTracked(object as PodObject) ? jobKeyOf(object as PodObject) : undefined
          return key ? [keyText(key)] : []
        },
      },
    ],
    batchMs(key, cache) {
      const pods = cache.get(JOBS, key)?.spec?.parallelism ?? 1
      return pods < BATCH_FROM_PODS ? 0 : Math.min(pods * BATCH_MS_PER_POD, MAX_BATCH_MS)
    },
    async reconcile(key, context) {
      const job = context.cache.get(JOBS, key)
      const managedBy = job?.spec?.managedBy
      if (managedBy !== undefined && managedBy !== OWN_NAME) return undefined
      await releaseOrphans(key, job, context)
      if (!job || isJobFinished(job)) {
        backoffs.delete(keyText(key))
        return undefined
      }
      const mode = job.spec?.completionMode ?? 'NonIndexed'
      if (mode !== 'NonIndexed' && mode !== 'Indexed') {
        const message = 'Skipped Job sync because completion mode is unknown'
        context.events.record(job, 'Warning', 'UnknownCompletionMode', message)
        return undefined
      }
      const pods = await claim(context, ownedAndOrphans(context, PODS, job), {
        owner: job,
        ownerResource: JOBS,
        resource: PODS,
        selector: selectorOf(job),
        finalizers: [TRACKING_FINALIZER],
      })
      const text = keyText(key)
      return await new JobSync(context, job, pods).run(backoffs.get(text) ?? NO_FAILURES, (backoff) =>
        backoffs.set(text, backoff),
      )
    },
  }
}
