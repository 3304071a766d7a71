import { describe, expect, test } from 'vitest'
import type { PersistentVolume, Pod } from '../../../apimachinery/types/core-v1.ts'
import type { AuthorizationAttributes } from '../authorizer.ts'
import { NodeAuthorizer } from './node-authorizer.ts'
import { NodeUsage } from './node-usage.ts'

const pod: Pod = {
  metadata: { name: 'web', namespace: 'dev', uid: 'u1' },
  spec: {
    nodeName: 'n1',
    serviceAccountName: 'robot',
    imagePullSecrets: [{ name: 'pull' }],
    containers: [
      {
        name: 'c',
        env: [{ name: 'A', valueFrom: { secretKeyRef: { name: 'env-secret', key: 'k' } } }],
        envFrom: [{ configMapRef: { name: 'env-map' } }],
      },
    ],
    volumes: [
      { name: 's', secret: { secretName: 'volume-secret' } },
      { name: 'p', projected: { sources: [{ configMap: { name: 'projected-map' } }] } },
      { name: 'd', persistentVolumeClaim: { claimName: 'data' } },
      { name: 'scratch', ephemeral: {} },
    ],
    resourceClaims: [{ name: 'gpu', resourceClaimTemplateName: 't' }],
  },
  status: { resourceClaimStatuses: [{ name: 'gpu', resourceClaimName: 'web-gpu-x' }] },
}

const volume: PersistentVolume = {
  metadata: { name: 'pv1' },
  spec: {
    claimRef: { namespace: 'dev', name: 'data' },
    csi: {
      driver: 'd',
      volumeHandle: 'h',
      nodePublishSecretRef: { namespace: 'storage', name: 'mount' },
      controllerPublishSecretRef: { namespace: 'storage', name: 'attach' },
    },
  },
}

function usageOf(): NodeUsage {
  const usage = new NodeUsage()
  usage.setPod(pod)
  usage.setVolume(volume)
  usage.setOwned('volumeattachments', 'va1', 'n1')
  return usage
}

function ask(usage: NodeUsage, node: string, fields: Partial<AuthorizationAttributes>) {
  return new NodeAuthorizer(() => usage, [{ apiGroups: [''], resources: ['services'], verbs: ['list'] }]).authorize({
    user: { name: `system:node:${node}`, uid: '', groups: ['system:nodes'], extra: {} },
    verb: 'get',
    isResourceRequest: true,
    path: '',
    apiGroup: '',
    apiVersion: 'v1',
    namespace: 'dev',
    resource: 'secrets',
    subresource: '',
    name: '',
    fieldSelector: '',
    labelSelector: '',
    ...fields,
  })
}

const NO_RELATIONSHIP = "no relationship found between node 'n1' and this object"

describe('NodeAuthorizer', () => {
  test.each([
    ['secrets', 'pull'],
    ['secrets', 'env-secret'],
    ['secrets', 'volume-secret'],
    ['configmaps', 'env-map'],
    ['configmaps', 'projected-map'],
    ['persistentvolumeclaims', 'data'],
    ['persistentvolumeclaims', 'web-scratch'],
    ['serviceaccounts', 'robot'],
    ['pods', 'web'],
  ])('reads %s %s of its pod, and another node does not', (resource, name) => {
    const usage = usageOf()
    expect(ask(usage, 'n1', { resource, name }).decision).toBe('allow')
    expect(ask(usage, 'n2', { resource, name }).decision).toBe('no-opinion')
    usage.removePod('dev', 'web')
    expect(ask(usage, 'n1', { resource, name })).toEqual({ decision: 'no-opinion', reason: NO_RELATIONSHIP })
  })

  test('reads the claim that was made for its pod', () => {
    const claim = { apiGroup: 'resource.k8s.io', resource: 'resourceclaims', name: 'web-gpu-x' }
    expect(ask(usageOf(), 'n1', claim).decision).toBe('allow')
  })

  test('reads the volume behind a claim of its pod, and the secrets that mounting it takes', () => {
    const usage = usageOf()
    expect(ask(usage, 'n1', { resource: 'persistentvolumes', namespace: '', name: 'pv1' }).decision).toBe('allow')
    expect(ask(usage, 'n1', { namespace: 'storage', name: 'mount' }).decision).toBe('allow')
    expect(ask(usage, 'n1', { namespace: 'storage', name: 'attach' }).reason).toBe(NO_RELATIONSHIP)
    usage.removeVolume('pv1')
    expect(ask(usage, 'n1', { namespace: 'storage', name: 'mount' }).reason).toBe(NO_RELATIONSHIP)
  })

  test('a mirror pod opens nothing', () => {
    const usage = new NodeUsage()
    const annotations = { 'kubernetes.io/config.mirror': 'x' }
    usage.setPod({ ...pod, metadata: { ...pod.metadata, annotations } })
    expect(ask(usage, 'n1', { name: 'pull' }).reason).toBe(NO_RELATIONSHIP)
    expect(ask(usage, 'n1', { resource: 'pods', name: 'web' }).decision).toBe('allow')
  })

  test.each<[string, Partial<AuthorizationAttributes>, string]>([
    ['all secrets of a namespace', { verb: 'list' }, 'No Object name found'],
    ['a secret’s change', { verb: 'update', name: 'pull' }, 'can only read resources of this type'],
    [
      'a list of claims',
      { resource: 'persistentvolumeclaims', verb: 'list' },
      'can only get individual resources of this type',
    ],
    [
      'all nodes',
      { resource: 'nodes', namespace: '', verb: 'list' },
      "node 'n1' cannot read all nodes, only its own Node object",
    ],
    [
      'another node',
      { resource: 'nodes', namespace: '', name: 'n2' },
      "node 'n1' cannot read 'n2', only its own Node object",
    ],
    [
      'all pods',
      { resource: 'pods', verb: 'list', namespace: '' },
      'can only list/watch pods with spec.nodeName field selector',
    ],
    [
      'another node’s lease',
      { apiGroup: 'coordination.k8s.io', resource: 'leases', namespace: 'kube-node-lease', name: 'n2' },
      'can only access node lease with the same name as the requesting node',
    ],
    [
      'a lease elsewhere',
      { apiGroup: 'coordination.k8s.io', resource: 'leases', name: 'n1' },
      'can only access leases in the "kube-node-lease" system namespace',
    ],
  ])('%s is refused', (_, fields, reason) => {
    expect(ask(usageOf(), 'n1', fields)).toEqual({ decision: 'no-opinion', reason })
  })

  test('lists the pods of its own name, and what the rules of all nodes let it', () => {
    const own = { resource: 'pods', verb: 'list', namespace: '', fieldSelector: 'spec.nodeName=n1' }
    expect(ask(usageOf(), 'n1', own).decision).toBe('allow')
    expect(ask(usageOf(), 'n1', { ...own, fieldSelector: 'spec.nodeName!=n1' }).decision).toBe('no-opinion')
    expect(ask(usageOf(), 'n1', { resource: 'services', verb: 'list' }).decision).toBe('allow')
  })

  test('a token only for a service account of its pods', () => {
    const token = { resource: 'serviceaccounts', verb: 'create', subresource: 'token' }
    expect(ask(usageOf(), 'n1', { ...token, name: 'robot' }).decision).toBe('allow')
    expect(ask(usageOf(), 'n1', { ...token, name: 'default' }).reason).toBe(NO_RELATIONSHIP)
  })
})
