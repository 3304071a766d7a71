import type { AnyResourceEntry } from '../resource.ts'
import { leases } from './lease.ts'

/** The resources of the group coordination.k8s.io. */
export const coordinationEntries: readonly AnyResourceEntry[] = [leases]
