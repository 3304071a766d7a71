import type { AnyResourceEntry } from '../resource.ts'
import { events } from './event.ts'

/** The resources of the group events.k8s.io. */
export const eventsEntries: readonly AnyResourceEntry[] = [events]
