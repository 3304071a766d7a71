import { parseTime } from '../../apimachinery/clock.ts'
import type { KubeObject } from '../../apimachinery/kube-object.ts'

/**
 * The class that is marked as the default by one of the annotations: the newest of several, by name where they are of
 * the same second.
 */
export function defaultClassName(classes: readonly KubeObject[], annotations: readonly string[]): string | undefined {
  let chosen: KubeObject | undefined
  for (const candidate of classes) {
    if (!annotations.some((key) => candidate.metadata.annotations?.[key] === 'true')) continue
    if (!chosen || isBefore(candidate, chosen)) chosen = candidate
  }
  return chosen?.metadata.name
}

function isBefore(a: KubeObject, b: KubeObject): boolean {
  const newer = createdAt(a) - createdAt(b)
  return newer === 0 ? a.metadata.name! < b.metadata.name! : newer > 0
}

const createdAt = ({ metadata }: KubeObject): number => parseTime(metadata.creationTimestamp ?? '') || 0
