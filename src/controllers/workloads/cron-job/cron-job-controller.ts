import type { Controller } from '../../runtime/controller.ts'
import { keyText } from '../../runtime/object-key.ts'
import { controllerIndex, controllerOwner } from '../../runtime/owner.ts'
import { CRON_JOBS, JOBS } from '../../runtime/resources.ts'
import { type CronJobObject, CronJobSync } from './cron-job-sync.ts'

/** Starts Jobs on a schedule. Remembers the schedules, to notice when one is changed. */
export function cronJobController(): Controller<CronJobObject> {
  const schedules = new Map<string, string>()
  return {
    name: 'cronjob-controller',
    queueName: 'cronjob',
    serviceAccount: 'cronjob-controller',
    for: CRON_JOBS,
    watches: [{ resource: JOBS, enqueue: controllerOwner(CRON_JOBS) }],
    indexes: [controllerIndex(JOBS)],
    async reconcile(key, context) {
      const cronJob = context.cache.get(CRON_JOBS, key)
      const text = keyText(key)
      if (!cronJob) {
        schedules.delete(text)
        return undefined
      }
      const schedule = `${cronJob.metadata.uid} ${cronJob.spec.timeZone ?? ''} ${cronJob.spec.schedule}`
      const before = schedules.get(text)
      schedules.set(text, schedule)
      const isRescheduled = before !== undefined && before !== schedule && before.startsWith(`${cronJob.metadata.uid} `)
      return await new CronJobSync(context, cronJob).run({ isRescheduled })
    },
  }
}
