import type { AnyResourceEntry } from '../resource.ts'
import { flowSchemas } from './flow-schema.ts'
import { priorityLevelConfigurations } from './priority-level-configuration.ts'

/** flowcontrol.apiserver.k8s.io. */
export const flowcontrolEntries: readonly AnyResourceEntry[] = [flowSchemas, priorityLevelConfigurations]
