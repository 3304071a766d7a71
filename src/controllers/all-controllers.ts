import { horizontalPodAutoscaler } from './autoscaling/horizontal-pod-autoscaler.ts'
import { type ClusterControllersOptions, clusterControllers, clusterLoops } from './cluster/cluster-controllers.ts'
import type { ControlLoop } from './runtime/control-loop.ts'
import type { Controller } from './runtime/controller.ts'
import { workloadControllers } from './workloads/workload-controllers.ts'

export type AllControllersOptions = ClusterControllersOptions

/** Every controller that runs by default. */
export function allControllers(options: AllControllersOptions = {}): readonly Controller[] {
  return [...workloadControllers(), horizontalPodAutoscaler(), ...clusterControllers(options)]
}

/** Every control loop that finds out for itself what to watch. */
export function allLoops(options: AllControllersOptions = {}): readonly ControlLoop[] {
  return clusterLoops(options)
}
