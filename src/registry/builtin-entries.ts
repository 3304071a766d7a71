import { admissionregistrationEntries } from './admissionregistration/entries.ts'
import { apiextensionsEntries } from './apiextensions/entries.ts'
import { apiregistrationEntries } from './apiregistration/entries.ts'
import { appsEntries } from './apps/entries.ts'
import { autoscalingEntries } from './autoscaling/entries.ts'
import { batchEntries } from './batch/entries.ts'
import { certificatesEntries } from './certificates/entries.ts'
import { coordinationEntries } from './coordination/entries.ts'
import { coreEntries } from './core/entries.ts'
import { discoveryEntries } from './discovery/entries.ts'
import { flowcontrolEntries } from './flowcontrol/entries.ts'
import { networkingEntries } from './networking/entries.ts'
import { nodeEntries } from './node/entries.ts'
import { policyEntries } from './policy/entries.ts'
import { rbacEntries } from './rbac/entries.ts'
import { resourceEntries } from './resource/entries.ts'
import type { AnyResourceEntry } from './resource.ts'
import { schedulingEntries } from './scheduling/entries.ts'
import { storageEntries } from './storage/entries.ts'

/** Every built-in resource that is stored. */
export const builtinEntries: readonly AnyResourceEntry[] = [
  ...coreEntries,
  ...admissionregistrationEntries,
  ...apiextensionsEntries,
  ...apiregistrationEntries,
  ...appsEntries,
  ...autoscalingEntries,
  ...batchEntries,
  ...certificatesEntries,
  ...coordinationEntries,
  ...discoveryEntries,
  ...flowcontrolEntries,
  ...networkingEntries,
  ...nodeEntries,
  ...policyEntries,
  ...rbacEntries,
  ...resourceEntries,
  ...schedulingEntries,
  ...storageEntries,
]
