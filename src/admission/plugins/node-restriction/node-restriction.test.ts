import { describe, expect, test } from 'vitest'
import { type AskedRequest, object, pod, readerOf, refusal } from '../../../../test/suites/admission-request.ts'
import type { KubeObject } from '../../../apimachinery/kube-object.ts'
import { alwaysAllowAuthorizer, alwaysDenyAuthorizer } from '../../../auth/authz/always.ts'
import { NodeRestriction } from './node-restriction.ts'

const config = {
  allowPrivileged: true,
  serviceClusterIpRanges: ['10.0.0.0/24'],
  serviceNodePortRange: { first: 30_000, last: 32_767 },
  eventTtlSeconds: 3600,
  featureGates: {},
}
const user = { name: 'system:node:n1', uid: '', groups: ['system:nodes'], extra: {} }
const mine = pod({ nodeName: 'n1' }, { name: 'mine', uid: 'u-mine' })
const other = pod({ nodeName: 'n2' }, { name: 'other', uid: 'u-other' })
const reader = readerOf(object('Node', { name: 'n1', uid: 'u-n1' }), mine, other)
const plugin = new NodeRestriction({ reader, authorizer: alwaysDenyAuthorizer, config })
const asked = (request: AskedRequest) => refusal(plugin, { user, ...request })

test('other users are not restricted; a node without a name is refused', async () => {
  expect(await refusal(plugin, { object: other })).toBeUndefined()
  expect(await asked({ object: other, user: { ...user, groups: [] } })).toBeUndefined()
  expect(await asked({ object: other, user: { ...user, name: 'system:node:' } })).toBe(
    'pods "other" is forbidden: could not determine node from user "system:node:"',
  )
})

describe('pods', () => {
  const owner = { apiVersion: 'v1', kind: 'Node', name: 'n1', uid: 'u-n1', controller: true }
  const mirror = (spec: Record<string, unknown> = {}, owners: readonly object[] = [owner]) =>
    pod(
      { nodeName: 'n1', ...spec },
      {
        annotations: { 'kubernetes.io/config.mirror': 'x' },
        ownerReferences: owners as KubeObject['metadata']['ownerReferences'] & object,
      },
    )
  const HEAD = 'pods "p" is forbidden: node "n1" '

  test('a node shows its mirror pods', async () => {
    expect(await asked({ object: mirror() })).toBeUndefined()
    expect(await asked({ object: pod({ nodeName: 'n1' }) })).toBe(
      'pods "p" is forbidden: pod does not have "kubernetes.io/config.mirror" annotation, node "n1" can only create mirror pods',
    )
    expect(await asked({ object: mirror({ nodeName: 'n2' }) })).toBe(
      `${HEAD}can only create pods with spec.nodeName set to itself`,
    )
  })

  test.each([
    [[], 'can only create pods with an owner reference set to itself'],
    [[owner, owner], 'can only create pods with a single owner reference set to itself'],
    [[{ ...owner, name: 'n2' }], 'can only create pods with an owner reference set to itself'],
    [[{ ...owner, controller: false }], 'can only create pods with a controller owner reference set to itself'],
    [[{ ...owner, blockOwnerDeletion: true }], 'must not set blockOwnerDeletion on an owner reference'],
  ])('owned by itself alone: %j', async (owners, why) => {
    expect(await asked({ object: mirror({}, owners) })).toBe(HEAD + why)
  })
  test('owned by the node that exists', async () => {
    expect(await asked({ object: mirror({}, [{ ...owner, uid: 'old' }]) })).toBe(
      'pods "p" is forbidden: node n1 UID mismatch: expected old got u-n1',
    )
  })

  test.each([
    [{ serviceAccountName: 'a' }, 'serviceaccounts'],
    [{ volumes: [{ name: 'v', secret: { secretName: 's' } }] }, 'secrets'],
    [{ containers: [{ name: 'c', envFrom: [{ configMapRef: { name: 'm' } }] }] }, 'configmaps'],
    [{ resourceClaims: [{ name: 'r' }] }, 'resourceclaims'],
    [{ volumes: [{ name: 'v', configMap: {} }] }, 'configmaps (via configmap volumes)'],
    [{ volumes: [{ name: 'v', csi: { driver: 'd' } }] }, 'csidrivers (via CSI volumes)'],
    [{ volumes: [{ name: 'v', persistentVolumeClaim: { claimName: 'c' } }] }, 'persistentvolumeclaims'],
    [
      { volumes: [{ name: 'v', ephemeral: { volumeClaimTemplate: {} } }] },
      'persistentvolumeclaims (via ephemeral volumes)',
    ],
    [
      {
        volumes: [{ name: 'v', projected: { sources: [{ downwardAPI: {} }, { serviceAccountToken: { path: 't' } }] } }],
      },
      'serviceaccounts (via projected volumes)',
    ],
    [{ volumes: [{ name: 'v', projected: { sources: [{ clusterTrustBundle: {} }] } }] }, 'clustertrustbundles'],
  ])('referring to nothing: %j', async (spec, what) => {
    expect(await asked({ object: mirror(spec) })).toBe(`${HEAD}can not create pods that reference ${what}`)
  })
  test('volumes of the node itself are no references', async () => {
    const volumes = [
      { name: 'a', hostPath: { path: '/' } },
      { name: 'b', emptyDir: {} },
    ]
    expect(await asked({ object: mirror({ volumes }) })).toBeUndefined()
  })

  test('a node deletes and evicts what runs on it', async () => {
    expect(await asked({ old: mine })).toBeUndefined()
    expect(await asked({ old: other })).toBe(
      'pods "other" is forbidden: node "n1" can only delete pods with spec.nodeName set to itself',
    )
    expect(await asked({ old: pod({}, { name: 'gone' }) })).toBe('pod "gone" not found')
    const eviction = (name: string): AskedRequest => ({
      object: object('Eviction', { name, namespace: 'ns' }, {}, 'policy/v1'),
      resource: { group: '', version: 'v1', resource: 'pods' },
      subresource: 'eviction',
    })
    expect(await asked(eviction('mine'))).toBeUndefined()
    expect(await asked(eviction('other'))).toBe(
      'pods "other" is forbidden: node n1 can only evict pods with spec.nodeName set to itself',
    )
  })

  test('a node reports the state of what runs on it, and nothing else', async () => {
    const status = (given: KubeObject, old: KubeObject) => asked({ object: given, old, subresource: 'status' })
    expect(await status({ ...mine, status: { phase: 'Running' } }, mine)).toBeUndefined()
    expect(await status(other, other)).toMatch(/can only update pod status for pods with spec.nodeName set to itself$/)
    const labelled = { ...mine, metadata: { ...mine.metadata, labels: { a: 'b' } } }
    expect(await status(labelled, mine)).toMatch(/cannot update labels through pod status$/)
    const claimed = { ...mine, status: { resourceClaimStatuses: [{ name: 'r' }] } }
    expect(await status(claimed, mine)).toMatch(/cannot update resource claim statues$/)
    expect(await asked({ object: mine, old: mine })).toBe(
      'pods "mine" is forbidden: unexpected operation "UPDATE", node "n1" can only create and delete mirror pods',
    )
    expect(await asked({ object: mine, old: mine, subresource: 'resize' })).toBe(
      `pods "mine" is forbidden: unexpected pod subresource "resize", only 'status' and 'eviction' are allowed`,
    )
  })
})

describe('nodes', () => {
  const node = (labels: Record<string, string> = {}, rest: Record<string, unknown> = {}, name = 'n1') =>
    object('Node', { name, labels }, rest)
  const HEAD = 'nodes "n1" is forbidden: '
  test('only its own', async () => {
    expect(await asked({ object: node({}, {}, 'n2') })).toBe(
      'nodes "n2" is forbidden: node "n1" is not allowed to modify node "n2"',
    )
  })
  test('no labels that draw workloads', async () => {
    const own = {
      'kubernetes.io/hostname': 'n1',
      'topology.kubernetes.io/zone': 'z',
      'a.kubelet.kubernetes.io/b': 'c',
      'node.kubernetes.io/x': 'y',
      'example.com/team': 'a',
    }
    expect(await asked({ object: node(own) })).toBeUndefined()
    const bad = {
      'node-role.kubernetes.io/control-plane': '',
      'x.node-restriction.kubernetes.io/a': 'b',
      'k8s.io/c': '',
    }
    const listed = 'k8s.io/c, node-role.kubernetes.io/control-plane, x.node-restriction.kubernetes.io/a'
    expect(await asked({ object: node(bad) })).toBe(
      `${HEAD}node "n1" is not allowed to set the following labels: ${listed}`,
    )
    expect(await asked({ object: node({}), old: node(bad) })).toBe(`${HEAD}is not allowed to modify labels: ${listed}`)
    expect(await asked({ object: node({ ...bad, 'example.com/a': 'b' }), old: node(bad) })).toBeUndefined()
  })
  test('no taints, owners and configuration sources', async () => {
    const tainted = node({}, { spec: { taints: [{ key: 'a', effect: 'NoSchedule' }] } })
    expect(await asked({ object: node(), old: tainted })).toBe(`${HEAD}node "n1" is not allowed to modify taints`)
    const sourced = node({}, { spec: { configSource: { configMap: {} } } })
    expect(await asked({ object: sourced })).toMatch(/create pods with a non-nil configSource$/)
    expect(await asked({ object: sourced, old: node() })).toMatch(/update configSource to a new non-nil configSource$/)
    const owned = object('Node', {
      name: 'n1',
      ownerReferences: [{ apiVersion: 'v1', kind: 'X', name: 'x', uid: 'x' }],
    })
    expect(await asked({ object: owned, old: node() })).toMatch(/modify ownerReferences$/)
  })
})

describe('tokens of service accounts', () => {
  const resource = { group: '', version: 'v1', resource: 'serviceaccounts' }
  const tokenFor = (spec: Record<string, unknown>): AskedRequest => ({
    object: object('TokenRequest', { name: 'sa', namespace: 'ns' }, { spec }, 'authentication.k8s.io/v1'),
    resource,
    subresource: 'token',
  })
  const bound = (name: string, uid = `u-${name}`) => ({ boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name, uid } })
  const HEAD = 'serviceaccounts "sa" is forbidden: '
  test('bound to a pod that runs on the node', async () => {
    expect(await asked(tokenFor({}))).toBe(`${HEAD}node requested token not bound to a pod`)
    expect(await asked(tokenFor(bound('mine', '')))).toBe(
      `${HEAD}node requested token with a pod binding without a uid`,
    )
    expect(await asked(tokenFor(bound('mine', 'x')))).toBe(
      `${HEAD}the UID in the bound object reference (x) does not match the UID in record. The object might have been deleted and then recreated`,
    )
    expect(await asked(tokenFor(bound('other')))).toBe(
      `${HEAD}node requested token bound to a pod scheduled on a different node`,
    )
    expect(await asked(tokenFor(bound('gone')))).toBe('pod "gone" not found')
  })

  test('for an audience that a volume of the pod needs, or that the node may ask for', async () => {
    const csi = { name: 'csi', persistentVolumeClaim: { claimName: 'c' } }
    const projected = { name: 't', projected: { sources: [{ serviceAccountToken: { path: 't', audience: 'vault' } }] } }
    const running = pod({ nodeName: 'n1', volumes: [csi, projected] }, { name: 'mine', uid: 'u-mine' })
    const claim = object('PersistentVolumeClaim', { name: 'c', namespace: 'ns' }, { spec: { volumeName: 'v' } })
    const volume = object('PersistentVolume', { name: 'v' }, { spec: { csi: { driver: 'd.io' } } })
    const driver = object(
      'CSIDriver',
      { name: 'd.io' },
      { spec: { tokenRequests: [{ audience: 'cloud' }] } },
      'storage.k8s.io/v1',
    )
    const ask = (audiences: readonly string[], objects: readonly KubeObject[], authorizer = alwaysDenyAuthorizer) =>
      refusal(new NodeRestriction({ reader: readerOf(running, ...objects), authorizer, config }), {
        user,
        ...tokenFor({ ...bound('mine'), audiences }),
      })
    const all = [claim, volume, driver]
    expect(await ask(['vault'], all)).toBeUndefined()
    expect(await ask(['cloud'], all)).toBeUndefined()
    expect(await ask(['else'], all)).toBe(
      `${HEAD}audience "else" not found in pod spec volume, system:node:n1 is not authorized to request tokens for this audience`,
    )
    expect(await ask(['else'], all, alwaysAllowAuthorizer)).toBeUndefined()
    expect(await ask(['else'], [])).toBe(`${HEAD}error validating audience "else": persistentvolumeclaim "c" not found`)
    expect(await ask(['a', 'b'], all)).toBe(`${HEAD}node may only request 0 or 1 audiences`)
  })
})

test('claims: only what a node reports of them', async () => {
  const claim = (status: object, spec: object = {}) =>
    object('PersistentVolumeClaim', { name: 'c', namespace: 'ns', resourceVersion: '1' }, { spec, status })
  const update = (given: KubeObject) => asked({ object: given, old: claim({ phase: 'Bound' }), subresource: 'status' })
  expect(
    await update(claim({ phase: 'Bound', capacity: { storage: '1Gi' }, conditions: [{ type: 'Resizing' }] })),
  ).toBe(undefined)
  expect(await update(claim({ phase: 'Lost' }))).toMatch(
    /^persistentvolumeclaims "c" is forbidden: node "n1" is not allowed to update fields other than status.quantity and status.conditions: @@(?:.|\n)*- {2}"Phase": "Bound",\n\+ {2}"Phase": "Lost",/,
  )
  expect(await asked({ object: claim({}), old: claim({}) })).toMatch(/may only update PVC status$/)
})

test('leases, CSI nodes and resource slices of its own name', async () => {
  const lease = (namespace: string, name: string) => object('Lease', { name, namespace }, {}, 'coordination.k8s.io/v1')
  expect(await asked({ object: lease('kube-node-lease', 'n1') })).toBeUndefined()
  expect(await asked({ object: lease('ns', 'n1') })).toMatch(
    /can only access leases in the "kube-node-lease" system namespace$/,
  )
  expect(await asked({ object: lease('kube-node-lease', 'n2') })).toMatch(
    /can only access node lease with the same name as the requesting node$/,
  )
  expect(await asked({ object: object('CSINode', { name: 'n2' }, {}, 'storage.k8s.io/v1') })).toMatch(
    /can only access CSINode with the same name as the requesting node$/,
  )
  const slice = (nodeName: string) =>
    object('ResourceSlice', { name: 's' }, { spec: { nodeName } }, 'resource.k8s.io/v1')
  expect(await asked({ object: slice('n1') })).toBeUndefined()
  expect(await asked({ object: slice('n2') })).toMatch(/can only create ResourceSlice with the same NodeName/)
  expect(await asked({ old: slice('n2') })).toMatch(/can only delete ResourceSlice with the same NodeName/)
  expect(await asked({ object: slice('n2'), old: slice('n2') })).toBeUndefined()
})

test('certificate requests of its own name', async () => {
  const spec = { signerName: 'kubernetes.io/kubelet-serving', request: '' }
  const request = object('CertificateSigningRequest', { name: 'r' }, { spec }, 'certificates.k8s.io/v1')
  expect(await asked({ object: request })).toBe(
    'certificatesigningrequests.certificates.k8s.io "r" is forbidden: unable to parse csr: PEM block type must be CERTIFICATE REQUEST',
  )
  const other = { ...request, spec: { ...spec, signerName: 'example.com/s' } }
  expect(await asked({ object: other })).toBeUndefined()
})
