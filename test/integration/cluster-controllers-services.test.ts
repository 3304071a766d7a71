import { X509Certificate } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { quotaUsage } from '../../src/admission/plugins/resource-quota/quota-usage.ts'
import { systemClock } from '../../src/apimachinery/clock.ts'
import type { KubeObject } from '../../src/apimachinery/kube-object.ts'
import { CertificateAuthority } from '../../src/cluster/pki/certificate-authority.ts'
import { clusterSigners, requestedCertificate } from '../../src/cluster/pki/certificate-signer.ts'
import { clusterControllers } from '../../src/controllers/cluster/cluster-controllers.ts'
import type { ResourceRef } from '../../src/controllers/runtime/client.ts'
import {
  CERTIFICATE_SIGNING_REQUESTS,
  ENDPOINT_SLICES,
  ENDPOINTS,
  EVENTS,
  JOBS,
  NODES,
  POD_DISRUPTION_BUDGETS,
  PODS,
  RESOURCE_QUOTAS,
  SERVICES,
} from '../../src/controllers/runtime/resources.ts'
import { kubeletCertificateRequest } from '../suites/certificates.ts'
import { TestPlane } from '../suites/control-plane.ts'

const INGRESSES: ResourceRef = {
  group: 'networking.k8s.io',
  version: 'v1',
  resource: 'ingresses',
  kind: 'Ingress',
  namespaced: true,
}

let test: TestPlane

beforeEach(async () => {
  test = await TestPlane.start({ clock: systemClock })
  const authority = await CertificateAuthority.create('test-ca')
  const certificateSigners = clusterSigners(authority)
  await test.run(
    ...clusterControllers({ quotaUsage, readCertificateRequest: requestedCertificate, certificateSigners }),
  )
})

afterEach(() => test.close())

const key = (name: string) => ({ namespace: 'default', name })

async function createNode(name: string, labels: Record<string, string> = {}): Promise<void> {
  await test.client.create(NODES, { apiVersion: 'v1', kind: 'Node', metadata: { name, labels } })
}

/** A pod that runs on a node. */
async function createPod(name: string, ip: string, ready: boolean, labels: Record<string, string> = { app: 'web' }) {
  const containers = [{ name: 'c', image: 'i', ports: [{ name: 'http', containerPort: 8080 }] }]
  const metadata = { name, namespace: 'default', labels }
  const pod = await test.client.create(PODS, {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata,
    spec: { nodeName: 'node-1', containers },
  })
  const condition = { type: 'Ready', status: ready ? 'True' : 'False', lastTransitionTime: '2026-01-01T00:00:00Z' }
  const status = { ...pod.status, phase: 'Running', podIP: ip, podIPs: [{ ip }], conditions: [condition] }
  return await test.client.updateSubresource(PODS, 'status', { ...pod, status } as typeof pod)
}

function service(spec: Record<string, unknown> = {}): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'web', namespace: 'default', labels: { tier: 'front' } },
    spec: { selector: { app: 'web' }, ports: [{ name: 'http', port: 80, targetPort: 'http' }], ...spec },
  }
}

describe('endpoints of services', () => {
  it('ready and unready pods are told apart, in Endpoints and EndpointSlices', async () => {
    await createNode('node-1', { 'topology.kubernetes.io/zone': 'a' })
    const one = await createPod('one', '10.1.0.1', true)
    const two = await createPod('two', '10.1.0.2', false)
    await createPod('other', '10.1.0.3', true, { app: 'other' })
    await test.client.create(SERVICES, service() as never)
    const endpoints = await test.until(ENDPOINTS, key('web'), (e) => e?.subsets !== undefined)
    const target = (pod: KubeObject) => ({
      kind: 'Pod',
      namespace: 'default',
      name: pod.metadata.name,
      uid: pod.metadata.uid,
    })
    expect(endpoints.metadata.labels).toEqual({
      tier: 'front',
      'endpoints.kubernetes.io/managed-by': 'endpoint-controller',
    })
    expect(endpoints.subsets).toEqual([
      {
        addresses: [{ ip: '10.1.0.1', nodeName: 'node-1', targetRef: target(one) }],
        notReadyAddresses: [{ ip: '10.1.0.2', nodeName: 'node-1', targetRef: target(two) }],
        ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
      },
    ])
    const [slice] = await test.untilAll(ENDPOINT_SLICES, 'default', (s) => s[0]?.endpoints?.length === 2)
    expect(slice).toMatchObject({
      addressType: 'IPv4',
      ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
      metadata: {
        generateName: 'web-',
        labels: {
          tier: 'front',
          'kubernetes.io/service-name': 'web',
          'endpointslice.kubernetes.io/managed-by': 'endpointslice-controller.k8s.io',
        },
        ownerReferences: [{ kind: 'Service', name: 'web', controller: true, blockOwnerDeletion: true }],
      },
    })
    expect(slice!.endpoints).toEqual([
      {
        addresses: ['10.1.0.1'],
        conditions: { ready: true, serving: true, terminating: false },
        targetRef: target(one),
        nodeName: 'node-1',
        zone: 'a',
      },
      {
        addresses: ['10.1.0.2'],
        conditions: { ready: false, serving: false, terminating: false },
        targetRef: target(two),
        nodeName: 'node-1',
        zone: 'a',
      },
    ])
    await test.client.delete(PODS, key('one'), { gracePeriodSeconds: 0 })
    await test.untilAll(ENDPOINT_SLICES, 'default', (s) => s[0]?.endpoints?.length === 1)
    await test.until(ENDPOINTS, key('web'), (e) => e?.subsets?.[0]?.addresses === undefined)
    await test.client.delete(SERVICES, key('web'))
    await test.until(ENDPOINTS, key('web'), (e) => e === undefined)
  })

  it('a headless service without pods has the label and an empty slice', async () => {
    await test.client.create(SERVICES, service({ clusterIP: 'None' }) as never)
    const [slice] = await test.untilAll(ENDPOINT_SLICES, 'default', (s) => s.length === 1)
    expect(slice!.endpoints ?? []).toEqual([])
    expect(slice!.metadata.labels?.['service.kubernetes.io/headless']).toBe('')
    const endpoints = await test.until(ENDPOINTS, key('web'), (e) => e !== undefined)
    expect(endpoints.metadata.labels?.['service.kubernetes.io/headless']).toBe('')
  })
})

describe('disruption budgets', () => {
  it('counts the healthy pods and what may go', async () => {
    for (const [i, ready] of [true, true, false].entries()) await createPod(`p${i}`, `10.1.0.${i + 1}`, ready)
    await test.client.create(POD_DISRUPTION_BUDGETS, {
      apiVersion: 'policy/v1',
      kind: 'PodDisruptionBudget',
      metadata: { name: 'web', namespace: 'default' },
      spec: { minAvailable: 1, selector: { matchLabels: { app: 'web' } } },
    })
    const budget = await test.until(POD_DISRUPTION_BUDGETS, key('web'), (b) => b?.status?.disruptionsAllowed === 1)
    expect(budget.status).toMatchObject({
      currentHealthy: 2,
      desiredHealthy: 1,
      expectedPods: 3,
      observedGeneration: 1,
    })
    expect(budget.status?.conditions?.[0]).toMatchObject({
      type: 'DisruptionAllowed',
      status: 'True',
      reason: 'SufficientPods',
      message: '',
    })
    await test.client.delete(PODS, key('p0'), { gracePeriodSeconds: 0 })
    const less = await test.until(POD_DISRUPTION_BUDGETS, key('web'), (b) => b?.status?.disruptionsAllowed === 0)
    expect(less.status?.conditions?.[0]).toMatchObject({ status: 'False', reason: 'InsufficientPods' })
  })

  it('maxUnavailable of pods that nobody controls: an Event says so', async () => {
    await createPod('alone', '10.1.0.1', true)
    await test.client.create(POD_DISRUPTION_BUDGETS, {
      apiVersion: 'policy/v1',
      kind: 'PodDisruptionBudget',
      metadata: { name: 'web', namespace: 'default' },
      spec: { maxUnavailable: 1, selector: { matchLabels: { app: 'web' } } },
    })
    const events = await test.untilAll(EVENTS, 'default', (all) => all.some((e) => e.reason === 'UnmanagedPods'))
    expect(events.find((e) => e.reason === 'UnmanagedPods')?.message).toContain(
      '(selector: &LabelSelector{MatchLabels:map[string]string{app: web,},MatchExpressions:[]LabelSelectorRequirement{},})',
    )
  })
})

describe('topology hints', () => {
  /** A ready node of two CPUs in a zone. */
  async function createZoneNode(name: string, zone: string): Promise<void> {
    const labels = { 'topology.kubernetes.io/zone': zone }
    const node = await test.client.create(NODES, { apiVersion: 'v1', kind: 'Node', metadata: { name, labels } })
    const status = { ...node.status, allocatable: { cpu: '2' }, conditions: [{ type: 'Ready', status: 'True' }] }
    await test.client.updateSubresource(NODES, 'status', { ...node, status } as typeof node)
  }

  async function createPodOn(nodeName: string, name: string, ip: string): Promise<void> {
    const spec = { nodeName, containers: [{ name: 'c', image: 'i', ports: [{ name: 'http', containerPort: 8080 }] }] }
    const metadata = { name, namespace: 'default', labels: { app: 'web' } }
    const pod = await test.client.create(PODS, { apiVersion: 'v1', kind: 'Pod', metadata, spec })
    const conditions = [{ type: 'Ready', status: 'True', lastTransitionTime: '2026-01-01T00:00:00Z' }]
    const status = { ...pod.status, phase: 'Running', podIP: ip, podIPs: [{ ip }], conditions }
    await test.client.updateSubresource(PODS, 'status', { ...pod, status } as typeof pod)
  }

  const untilHints = (wanted: Record<string, string | undefined>) =>
    test.untilAll(ENDPOINT_SLICES, 'default', (slices) => {
      const endpoints = slices.flatMap((slice) => slice.endpoints ?? [])
      const hints = Object.fromEntries(endpoints.map((e) => [e.addresses[0], e.hints?.forZones?.[0]?.name]))
      return JSON.stringify(Object.entries(hints).sort()) === JSON.stringify(Object.entries(wanted).sort())
    })
  const untilEvent = (type: string, message: string) =>
    test.untilAll(EVENTS, 'default', (all) =>
      all.some((e) => e.type === type && e.message === message && e.source?.component === 'endpoint-slice-controller'),
    )

  it('are given while every zone can have its share, taken away where it can not, and say so', async () => {
    await createZoneNode('n1', 'a')
    await createZoneNode('n2', 'b')
    const annotations = { 'service.kubernetes.io/topology-mode': 'Auto' }
    const { metadata, ...rest } = service()
    await test.client.create(SERVICES, { ...rest, metadata: { ...metadata, annotations } } as never)
    await createPodOn('n1', 'p1', '10.1.0.1')
    await untilEvent('Warning', 'Insufficient number of endpoints (1 endpoints, 2 zones), addressType: IPv4')
    await untilHints({ '10.1.0.1': undefined })
    await createPodOn('n1', 'p2', '10.1.0.2')
    await untilHints({ '10.1.0.1': 'b', '10.1.0.2': 'a' })
    await untilEvent('Normal', 'Topology Aware Hints has been enabled, addressType: IPv4')
    await createZoneNode('n3', 'c')
    await untilEvent('Warning', 'Insufficient number of endpoints (2 endpoints, 3 zones), addressType: IPv4')
    await untilHints({ '10.1.0.1': undefined, '10.1.0.2': undefined })
    await test.client.delete(NODES, { namespace: '', name: 'n3' })
    await test.client.patch(SERVICES, key('web'), 'merge', { metadata: { labels: { again: 'yes' } } })
    await untilHints({ '10.1.0.1': 'b', '10.1.0.2': 'a' })
    await test.client.patch(SERVICES, key('web'), 'merge', { metadata: { annotations: null } })
    await untilEvent('Warning', 'Topology Aware Hints has been disabled, addressType: IPv4')
    await untilHints({ '10.1.0.1': undefined, '10.1.0.2': undefined })
  })
})

describe('quota, Jobs, certificates', () => {
  it('a quota says what is used, and counts down when something goes', async () => {
    await createPod('one', '10.1.0.1', true)
    await test.client.create(RESOURCE_QUOTAS, {
      apiVersion: 'v1',
      kind: 'ResourceQuota',
      metadata: { name: 'q', namespace: 'default' },
      spec: { hard: { pods: '5', 'count/deployments.apps': '3' } },
    })
    const counted = await test.until(RESOURCE_QUOTAS, key('q'), (q) => q?.status?.used?.['pods'] === '1')
    expect(counted.status).toEqual({
      hard: { pods: '5', 'count/deployments.apps': '3' },
      used: { pods: '1', 'count/deployments.apps': '0' },
    })
    await test.client.delete(PODS, key('one'), { gracePeriodSeconds: 0 })
    await test.until(RESOURCE_QUOTAS, key('q'), (q) => q?.status?.used?.['pods'] === '0')
  })

  it('a quota counts objects of any resource, and counts down when one goes', async () => {
    const ingress = (name: string): KubeObject => ({
      apiVersion: 'networking.k8s.io/v1',
      kind: 'Ingress',
      metadata: { name, namespace: 'default' },
      spec: { defaultBackend: { service: { name: 'web', port: { number: 80 } } } },
    })
    await test.client.create(INGRESSES, ingress('one'))
    await test.client.create(INGRESSES, ingress('two'))
    const limit = 'count/ingresses.networking.k8s.io'
    await test.client.create(RESOURCE_QUOTAS, {
      apiVersion: 'v1',
      kind: 'ResourceQuota',
      metadata: { name: 'q', namespace: 'default' },
      spec: { hard: { [limit]: '5' } },
    })
    const used = (count: string) => test.until(RESOURCE_QUOTAS, key('q'), (q) => q?.status?.used?.[limit] === count)
    await used('2')
    await test.client.delete(INGRESSES, key('one'))
    await used('1')
  })

  it('a finished Job goes once its time is over', async () => {
    const template = { spec: { restartPolicy: 'Never', containers: [{ name: 'c', image: 'i' }] } }
    const job = await test.client.create(JOBS, {
      apiVersion: 'batch/v1',
      kind: 'Job',
      metadata: { name: 'j', namespace: 'default' },
      spec: { ttlSecondsAfterFinished: 0, template },
    } as never)
    const time = '2026-01-01T00:00:00Z'
    const of = (type: string) => ({ type, status: 'True', lastTransitionTime: time, lastProbeTime: time })
    const conditions = [of('SuccessCriteriaMet'), of('Complete')]
    const status = { startTime: time, completionTime: time, succeeded: 1, conditions }
    await test.client.updateSubresource(JOBS, 'status', { ...(job as KubeObject), status } as never)
    const gone = await test.until(JOBS, key('j'), (j) => j === undefined || j.metadata.deletionTimestamp !== undefined)
    // Foreground deletion is left to the garbage collector.
    expect(gone.metadata.finalizers).toEqual(['foregroundDeletion'])
  })

  it('the request of a kubelet is approved and signed', async () => {
    await test.client.create(CERTIFICATE_SIGNING_REQUESTS, await kubeletCertificateRequest())
    const signed = await test.until(
      CERTIFICATE_SIGNING_REQUESTS,
      { namespace: '', name: 'csr-1' },
      (r) => r?.status?.certificate !== undefined,
    )
    expect(signed.status?.conditions?.[0]).toMatchObject({
      type: 'Approved',
      status: 'True',
      reason: 'AutoApproved',
      message: 'Auto approving kubelet client certificate after SubjectAccessReview.',
    })
    const certificate = new X509Certificate(Buffer.from(signed.status!.certificate!, 'base64'))
    expect(certificate.subject).toBe('O=system:nodes\nCN=system:node:n1')
  })

  it('mirrors Endpoints that were written by hand, as long as their service has no selector', async () => {
    const ports = [{ name: 'http', port: 80, protocol: 'TCP' }]
    await test.client.create(ENDPOINTS, {
      apiVersion: 'v1',
      kind: 'Endpoints',
      metadata: { ...key('manual'), labels: { tier: 'db' }, annotations: { note: 'by hand' } },
      subsets: [{ addresses: [{ ip: '1.2.3.4' }], notReadyAddresses: [{ ip: '1.2.3.5' }], ports }],
    })
    const service = await test.client.create(SERVICES, {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: key('manual'),
      spec: { ports: [{ name: 'http', port: 80 }] },
    })
    const [slice] = await test.untilAll(ENDPOINT_SLICES, 'default', (all) => all.length === 1)
    expect(slice!.metadata).toMatchObject({
      generateName: 'manual-',
      labels: {
        tier: 'db',
        'endpointslice.kubernetes.io/managed-by': 'endpointslicemirroring-controller.k8s.io',
        'kubernetes.io/service-name': 'manual',
      },
      annotations: { note: 'by hand' },
      ownerReferences: [
        { apiVersion: 'v1', kind: 'Endpoints', name: 'manual', controller: true, blockOwnerDeletion: true },
      ],
    })
    expect(slice).toMatchObject({
      addressType: 'IPv4',
      ports,
      endpoints: [
        { addresses: ['1.2.3.4'], conditions: { ready: true } },
        { addresses: ['1.2.3.5'], conditions: { ready: false } },
      ],
    })
    const subsets = [{ addresses: [{ ip: '1.2.3.6' }], ports: [{ name: 'http', port: 81, protocol: 'TCP' }] }]
    const { name, namespace } = key('manual')
    await test.client.patch(ENDPOINTS, { name, namespace }, 'merge', { subsets })
    const moved = await test.until(ENDPOINT_SLICES, key(slice!.metadata.name!), (s) => s?.ports?.[0]?.port === 81)
    expect(moved.endpoints?.map((e) => e.addresses)).toEqual([['1.2.3.6']])
    await test.client.delete(SERVICES, key(service.metadata.name!))
    await test.untilAll(ENDPOINT_SLICES, 'default', (all) => all.length === 0)
  })
})
