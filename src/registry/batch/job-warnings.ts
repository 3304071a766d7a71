import type { FieldPath } from '../../apimachinery/field-path.ts'
import type { JobSpec } from '../../apimachinery/types/batch-v1.ts'
import { warningsForPodTemplate } from '../core/pod/pod-warnings.ts'
import { isIndexed } from './job-spec-validation.ts'

const COMPLETIONS_SOFT_LIMIT = 100_000
const PARALLELISM_SOFT_LIMIT = 10_000

/** @see pkg/api/job/warnings.go WarningsForJobSpec */
export function warningsForJobSpec(spec: JobSpec, oldSpec: JobSpec | undefined, path: FieldPath): string[] {
  const warnings: string[] = []
  const { completions = 0, parallelism = 0 } = spec
  if (isIndexed(spec) && completions > COMPLETIONS_SOFT_LIMIT && parallelism > PARALLELISM_SOFT_LIMIT) {
    warnings.push(
      `${path}: In Indexed Jobs with a number of completions higher than 10^5 and a parallelism higher than 10^4, Kubernetes might not be able to track completedIndexes when a big number of indexes fail`,
    )
  }
  return warnings.concat(warningsForPodTemplate(path.child('template'), spec.template, oldSpec?.template))
}
