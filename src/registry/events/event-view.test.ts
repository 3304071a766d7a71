import { expect, test } from 'vitest'
import { eventView, regardingFields } from './event-view.ts'

const about = { kind: 'Pod', namespace: 'ns', name: 'p' }
const core = {
  apiVersion: 'v1',
  kind: 'Event',
  metadata: { name: 'e', namespace: 'ns' },
  involvedObject: about,
  reason: 'Started',
  message: 'm',
  source: { component: 'kubelet' },
  firstTimestamp: '2026-01-01T00:00:00Z',
  lastTimestamp: '2026-01-01T00:00:01Z',
  count: 2,
  eventTime: null,
  reportingComponent: 'kubelet',
  reportingInstance: 'n1',
  type: 'Normal',
}
const served = {
  apiVersion: 'events.k8s.io/v1',
  kind: 'Event',
  metadata: { name: 'e', namespace: 'ns' },
  regarding: about,
  reason: 'Started',
  note: 'm',
  deprecatedSource: { component: 'kubelet' },
  deprecatedFirstTimestamp: '2026-01-01T00:00:00Z',
  deprecatedLastTimestamp: '2026-01-01T00:00:01Z',
  deprecatedCount: 2,
  eventTime: null,
  reportingController: 'kubelet',
  reportingInstance: 'n1',
  type: 'Normal',
}

test('events.k8s.io/v1 and core/v1 are two names for the same fields, both ways', () => {
  expect(eventView.fromHub(core)).toEqual(served)
  expect(eventView.toHub(served)).toEqual(core)
})

test('field selectors of events.k8s.io/v1 look at the stored core/v1 fields', () => {
  expect(regardingFields({ ...core, eventTime: undefined })).toMatchObject({
    'regarding.name': 'p',
    'regarding.uid': '',
    reportingController: 'kubelet',
  })
})
