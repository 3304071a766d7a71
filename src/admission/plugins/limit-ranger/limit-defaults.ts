import type { Container, LimitRangeItem, Pod } from '../../../apimachinery/types/core-v1.ts'

const ANNOTATION = 'kubernetes.io/limit-ranger'

type ResourceList = Record<string, string>

/** Gives containers the requests and limits that they leave open, and says so in an annotation. */
export function setDefaults(pod: Pod, items: readonly LimitRangeItem[]): void {
  const requests: ResourceList = {}
  const limits: ResourceList = {}
  for (const item of items) {
    if (item.type !== 'Container') continue
    Object.assign(requests, item.defaultRequest)
    Object.assign(limits, item.default)
  }
  const notes = [
    ...(pod.spec?.containers ?? []).flatMap((c) => complete(c, 'container', requests, limits)),
    ...(pod.spec?.initContainers ?? []).flatMap((c) => complete(c, 'init container', requests, limits)),
  ]
  if (notes.length === 0) return
  const annotations = { ...pod.metadata.annotations, [ANNOTATION]: `LimitRanger plugin set: ${notes.join('; ')}` }
  pod.metadata.annotations = annotations
}

function complete(container: Container, what: string, requests: ResourceList, limits: ResourceList): string[] {
  const notes: string[] = []
  const fill = (side: 'requests' | 'limits', word: string, defaults: ResourceList): void => {
    const given = container.resources?.[side] ?? {}
    const missing = Object.keys(defaults).filter((name) => !Object.hasOwn(given, name))
    if (missing.length === 0) return
    const merged: ResourceList = { ...given }
    for (const name of missing.sort()) merged[name] = defaults[name]!
    container.resources = { ...container.resources, [side]: merged }
    notes.push(`${missing.join(', ')} ${word} for ${what} ${container.name}`)
  }
  fill('requests', 'request', requests)
  fill('limits', 'limit', limits)
  return notes
}
