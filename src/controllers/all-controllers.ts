import type { Controller } from './runtime/controller.ts'
import { workloadControllers } from './workloads/workload-controllers.ts'

/** Every controller that runs by default. */
export function allControllers(): readonly Controller[] {
  return [...workloadControllers()]
}
