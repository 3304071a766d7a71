import { expect, test } from 'vitest'
import { persistentVolumes } from './persistent-volume.ts'
import { persistentVolumeClaims } from './persistent-volume-claim.ts'
import { type Manifest, StrategyRunner } from './strategy-runner.ts'

const volumes = new StrategyRunner(persistentVolumes)
const claims = new StrategyRunner(persistentVolumeClaims)

const volume = (spec: Manifest, metadata: Manifest = {}): Manifest => ({
  metadata: { name: 'v', ...metadata },
  spec: { capacity: { storage: '1Gi' }, accessModes: ['ReadWriteOnce'], ...spec },
})

const claim = (spec: Manifest, metadata: Manifest = {}, status: Manifest = {}): Manifest => ({
  metadata: { name: 'c', namespace: 'n', ...metadata },
  spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } }, ...spec },
  status,
})

test('a new volume waits, keeps its data and holds a file system', () => {
  const { object } = volumes.create(volume({ hostPath: { path: '/x' } }))
  expect(object).toMatchObject({
    spec: { persistentVolumeReclaimPolicy: 'Retain', volumeMode: 'Filesystem', hostPath: { path: '/x', type: '' } },
    status: { phase: 'Pending', lastPhaseTransitionTime: '2026-01-01T00:00:00Z' },
  })
})

// Rules and words of kubernetes pkg/apis/core/validation/validation.go ValidatePersistentVolumeSpec.
test.each<[string, Manifest, string[]]>([
  ['no source', {}, ['spec: Required value: must specify a volume type']],
  [
    'two sources',
    { hostPath: { path: '/x' }, nfs: { server: 's', path: '/' }, cephfs: {} },
    [
      'spec.nfs: Forbidden: may not specify more than 1 volume type',
      'spec.cephFS: Forbidden: may not specify more than 1 volume type',
    ],
  ],
  [
    'no capacity',
    { capacity: {}, hostPath: { path: '/x' } },
    ['spec.capacity: Required value', 'spec.capacity: Unsupported value: {}: supported values: "storage"'],
  ],
  [
    'a capacity of two things',
    { capacity: { storage: '1', cpu: '1' }, hostPath: { path: '/x' } },
    ['spec.capacity: Unsupported value: {"cpu":"1","storage":"1"}: supported values: "storage"'],
  ],
  [
    'a bad GlusterFS',
    { glusterfs: { endpointsNamespace: '' } },
    [
      'spec.glusterfs.endpoints: Required value',
      'spec.glusterfs.path: Required value',
      'spec.glusterfs.endpointsNamespace: Invalid value: "": if the endpointnamespace is set, it must be a valid namespace name',
    ],
  ],
  [
    'a bad disk of Google',
    { gcePersistentDisk: { partition: 256 } },
    [
      'spec.persistentDisk.pdName: Required value',
      'spec.persistentDisk.partition: Invalid value: 256: must be between 1 and 255, inclusive',
    ],
  ],
  [
    'a bad iSCSI target',
    { iscsi: { iqn: 'foo', lun: 256, chapAuthSession: true, initiatorName: 'iqn.x' } },
    [
      'spec.iscsi.targetPortal: Required value',
      'spec.iscsi.iqn: Invalid value: "foo": must be valid format',
      'spec.iscsi.lun: Invalid value: 256: must be between 0 and 255, inclusive',
      'spec.iscsi.secretRef: Required value',
      'spec.iscsi.initiatorname: Invalid value: "iqn.x": must be valid format',
    ],
  ],
  [
    'a secret without a place',
    { cinder: { volumeID: 'x', secretRef: { name: 's' } } },
    ['spec.cinder.secretRef.namespace: Required value'],
  ],
  [
    'a reserved option',
    { flexVolume: { driver: 'd', options: { 'a.k8s.io/x': '' } } },
    [
      'spec.flexVolume.options[a.k8s.io/x]: Invalid value: "a.k8s.io/x": kubernetes.io and k8s.io namespaces are reserved',
    ],
  ],
  [
    'a local path that climbs',
    { local: { path: 'a/../b' } },
    [
      'spec.local.path: Invalid value: "a/../b": must not contain \'..\'',
      'spec.nodeAffinity: Required value: Local volume requires node affinity',
    ],
  ],
  [
    'an affinity to nothing',
    { hostPath: { path: '/x' }, nodeAffinity: {} },
    ['spec.nodeAffinity.required: Required value: must specify required node constraints'],
  ],
  [
    'an affinity of no terms',
    { hostPath: { path: '/x' }, nodeAffinity: { required: { nodeSelectorTerms: [] } } },
    ['spec.nodeAffinity.required.nodeSelectorTerms: Required value: must have at least one node selector term'],
  ],
  [
    'a root that would be recycled',
    { hostPath: { path: '//' }, persistentVolumeReclaimPolicy: 'Recycle' },
    ["spec.persistentVolumeReclaimPolicy: Forbidden: may not be 'recycle' for a hostPath mount of '/'"],
  ],
  [
    'a class of attributes without CSI',
    { nfs: { server: 's', path: '/' }, volumeAttributesClassName: 'a' },
    ['spec.csi: Required value: has to be specified when using volumeAttributesClassName'],
  ],
])('a volume with %s', (_what, spec, errors) => {
  expect(volumes.create(volume(spec)).errors).toEqual(errors)
})

test('mount options by annotation are for some kinds only', () => {
  const annotations = { 'volume.beta.kubernetes.io/mount-options': 'ro' }
  expect(volumes.create(volume({ nfs: { server: 's', path: '/' } }, { annotations })).errors).toEqual([])
  expect(volumes.create(volume({ hostPath: { path: '/x' } }, { annotations })).errors).toEqual([
    'metadata.annotations.volume.beta.kubernetes.io/mount-options: Forbidden: may not specify mount options for this volume type',
  ])
})

test('the source never changes, but a secret for expansion may come', () => {
  const csi = { driver: 'd', volumeHandle: 'h' }
  const old = volumes.read(volume({ csi }))
  const secret = { name: 's', namespace: 'n' }
  expect(volumes.update(volume({ csi: { ...csi, controllerExpandSecretRef: secret } }), old).errors).toEqual([])
  const [error] = volumes.update(volume({ csi: { ...csi, volumeHandle: 'i' } }), old).errors
  expect(error).toContain(
    'spec.persistentvolumesource: Forbidden: spec.persistentvolumesource is immutable after creation\n@@ ',
  )
  expect(error).toContain('-  "VolumeHandle": "h",\n+  "VolumeHandle": "i",\n')
})

test('node affinity may follow a label out of beta and nowhere else', () => {
  const affinity = (key: string): Manifest => ({
    hostPath: { path: '/x' },
    nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions: [{ key, operator: 'In', values: ['z'] }] }] } },
  })
  const old = volumes.read(volume(affinity('failure-domain.beta.kubernetes.io/zone')))
  expect(volumes.update(volume(affinity('topology.kubernetes.io/zone')), old).errors).toEqual([])
  expect(volumes.update(volume(affinity('zone')), old).errors).toEqual([
    'nodeAffinity: Invalid value: {"Required":{"NodeSelectorTerms":[{"MatchExpressions":[{"Key":"zone","Operator":"In","Values":["z"]}],"MatchFields":null}]}}: field is immutable, except for updating from beta label to GA',
  ])
})

test('a change of phase sets its time, unless the client does', () => {
  const old = {
    ...volumes.read(volume({})),
    status: { phase: 'Pending', lastPhaseTransitionTime: '2025-01-01T00:00:00Z' },
  }
  const statusOf = (status: Manifest): unknown =>
    volumes.update({ ...volume({}), status }, old, 'status').object['status']
  expect(statusOf({ phase: 'Bound' })).toEqual({ phase: 'Bound', lastPhaseTransitionTime: '2026-01-01T00:00:00Z' })
  expect(statusOf({ phase: 'Pending', message: 'm' })).toEqual({
    phase: 'Pending',
    message: 'm',
    lastPhaseTransitionTime: '2025-01-01T00:00:00Z',
  })
  const given = { phase: 'Bound', lastPhaseTransitionTime: '2025-06-01T00:00:00Z' }
  expect(statusOf(given)).toEqual(given)
})

test('volumes warn of what has had its day', () => {
  const terms = [{ matchExpressions: [{ key: 'beta.kubernetes.io/os', operator: 'Exists' }] }]
  const spec = {
    rbd: { monitors: ['m'], image: 'i' },
    persistentVolumeReclaimPolicy: 'Recycle',
    nodeAffinity: { required: { nodeSelectorTerms: terms } },
  }
  expect(volumes.create(volume(spec)).warnings).toEqual([
    'spec.persistentVolumeReclaimPolicy: The Recycle reclaim policy is deprecated. Instead, the recommended approach is to use dynamic provisioning.',
    'spec.nodeAffinity.required.nodeSelectorTerms[0].matchExpressions[0].key: beta.kubernetes.io/os is deprecated since v1.14; use "kubernetes.io/os" instead',
    'spec.rbd: deprecated in v1.28, non-functional in v1.31+',
  ])
})

test('the two fields for a data source fill each other; what neither may hold is dropped', () => {
  const specOf = (spec: Manifest): unknown => claims.create(claim(spec)).object['spec']
  const snapshot = { apiGroup: 'snapshot.storage.k8s.io', kind: 'VolumeSnapshot', name: 's' }
  expect(specOf({ dataSource: snapshot })).toMatchObject({ dataSource: snapshot, dataSourceRef: snapshot })
  expect(specOf({ dataSourceRef: snapshot })).toMatchObject({ dataSource: snapshot, dataSourceRef: snapshot })
  expect(specOf({ dataSource: { kind: 'ConfigMap', name: 'x' } })).not.toHaveProperty('dataSource')
  expect(specOf({ dataSourceRef: { ...snapshot, namespace: 'other' } })).not.toHaveProperty('dataSourceRef')
})

test('a claim never changes, but its volume is named once', () => {
  const old = claims.read(claim({}))
  expect(claims.update(claim({ volumeName: 'v' }), old).errors).toEqual([])
  const bound = claims.read(claim({ volumeName: 'v' }))
  expect(claims.update(claim({ volumeName: 'w' }), bound).errors).toEqual([
    [
      'spec: Forbidden: spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims',
      '@@ -9,7 +9,7 @@',
      '    "storage": "1Gi"',
      '   }',
      '  },',
      '- "VolumeName": "v",',
      '+ "VolumeName": "w",',
      '  "StorageClassName": null,',
      '  "VolumeMode": "Filesystem",',
      '  "DataSource": null,',
      '',
    ].join('\n'),
  ])
})

test('a claim without a class gets one by name, also out of the old annotation', () => {
  const annotations = { 'volume.beta.kubernetes.io/storage-class': 'fast' }
  expect(claims.update(claim({ storageClassName: 'fast' }), claims.read(claim({}))).errors).toEqual([])
  const old = claims.read(claim({}, { annotations }))
  expect(claims.update(claim({ storageClassName: 'fast' }), old).errors).toEqual([])
  expect(claims.update(claim({}), old).errors).toEqual([
    'metadata.annotations.volume.beta.kubernetes.io/storage-class: Invalid value: "": field is immutable',
  ])
})

test('a bound claim grows, and shrinks down to what its volume has', () => {
  const request = (storage: string): Manifest => ({ resources: { requests: { storage } }, volumeName: 'v' })
  const old = { ...claims.read(claim(request('5Gi'))), status: { phase: 'Bound', capacity: { storage: '2Gi' } } }
  expect(claims.update(claim(request('9Gi')), old).errors).toEqual([])
  expect(claims.update(claim(request('3Gi')), old).errors).toEqual([])
  expect(claims.update(claim(request('2Gi')), old).errors).toEqual([
    'spec.resources.requests.storage: Forbidden: field can not be less than status.capacity',
  ])
  expect(claims.update(claim({ ...request('5Gi'), volumeAttributesClassName: 'gold' }), old).errors).toEqual([])
})

test('a claim that waits does not grow', () => {
  const resources = { requests: { storage: '2Gi' } }
  expect(claims.update(claim({ resources }), claims.read(claim({}))).errors[0]).toContain(
    'spec is immutable after creation',
  )
})

test('a class of attributes in force is not taken away', () => {
  const spec = { volumeName: 'v', volumeAttributesClassName: 'gold' }
  const status = { phase: 'Bound', currentVolumeAttributesClassName: 'gold' }
  const old = { ...claims.read(claim(spec)), status }
  expect(claims.update(claim({ volumeName: 'v' }), old).errors).toEqual([
    'spec.volumeAttributesClassName: Forbidden: update to nil is forbidden when status.currentVolumeAttributesClassName is not nil',
  ])
})

test('status of a claim: quantities and resize states', () => {
  const status = {
    capacity: { storage: '-1' },
    allocatedResources: { storage: '-1', cpu: '1' },
    allocatedResourceStatuses: { storage: 'Stuck' },
  }
  expect(claims.update(claim({}, {}, status), claims.read(claim({})), 'status').errors).toEqual([
    'status.capacity[storage]: Invalid value: -1: must be a valid resource quantity',
    'status.allocatedResourceStatuses: Unsupported value: "storage": supported values: "ControllerResizeInProgress", "ControllerResizeInfeasible", "NodeResizeInProgress", "NodeResizeInfeasible", "NodeResizePending"',
    'status.allocatedResources[storage]: Invalid value: -1: must be a valid resource quantity',
    'status.allocatedResources: Unsupported value: "cpu": supported values: "storage"',
  ])
})

test('a row of a claim shows what is bound only when a volume is named', () => {
  const status = { phase: 'Bound', capacity: { storage: '2Gi' }, accessModes: ['ReadWriteMany', 'ReadWriteOnce'] }
  const cells = (spec: Manifest): unknown[] =>
    persistentVolumeClaims.table!.cells(claims.read(claim(spec, {}, status)), 0)
  expect(cells({ volumeName: 'v', storageClassName: 'fast' })).toEqual([
    'c',
    'Bound',
    'v',
    '2Gi',
    'RWO,RWX',
    'fast',
    '<unset>',
    '<unknown>',
    'Filesystem',
  ])
  expect(cells({}).slice(2, 5)).toEqual(['', '', ''])
})
