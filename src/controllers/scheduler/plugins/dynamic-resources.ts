import type { Rejection, SchedulerPlugin } from '../plugin.ts'

const NAME = 'DynamicResources'
const CANNOT_ALLOCATE: Rejection = { plugin: NAME, reasons: ['cannot allocate all claims'], unresolvable: false }

/** What its PostFilter says of a pod without claims; part of every message about a pod that does not fit. */
export const NOTHING_TO_DEALLOCATE = 'no new claims to deallocate'

/**
 * Differs from kube-scheduler: devices are not allocated, so that a pod with resource claims fits nowhere.
 *
 * @see plugins/dynamicresources/dynamicresources.go
 */
export const dynamicResources: SchedulerPlugin = {
  name: NAME,
  weight: 2,
  demand({ pod }) {
    return pod.spec?.resourceClaims?.length ? { filter: { filter: () => CANNOT_ALLOCATE } } : undefined
  },
}
