import type { ControlLoop } from '../runtime/control-loop.ts'
import type { Controller } from '../runtime/controller.ts'
import { clusterRoleAggregationController } from './cluster-role-aggregation.ts'
import { garbageCollector } from './garbage-collector/garbage-collector.ts'
import { namespaceController } from './namespace/namespace-controller.ts'
import { rootCaPublisher } from './root-ca-publisher.ts'
import { serviceAccountController } from './service-account-controller.ts'

export interface ClusterControllersOptions {
  /** Certificates that the API server is verified with, in PEM; undefined: nothing is published. */
  readonly rootCa?: string
}

/** Controllers of what every cluster has besides workloads. */
export function clusterControllers({ rootCa }: ClusterControllersOptions = {}): readonly Controller[] {
  const controllers: Controller[] = [namespaceController, serviceAccountController, clusterRoleAggregationController]
  if (rootCa !== undefined) controllers.push(rootCaPublisher(rootCa))
  return controllers
}

/** Control loops that find out for themselves what to watch. */
export function clusterLoops(): readonly ControlLoop[] {
  return [garbageCollector]
}
