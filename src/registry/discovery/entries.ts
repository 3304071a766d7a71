import type { AnyResourceEntry } from '../resource.ts'
import { endpointSlices } from './endpoint-slice.ts'

/** The resources of the group discovery.k8s.io. */
export const discoveryEntries: readonly AnyResourceEntry[] = [endpointSlices]
