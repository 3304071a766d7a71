import type { KubeObject } from '../../apimachinery/kube-object.ts'
import type { Event as CoreEvent } from '../../apimachinery/types/core-v1.ts'
import type { Event } from '../../apimachinery/types/events-v1.ts'
import type { VersionView } from '../resource.ts'

/** Names of fields here and in core/v1, which is how events are stored; the other fields have one name in both. */
const RENAMED: readonly (readonly [here: keyof Event, core: keyof CoreEvent])[] = [
  ['regarding', 'involvedObject'],
  ['note', 'message'],
  ['deprecatedSource', 'source'],
  ['deprecatedFirstTimestamp', 'firstTimestamp'],
  ['deprecatedLastTimestamp', 'lastTimestamp'],
  ['deprecatedCount', 'count'],
  ['reportingController', 'reportingComponent'],
]
const TO_CORE: ReadonlyMap<string, string> = new Map(RENAMED)
const FROM_CORE: ReadonlyMap<string, string> = new Map(RENAMED.map(([here, core]) => [core, here]))

function renameFields(event: KubeObject, names: ReadonlyMap<string, string>, apiVersion: string): KubeObject {
  const renamed = Object.fromEntries(Object.entries(event).map(([key, value]) => [names.get(key) ?? key, value]))
  return { ...renamed, apiVersion, kind: 'Event', metadata: event.metadata }
}

/**
 * How events.k8s.io/v1 shows a stored core/v1 Event. What is inside the fields is shared, not copied.
 *
 * @see pkg/apis/events/v1/conversion.go
 */
export const eventView: VersionView = {
  group: 'events.k8s.io',
  version: 'v1',
  toHub: (event) => renameFields(event, TO_CORE, 'v1'),
  fromHub: (event) => renameFields(event, FROM_CORE, 'events.k8s.io/v1'),
}

/** Field selectors that only events.k8s.io/v1 has, beside those of core/v1 with the same name in both. */
export function regardingFields(event: CoreEvent): Readonly<Record<string, string>> {
  const about = event.involvedObject
  return {
    'regarding.kind': about?.kind ?? '',
    'regarding.namespace': about?.namespace ?? '',
    'regarding.name': about?.name ?? '',
    'regarding.uid': about?.uid ?? '',
    'regarding.apiVersion': about?.apiVersion ?? '',
    'regarding.resourceVersion': about?.resourceVersion ?? '',
    'regarding.fieldPath': about?.fieldPath ?? '',
    reportingController: event.reportingComponent ?? '',
  }
}
