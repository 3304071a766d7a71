import type { AnyResourceEntry } from '../resource.ts'
import { podDisruptionBudgets } from './pod-disruption-budget.ts'

/** The resources of the group policy. */
export const policyEntries: readonly AnyResourceEntry[] = [podDisruptionBudgets]
