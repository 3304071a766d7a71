import type { FieldError } from '../../apimachinery/field-error.ts'
import { invalid, required } from '../../apimachinery/field-error.ts'
import { FieldPath } from '../../apimachinery/field-path.ts'
import {
  type GoType,
  goAny,
  goInt,
  goPointer,
  goString,
  goStruct,
  goStructValue,
} from '../../apimachinery/go-struct.ts'
import { semanticEqual } from '../../apimachinery/semantic-equal.ts'
import type { Event } from '../../apimachinery/types/core-v1.ts'
import { byteLength, invalidEach, isDNS1123Subdomain, isQualifiedName } from '../../apimachinery/validation/names.ts'
import { FIELD_IMMUTABLE_MESSAGE, nameIsDNSSubdomain } from '../../apimachinery/validation/object-meta.ts'
import { eventView, regardingFields } from '../events/event-view.ts'
import type { Cell, RegistryConfig, ResourceEntry, TableDefinition } from '../resource.ts'
import { defineResource } from '../resource.ts'
import { column, translateTimestampSince } from '../table-cells.ts'
import { validateObjectMeta, validateObjectMetaUpdate } from './core-object-meta.ts'

const METADATA = FieldPath.of('metadata')
const NOTE_MAX_LENGTH = 1024
const SHORT_MAX_LENGTH = 128

/** Name of `reportingComponent` in the group version of a request; its errors stand on that name. */
type ReportingFieldName = 'reportingComponent' | 'reportingController'

/**
 * Rules that every event meets, whichever version it came by.
 *
 * @see kubernetes pkg/apis/core/validation/events.go legacyValidateEvent
 */
export function validateAnyEvent(event: Event, reportingField: ReportingFieldName): FieldError[] {
  const namespace = event.metadata.namespace ?? ''
  const about = event.involvedObject?.namespace ?? ''
  const mismatch = (): FieldError =>
    invalid(FieldPath.of('involvedObject', 'namespace'), about, 'does not match event.namespace')
  const errors: FieldError[] = []
  if (!event.eventTime) {
    const agrees = about === '' ? namespace === '' || namespace === 'default' : namespace === about
    if (!agrees) errors.push(mismatch())
  } else {
    if (about === '' && namespace !== 'default' && namespace !== 'kube-system') errors.push(mismatch())
    errors.push(...validateNewFields(event, reportingField))
  }
  errors.push(...invalidEach(FieldPath.of('namespace'), namespace, isDNS1123Subdomain(namespace)))
  return errors
}

function validateNewFields(event: Event, reportingField: ReportingFieldName): FieldError[] {
  const { reportingComponent = '', reportingInstance = '', action = '', reason = '', message = '' } = event
  const reporting = FieldPath.of(reportingField)
  const errors = reportingComponent === '' ? [required(reporting, '')] : []
  errors.push(...invalidEach(reporting, reportingComponent, isQualifiedName(reportingComponent)))
  for (const [field, text] of Object.entries({ reportingInstance, action, reason })) {
    if (text === '') errors.push(required(FieldPath.of(field), ''))
    errors.push(...validateLength(field, text, SHORT_MAX_LENGTH))
  }
  errors.push(...validateLength('message', message, NOTE_MAX_LENGTH))
  return errors
}

function validateLength(field: string, text: string, max: number): FieldError[] {
  return byteLength(text) > max ? [invalid(FieldPath.of(field), '', `can have at most ${max} characters`)] : []
}

/** Creation by events.k8s.io/v1: {@link validateAnyEvent} and the strict rules of that version. */
export function validateNewEvent(event: Event): FieldError[] {
  const errors = validateAnyEvent(event, 'reportingController')
  errors.push(...validateObjectMeta(event.metadata, true, nameIsDNSSubdomain, METADATA))
  errors.push(...validateSeries(event))
  const { type = '', source } = event
  if (!event.eventTime) errors.push(required(FieldPath.of('eventTime'), ''))
  if (type !== 'Normal' && type !== 'Warning') {
    errors.push(invalid(FieldPath.of('type'), '', `has invalid value: ${type}`))
  }
  const unset = (field: string): FieldError => invalid(FieldPath.of(field), '', 'needs to be unset')
  if (event.firstTimestamp) errors.push(unset('firstTimestamp'))
  if (event.lastTimestamp) errors.push(unset('lastTimestamp'))
  if (event.count) errors.push(unset('count'))
  if (source?.component || source?.host) errors.push(unset('source'))
  return errors
}

function validateSeries({ series }: Event): FieldError[] {
  if (!series) return []
  const errors: FieldError[] = []
  if ((series.count ?? 0) < 2) errors.push(invalid(FieldPath.of('series.count'), '', 'should be at least 2'))
  if (!series.lastObservedTime) errors.push(required(FieldPath.of('series.lastObservedTime'), ''))
  return errors
}

/** Fields that no update by events.k8s.io/v1 changes, in upstream's order; `reason` stands there twice. */
const IMMUTABLE_FIELDS = [
  'involvedObject',
  'reason',
  'message',
  'source',
  'firstTimestamp',
  'lastTimestamp',
  'count',
  'reason',
  'type',
  'eventTime',
  'action',
  'related',
  'reportingComponent',
  'reportingInstance',
] as const

const goObjectReference = goStruct(
  ['Kind', 'kind', goString],
  ['Namespace', 'namespace', goString],
  ['Name', 'name', goString],
  ['UID', 'uid', goString],
  ['APIVersion', 'apiVersion', goString],
  ['ResourceVersion', 'resourceVersion', goString],
  ['FieldPath', 'fieldPath', goString],
)

/** How a field prints that is neither text nor a time. */
const PRINTED: Readonly<Partial<Record<(typeof IMMUTABLE_FIELDS)[number], GoType>>> = {
  involvedObject: goObjectReference,
  related: goPointer(goObjectReference),
  source: goStruct(['Component', 'component', goString], ['Host', 'host', goString]),
  count: goInt,
  firstTimestamp: goAny,
  lastTimestamp: goAny,
  eventTime: goAny,
}

/** Update by events.k8s.io/v1. */
export function validateNewEventUpdate(event: Event, old: Event): FieldError[] {
  const errors = validateAnyEvent(event, 'reportingController')
  errors.push(...validateObjectMetaUpdate(event.metadata, old.metadata, METADATA))
  if (!semanticEqual(event.series, old.series)) errors.push(...validateSeries(event))
  for (const field of IMMUTABLE_FIELDS) {
    const type = PRINTED[field] ?? goString
    if (semanticEqual(type(event[field]), type(old[field]))) continue
    const name = field === 'reportingComponent' ? 'reportingController' : field
    errors.push(invalid(FieldPath.of(name), goStructValue(type, event[field]), FIELD_IMMUTABLE_MESSAGE))
  }
  return errors
}

function source(event: Event): string {
  const component = event.source?.component || event.reportingComponent || ''
  const instance = event.source?.host || event.reportingInstance || ''
  return instance === '' ? component : `${component}, ${instance}`
}

function eventCells(event: Event, now: number): Cell[] {
  const first = translateTimestampSince(event.firstTimestamp || event.eventTime, now)
  const last = event.lastTimestamp ? translateTimestampSince(event.lastTimestamp, now) : first
  const { series, involvedObject: about } = event
  const kind = (about?.kind ?? '').toLowerCase()
  return [
    series ? translateTimestampSince(series.lastObservedTime, now) : last,
    event.type ?? '',
    event.reason ?? '',
    about?.name ? `${kind}/${about.name}` : kind,
    about?.fieldPath ?? '',
    source(event),
    (event.message ?? '').trim(),
    first,
    series ? (series.count ?? 0) : event.count || 1,
    event.metadata.name ?? '',
  ]
}

/** The table of events, in either group. */
const eventTable: TableDefinition<Event> = {
  columns: [
    column('Last Seen'),
    column('Type'),
    column('Reason'),
    column('Object'),
    column('Subobject', 'string', 1),
    column('Source', 'string', 1),
    column('Message'),
    column('First Seen', 'string', 1),
    column('Count', 'string', 1),
    { name: 'Name', type: 'string', format: 'name', priority: 1 },
  ],
  cells: eventCells,
}

/** Events go away by themselves, in either group. */
const eventTtlSeconds = (_event: Event, config: RegistryConfig): number => config.eventTtlSeconds

/** Nothing depends on an event, so that deletes take no propagation policy. */
const eventDeletion: ResourceEntry<Event>['deletion'] = { dependents: 'unsupported' }

function selectableFields(event: Event): Readonly<Record<string, string>> {
  const about = event.involvedObject
  return {
    'involvedObject.kind': about?.kind ?? '',
    'involvedObject.namespace': about?.namespace ?? '',
    'involvedObject.name': about?.name ?? '',
    'involvedObject.uid': about?.uid ?? '',
    'involvedObject.apiVersion': about?.apiVersion ?? '',
    'involvedObject.resourceVersion': about?.resourceVersion ?? '',
    'involvedObject.fieldPath': about?.fieldPath ?? '',
    reason: event.reason ?? '',
    ...regardingFields(event),
    reportingComponent: event.reportingComponent ?? '',
    source: event.source?.component || event.reportingComponent || '',
    type: event.type ?? '',
  }
}

/**
 * Events as core/v1 has them, which is also how they are stored.
 *
 * @see kubernetes pkg/registry/core/event/strategy.go
 */
export const events = defineResource<Event>({
  group: '',
  resource: 'events',
  hubVersion: 'v1',
  strategy: {
    validate: (event, { apiGroup }) =>
      apiGroup === eventView.group ? validateNewEvent(event) : validateAnyEvent(event, 'reportingComponent'),
    validateUpdate: (event, old, { apiGroup }) =>
      apiGroup === eventView.group ? validateNewEventUpdate(event, old) : validateAnyEvent(event, 'reportingComponent'),
  },
  views: [eventView],
  deletion: eventDeletion,
  ttlSeconds: eventTtlSeconds,
  selectableFields,
  table: eventTable,
})
