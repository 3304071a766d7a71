import type { AnyResourceEntry } from '../resource.ts'
import { priorityClasses } from './priority-class.ts'

/** The resources of the group scheduling.k8s.io. */
export const schedulingEntries: readonly AnyResourceEntry[] = [priorityClasses]
