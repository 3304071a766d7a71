import type { AnyResourceEntry } from '../resource.ts'
import { cronJobs } from './cron-job.ts'
import { jobs } from './job.ts'

/** The resources of the group batch. */
export const batchEntries: readonly AnyResourceEntry[] = [cronJobs, jobs]
