import type { AnyResourceEntry } from '../resource.ts'
import { runtimeClasses } from './runtime-class.ts'

/** The resources of the group node.k8s.io. */
export const nodeEntries: readonly AnyResourceEntry[] = [runtimeClasses]
