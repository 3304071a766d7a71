import type { Controller } from '../runtime/controller.ts'

/** The controllers of what runs pods, in the order of kube-controller-manager. */
export function workloadControllers(): readonly Controller[] {
  return []
}
