import type { SchedulerPlugin } from '../plugin.ts'
import { balancedAllocation } from './balanced-allocation.ts'
import { dynamicResources } from './dynamic-resources.ts'
import { imageLocality } from './image-locality.ts'
import { interPodAffinity } from './inter-pod-affinity.ts'
import { nodeAffinity } from './node-affinity.ts'
import { nodeName } from './node-name.ts'
import { nodePorts } from './node-ports.ts'
import { nodeResourcesFit } from './node-resources-fit.ts'
import { nodeUnschedulable } from './node-unschedulable.ts'
import { nodeVolumeLimits } from './node-volume-limits.ts'
import { podTopologySpread } from './pod-topology-spread.ts'
import { taintToleration } from './taint-toleration.ts'
import type { VolumeBinder } from './volume-binder.ts'
import { volumeBinding } from './volume-binding.ts'
import { volumeRestrictions } from './volume-restrictions.ts'
import { volumeZone } from './volume-zone.ts'

/**
 * The default profile, in its order: a node's first obstacle is the one that is named.
 *
 * @see kubernetes pkg/scheduler/apis/config/v1/default_plugins.go
 */
export function defaultPlugins(binder: VolumeBinder): readonly SchedulerPlugin[] {
  return [
    nodeUnschedulable,
    nodeName,
    taintToleration,
    nodeAffinity,
    nodePorts,
    nodeResourcesFit,
    volumeRestrictions,
    nodeVolumeLimits,
    volumeBinding(binder),
    volumeZone,
    podTopologySpread,
    interPodAffinity,
    dynamicResources,
    balancedAllocation,
    imageLocality,
  ]
}
