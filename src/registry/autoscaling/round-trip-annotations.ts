import type { ObjectMeta } from '../../apimachinery/types/meta-v1.ts'

/** Annotations in which autoscaling/v1 carries what it has no fields for. */
export const METRICS_ANNOTATION = 'autoscaling.alpha.kubernetes.io/metrics'
export const CURRENT_METRICS_ANNOTATION = 'autoscaling.alpha.kubernetes.io/current-metrics'
export const CONDITIONS_ANNOTATION = 'autoscaling.alpha.kubernetes.io/conditions'
export const BEHAVIOR_ANNOTATION = 'autoscaling.alpha.kubernetes.io/behavior'

const ROUND_TRIP_ANNOTATIONS = [
  METRICS_ANNOTATION,
  BEHAVIOR_ANNOTATION,
  'autoscaling.alpha.kubernetes.io/scale-down-tolerance',
  'autoscaling.alpha.kubernetes.io/scale-up-tolerance',
  CURRENT_METRICS_ANNOTATION,
  CONDITIONS_ANNOTATION,
]

/**
 * Takes these annotations out of the metadata, which must be the caller's own; the map of annotations is not written.
 *
 * @see pkg/apis/autoscaling/helpers.go
 */
export function dropRoundTripAnnotations(metadata: ObjectMeta): void {
  const { annotations } = metadata
  if (!annotations || !ROUND_TRIP_ANNOTATIONS.some((name) => annotations[name] !== undefined)) return
  const kept = Object.entries(annotations).filter(([name]) => !ROUND_TRIP_ANNOTATIONS.includes(name))
  if (kept.length > 0) metadata.annotations = Object.fromEntries(kept)
  else delete metadata.annotations
}
