import type { AnyResourceEntry } from '../resource.ts'
import { horizontalPodAutoscalers } from './horizontal-pod-autoscaler.ts'

/** The resources of the group autoscaling. */
export const autoscalingEntries: readonly AnyResourceEntry[] = [horizontalPodAutoscalers]
