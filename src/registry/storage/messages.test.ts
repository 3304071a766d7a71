import { expect, test } from 'vitest'
import { NAME_PART, StrategyMessages, SUBDOMAIN } from '../../../test/suites/strategy-messages.ts'
import { storageEntries } from './entries.ts'

/** Messages that a kube-apiserver v1.36 answered with. */
const drivers = new StrategyMessages(storageEntries, 'csidrivers', 'CSIDriver')
const nodes = new StrategyMessages(storageEntries, 'csinodes', 'CSINode')
const capacities = new StrategyMessages(storageEntries, 'csistoragecapacities', 'CSIStorageCapacity', true)
const classes = new StrategyMessages(storageEntries, 'storageclasses', 'StorageClass')
const attachments = new StrategyMessages(storageEntries, 'volumeattachments', 'VolumeAttachment')
const attributes = new StrategyMessages(storageEntries, 'volumeattributesclasses', 'VolumeAttributesClass')

test('a driver', () => {
  expect(drivers.createErrors({ spec: {} })).toEqual([])
  const spec = {
    fsGroupPolicy: 'Some',
    volumeLifecycleModes: ['Forever', 'Persistent'],
    tokenRequests: [
      { audience: 'a' },
      { audience: 'a' },
      { audience: 'b', expirationSeconds: 599 },
      { audience: 'c', expirationSeconds: 4294967297 },
    ],
    nodeAllocatableUpdatePeriodSeconds: 9,
  }
  expect(drivers.createErrors({ metadata: { name: 'Bad_' }, spec })).toEqual([
    `metadata.name: Invalid value: "Bad_": ${SUBDOMAIN}`,
    'spec.fsGroupPolicy: Unsupported value: "Some": supported values: "File", "None", "ReadWriteOnceWithFSType"',
    'spec.tokenRequests[1].audience: Duplicate value: "a"',
    'spec.tokenRequests[2].expirationSeconds: Invalid value: 599: may not specify a duration less than 10 minutes',
    'spec.tokenRequests[3].expirationSeconds: Invalid value: 4294967297: may not specify a duration larger than 2^32 seconds',
    'spec.volumeLifecycleModes: Unsupported value: "Forever": supported values: "Persistent", "Ephemeral"',
    'spec.nodeAllocatableUpdatePeriodSeconds: Invalid value: 9: must be greater than or equal to 10 seconds',
  ])
  expect(drivers.createErrors({ spec: { serviceAccountTokenInSecrets: true } })).toEqual([
    'spec.serviceAccountTokenInSecrets: Invalid value: true: serviceAccountTokenInSecrets is set but no tokenRequests are specified',
  ])
})

test('what never changes in a driver', () => {
  const patch = { spec: { attachRequired: false, volumeLifecycleModes: ['Ephemeral'] } }
  expect(drivers.update({ spec: {} }, patch).errors).toEqual([
    'spec.attachedRequired: Invalid value: false: field is immutable',
    'spec.volumeLifecycleModes: Invalid value: ["Ephemeral"]: field is immutable',
  ])
})

test('drivers of a node', () => {
  const list = [
    { name: 'd', nodeID: '' },
    { name: 'd', nodeID: 'y', topologyKeys: ['k', 'k', ''] },
    { name: '', nodeID: 'z', allocatable: { count: -1 } },
    { name: 'Bad/', nodeID: 'q' },
  ]
  expect(nodes.createErrors({ spec: { drivers: list } })).toEqual([
    'spec.drivers[0].nodeID: Required value',
    'spec.drivers[1].name: Duplicate value: "d"',
    'spec.drivers[1]: Duplicate value: "k"',
    'spec.drivers[1]: Required value',
    'spec.drivers[1]: Invalid value: "": name part must be non-empty',
    `spec.drivers[1]: Invalid value: "": ${NAME_PART}`,
    'spec.drivers[2].name: Required value',
    'spec.drivers[2].allocatable.count: Invalid value: -1: must be greater than or equal to 0',
    `spec.drivers[3].name: Invalid value: "Bad/": ${SUBDOMAIN}`,
  ])
})

test('a capacity', () => {
  const nodeTopology = { matchLabels: { 'a b': 'c' } }
  expect(capacities.createErrors({ capacity: '-1', maximumVolumeSize: '-2', nodeTopology })).toEqual([
    `nodeTopology.matchLabels: Invalid value: "a b": ${NAME_PART}`,
    `storageClassName: Invalid value: "": ${SUBDOMAIN}`,
    'capacity: Invalid value: "-1": must be greater than or equal to 0',
  ])
  const good = { storageClassName: 's', nodeTopology: { matchLabels: { a: 'b' } } }
  const patch = { storageClassName: 'other', nodeTopology: { matchLabels: { c: 'd' } } }
  expect(capacities.update(good, patch).errors).toEqual([
    'nodeTopology: Invalid value: {"matchLabels":{"a":"b","c":"d"}}: field is immutable',
    'storageClassName: Invalid value: "other": field is immutable',
  ])
})

test('a class', () => {
  const errors = classes.createErrors({
    provisioner: '',
    reclaimPolicy: 'Recycle',
    volumeBindingMode: 'Later',
    parameters: { '': 'x' },
    allowedTopologies: [
      {
        matchLabelExpressions: [
          { key: 'a b', values: [] },
          { key: 'k', values: ['x', 'x'] },
          { key: 'k', values: ['y'] },
        ],
      },
    ],
  })
  expect(errors).toEqual([
    'provisioner: Required value',
    'parameters: Invalid value: "": field can not be empty.',
    'reclaimPolicy: Unsupported value: "Recycle": supported values: "Delete", "Retain"',
    'volumeBindingMode: Unsupported value: "Later": supported values: "Immediate", "WaitForFirstConsumer"',
    'allowedTopologies[0].matchLabelExpressions[0].values: Required value',
    `allowedTopologies[0].matchLabelExpressions[0].key: Invalid value: "a b": ${NAME_PART}`,
    'allowedTopologies[0].matchLabelExpressions[1].values[1]: Duplicate value: "x"',
    'allowedTopologies[0].matchLabelExpressions[2].key: Duplicate value: "k"',
  ])
  const term = { matchLabelExpressions: [{ key: 'k', values: ['x'] }] }
  expect(classes.createErrors({ provisioner: 'p', allowedTopologies: [term, term] })).toEqual([
    'allowedTopologies[1].matchLabelExpressions: Duplicate value: ""',
  ])
})

test('what never changes in a class', () => {
  const patch = {
    provisioner: 'other',
    parameters: { a: 'b' },
    reclaimPolicy: 'Retain',
    volumeBindingMode: 'WaitForFirstConsumer',
  }
  expect(classes.update({ provisioner: 'p' }, patch).errors).toEqual([
    'parameters: Invalid value: {"a":"b"}: field is immutable',
    'provisioner: Invalid value: "other": field is immutable',
    'reclaimPolicy: Invalid value: "Retain": field is immutable',
    'volumeBindingMode: Invalid value: "WaitForFirstConsumer": field is immutable',
  ])
})

test('an attachment', () => {
  expect(attachments.createErrors({ spec: { attacher: 'Bad/', nodeName: 'Bad_', source: {} } })).toEqual([
    `spec.attacher: Invalid value: "Bad/": ${SUBDOMAIN}`,
    'spec.source: Required value: must specify exactly one of inlineVolumeSpec and persistentVolumeName',
    `spec.nodeName: Invalid value: "Bad_": ${SUBDOMAIN}`,
  ])
  const spec = { attacher: 'd', nodeName: 'n', source: { inlineVolumeSpec: { hostPath: { path: '/x' } } } }
  expect(attachments.createErrors({ spec })).toEqual([
    'spec.source.inlineVolumeSpec.csi: Required value: has to be specified in the context of inline volumes',
    'spec.source.inlineVolumeSpec.accessModes: Required value',
  ])
  const good = { spec: { attacher: 'd.example.com', nodeName: 'n', source: { persistentVolumeName: 'pv' } } }
  expect(attachments.update(good, { spec: { nodeName: 'm' } }).errors).toEqual([
    'spec: Invalid value: {"Attacher":"d.example.com","Source":{"PersistentVolumeName":"pv","InlineVolumeSpec":null},"NodeName":"m"}: field is immutable',
  ])
})

test('a class of attributes', () => {
  expect(attributes.createErrors({ driverName: 'd.example.com' })).toEqual([
    'parameters: Required value: must contain at least one key/value pair',
  ])
  expect(attributes.createErrors({ driverName: '-a/b', parameters: { a: 'b' } })).toEqual([
    `driverName: Invalid value: "-a/b": prefix part ${SUBDOMAIN}`,
  ])
  const patch = { driverName: 'other.example.com', parameters: { iops: '200' } }
  expect(attributes.update({ driverName: 'd.example.com', parameters: { iops: '100' } }, patch).errors).toEqual([
    'driverName: Forbidden: updates to driverName are forbidden.',
    'parameters: Forbidden: updates to parameters are forbidden.',
  ])
})
