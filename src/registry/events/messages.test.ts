import { describe, expect, test } from 'vitest'
import { NAME_PART, SUBDOMAIN } from '../../../test/suites/strategy-messages.ts'
import { fieldErrorMessage } from '../../apimachinery/field-error.ts'
import type { Event } from '../../apimachinery/types/core-v1.ts'
import { validateAnyEvent, validateNewEvent, validateNewEventUpdate } from '../core/event.ts'

/** What a kubernetes pkg/apis/core/validation/events.go says, read side by side with ours. */
type Rest = Record<string, unknown>

const TIME = '2026-01-01T00:00:00Z'
const MICRO_TIME = '2026-01-01T00:00:00.000000Z'
const META = { name: 'e', namespace: 'n', resourceVersion: '1' }
const LONG = 'x'.repeat(129)

/** An event as old clients make it. */
const legacy = (rest: Rest = {}): Event =>
  ({ metadata: META, involvedObject: { kind: 'Pod', namespace: 'n', name: 'p' }, ...rest }) as unknown as Event

/** An event with all that events.k8s.io/v1 asks for. */
const full = (rest: Rest = {}): Event =>
  legacy({
    eventTime: MICRO_TIME,
    reportingComponent: 'a.b/c',
    reportingInstance: 'i',
    action: 'Act',
    reason: 'R',
    type: 'Normal',
    message: 'm',
    ...rest,
  })

const inNamespace = (namespace: string, about: Rest, rest: Rest = {}): Event =>
  ({ ...full(rest), metadata: { ...META, namespace }, involvedObject: about }) as unknown as Event

const MISMATCH = (about: string): string =>
  `involvedObject.namespace: Invalid value: "${about}": does not match event.namespace`
const unset = (event: Event): Event => ({ ...event, eventTime: undefined }) as unknown as Event

describe('legacyValidateEvent: rules of every event', () => {
  test.each<[string, Event, string[]]>([
    ['an old one needs little', legacy(), []],
    ['its type is free', legacy({ type: 'Odd', reason: LONG }), []],
    ['about another namespace', legacy({ involvedObject: { namespace: 'other' } }), [MISMATCH('other')]],
    ['about no namespace', legacy({ involvedObject: {} }), [MISMATCH('')]],
    ['about no namespace, in default', unset(inNamespace('default', {})), []],
    ['about no namespace, in kube-system', unset(inNamespace('kube-system', {})), [MISMATCH('')]],
    ['a new one is complete', full(), []],
    ['a new one about no namespace, in kube-system', inNamespace('kube-system', {}), []],
    ['a new one about no namespace, elsewhere', inNamespace('n', {}), [MISMATCH('')]],
    ['a new one about another namespace', inNamespace('n', { namespace: 'other' }), []],
    [
      'a new one without a reporter',
      full({ reportingComponent: '' }),
      [
        'reportingComponent: Required value',
        'reportingComponent: Invalid value: "": name part must be non-empty',
        `reportingComponent: Invalid value: "": ${NAME_PART}`,
      ],
    ],
    [
      'names and texts that are too long',
      full({ reportingInstance: LONG, action: LONG, reason: LONG, message: 'x'.repeat(1025) }),
      [
        'reportingInstance: Invalid value: "": can have at most 128 characters',
        'action: Invalid value: "": can have at most 128 characters',
        'reason: Invalid value: "": can have at most 128 characters',
        'message: Invalid value: "": can have at most 1024 characters',
      ],
    ],
    [
      'what a new one needs',
      full({ reportingInstance: '', action: '', reason: '', message: '' }),
      ['reportingInstance: Required value', 'action: Required value', 'reason: Required value'],
    ],
    [
      'a namespace that is no name',
      inNamespace('N_', { namespace: 'N_' }),
      [`namespace: Invalid value: "N_": ${SUBDOMAIN}`],
    ],
  ])('%s', (_, event, errors) => {
    expect(validateAnyEvent(event, 'reportingComponent').map(fieldErrorMessage)).toEqual(errors)
  })
})

describe('ValidateEventCreate by events.k8s.io/v1', () => {
  test.each<[string, Event, string[]]>([
    ['complete', full(), []],
    ['a series', full({ series: { count: 2, lastObservedTime: MICRO_TIME } }), []],
    [
      'a series of one',
      full({ series: { count: 1, lastObservedTime: MICRO_TIME } }),
      ['series.count: Invalid value: "": should be at least 2'],
    ],
    ['a series without a time', full({ series: { count: 2 } }), ['series.lastObservedTime: Required value']],
    ['a type of its own', full({ type: 'Odd' }), ['type: Invalid value: "": has invalid value: Odd']],
    [
      'when it was seen first',
      full({ firstTimestamp: TIME }),
      ['firstTimestamp: Invalid value: "": needs to be unset'],
    ],
    ['when it was seen last', full({ lastTimestamp: TIME }), ['lastTimestamp: Invalid value: "": needs to be unset']],
    ['how often', full({ count: 1 }), ['count: Invalid value: "": needs to be unset']],
    ['by whom', full({ source: { component: 'c' } }), ['source: Invalid value: "": needs to be unset']],
    [
      'the reporter has its new name',
      full({ reportingComponent: 'a b' }),
      [`reportingController: Invalid value: "a b": ${NAME_PART}`],
    ],
    ['no time', unset(full()), ['eventTime: Required value']],
  ])('%s', (_, event, errors) => {
    expect(validateNewEvent(event).map(fieldErrorMessage)).toEqual(errors)
  })
})

describe('ValidateEventUpdate by events.k8s.io/v1', () => {
  const immutable = (field: string, value: string): string => `${field}: Invalid value: ${value}: field is immutable`
  const reference = (rest: Rest): string =>
    JSON.stringify({
      Kind: '',
      Namespace: '',
      Name: '',
      UID: '',
      APIVersion: '',
      ResourceVersion: '',
      FieldPath: '',
      ...rest,
    })

  test.each<[string, Rest, string[]]>([
    ['the series may change', { series: { count: 3, lastObservedTime: MICRO_TIME } }, []],
    [
      'to a good one',
      { series: { count: 1 } },
      ['series.count: Invalid value: "": should be at least 2', 'series.lastObservedTime: Required value'],
    ],
    [
      'what it is about',
      { involvedObject: { kind: 'Pod', namespace: 'n', name: 'q' } },
      [immutable('involvedObject', reference({ Kind: 'Pod', Namespace: 'n', Name: 'q' }))],
    ],
    ['the reason is told twice', { reason: 'S' }, [immutable('reason', '"S"'), immutable('reason', '"S"')]],
    ['message', { message: 'n' }, [immutable('message', '"n"')]],
    ['source', { source: { host: 'h' } }, [immutable('source', '{"Component":"","Host":"h"}')]],
    [
      'when it was seen',
      { firstTimestamp: TIME, lastTimestamp: TIME },
      [immutable('firstTimestamp', `"${TIME}"`), immutable('lastTimestamp', `"${TIME}"`)],
    ],
    ['count', { count: 4 }, [immutable('count', '4')]],
    ['type', { type: 'Warning' }, [immutable('type', '"Warning"')]],
    ['time', { eventTime: '2026-01-02T00:00:00.000000Z' }, [immutable('eventTime', '"2026-01-02T00:00:00.000000Z"')]],
    ['action', { action: 'Other' }, [immutable('action', '"Other"')]],
    ['what it is related to', { related: { name: 'r' } }, [immutable('related', reference({ Name: 'r' }))]],
    ['reporter', { reportingComponent: 'd' }, [immutable('reportingController', '"d"')]],
    ['instance', { reportingInstance: 'j' }, [immutable('reportingInstance', '"j"')]],
  ])('%s', (_, rest, errors) => {
    expect(validateNewEventUpdate(full(rest), full()).map(fieldErrorMessage)).toEqual(errors)
  })

  test('what goes prints as its zero', () => {
    const old = full({ source: { component: 'c' }, related: { name: 'r' }, count: 2, firstTimestamp: TIME })
    expect(validateNewEventUpdate(full(), old).map(fieldErrorMessage)).toEqual([
      immutable('source', '{"Component":"","Host":""}'),
      immutable('firstTimestamp', 'null'),
      immutable('count', '0'),
      immutable('related', 'null'),
    ])
  })
})
