import type { AnyResourceEntry } from '../resource.ts'
import { apiServices } from './api-service.ts'

/** apiregistration.k8s.io. */
export const apiregistrationEntries: readonly AnyResourceEntry[] = [apiServices]
