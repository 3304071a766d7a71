import { describe, expect, test } from 'vitest'
import { admit, object, pod, readerOf, refusal } from '../../../test/suites/admission-request.ts'
import { defaultTolerationSeconds } from './default-toleration-seconds.ts'
import { extendedResourceToleration } from './extended-resource-toleration.ts'
import { limitPodHardAntiAffinityTopology } from './limit-pod-hard-anti-affinity-topology.ts'
import { PodNodeSelector } from './pod-node-selector.ts'
import { PodTolerationRestriction } from './pod-toleration-restriction.ts'
import { podTopologyLabels } from './pod-topology-labels.ts'
import { taintNodesByCondition } from './taint-nodes-by-condition.ts'

const NOT_READY = {
  key: 'node.kubernetes.io/not-ready',
  operator: 'Exists',
  effect: 'NoExecute',
  tolerationSeconds: 300,
}
const UNREACHABLE = { ...NOT_READY, key: 'node.kubernetes.io/unreachable' }

describe('TaintNodesByCondition', () => {
  const notReady = { key: 'node.kubernetes.io/not-ready', effect: 'NoSchedule' }
  test('a new node is not ready', async () => {
    const { object: node } = await admit(taintNodesByCondition, { object: object('Node', { name: 'n' }) })
    expect(node!['spec']).toEqual({ taints: [notReady] })
  })
  test('a taint that is there already is not doubled', async () => {
    const own = { key: 'a', effect: 'NoSchedule' }
    const given = object('Node', { name: 'n' }, { spec: { taints: [notReady, own] } })
    const { object: node } = await admit(taintNodesByCondition, { object: given })
    expect(node).toEqual(given)
  })
})

describe('DefaultTolerationSeconds', () => {
  test('five minutes on a node that is not ready or out of reach', async () => {
    const { object: admitted } = await admit(defaultTolerationSeconds(), { object: pod() })
    expect(admitted!['spec']).toMatchObject({ tolerations: [NOT_READY, UNREACHABLE] })
  })
  test('what a pod tolerates itself stays, as do the times that the flags name', async () => {
    const own = { key: 'node.kubernetes.io/not-ready', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 5 }
    const plugin = defaultTolerationSeconds({ unreachableSeconds: 60 })
    const { object: admitted } = await admit(plugin, { object: pod({ tolerations: [own] }) })
    expect(admitted!['spec']).toMatchObject({ tolerations: [own, { ...UNREACHABLE, tolerationSeconds: 60 }] })
  })
  test('a pod that tolerates everything gets nothing', async () => {
    const given = pod({ tolerations: [{ operator: 'Exists' }] })
    expect((await admit(defaultTolerationSeconds(), { object: given })).object).toEqual(given)
  })
})

describe('ExtendedResourceToleration', () => {
  test('one toleration for each extended resource, by name', async () => {
    const containers = [{ name: 'c', resources: { requests: { 'example.com/b': '1', cpu: '1' } } }]
    const initContainers = [{ name: 'i', resources: { requests: { 'example.com/a': '1' } } }]
    const { object: admitted } = await admit(extendedResourceToleration, {
      object: pod({ containers, initContainers }),
    })
    expect(admitted!['spec']).toMatchObject({
      tolerations: [
        { key: 'example.com/a', operator: 'Exists', effect: 'NoSchedule' },
        { key: 'example.com/b', operator: 'Exists', effect: 'NoSchedule' },
      ],
    })
  })
})

describe('LimitPodHardAntiAffinityTopology', () => {
  const keepingOff = (topologyKey: string) =>
    pod({ affinity: { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [{ topologyKey }] } } })
  test('only nodes can be kept free of others', async () => {
    expect(await refusal(limitPodHardAntiAffinityTopology, { object: keepingOff('zone') })).toBe(
      'pods "p" is forbidden: affinity.PodAntiAffinity.RequiredDuringScheduling has TopologyKey zone but only key kubernetes.io/hostname is allowed',
    )
    expect(await refusal(limitPodHardAntiAffinityTopology, { object: keepingOff('kubernetes.io/hostname') })).toBe(
      undefined,
    )
  })
})

describe('PodTopologyLabels', () => {
  const labels = { 'topology.kubernetes.io/zone': 'z', 'topology.kubernetes.io/region': 'r', other: 'o' }
  const plugin = podTopologyLabels(readerOf(object('Node', { name: 'n', labels })))
  const copied = { 'topology.kubernetes.io/zone': 'z', 'topology.kubernetes.io/region': 'r' }
  test('a pod that names its node carries the zone and the region', async () => {
    const { object: admitted } = await admit(plugin, { object: pod({ nodeName: 'n' }, { labels: { a: 'b' } }) })
    expect(admitted!.metadata.labels).toEqual({ a: 'b', ...copied })
    const waiting = pod()
    expect((await admit(plugin, { object: waiting })).object).toEqual(waiting)
    expect(await refusal(plugin, { object: pod({ nodeName: 'none' }) })).toBeUndefined()
  })
  test('a binding carries them to the pod', async () => {
    const binding = object('Binding', { name: 'p', namespace: 'ns' }, { target: { kind: 'Node', name: 'n' } })
    const pods = { group: '', version: 'v1', resource: 'pods' }
    const { object: admitted } = await admit(plugin, { object: binding, resource: pods, subresource: 'binding' })
    expect(admitted!.metadata.labels).toEqual(copied)
  })
})

describe('PodNodeSelector', () => {
  const annotations = { 'scheduler.alpha.kubernetes.io/node-selector': 'env=dev, zone = a' }
  const reader = readerOf(object('Namespace', { name: 'ns', annotations }), object('Namespace', { name: 'plain' }))
  const configuration = {
    podNodeSelectorPluginConfig: { clusterDefaultNodeSelector: 'env=prod', plain: 'env=prod,disk=ssd' },
  }
  const plugin = new PodNodeSelector(reader, configuration)

  test('a pod selects what its namespace does', async () => {
    const { object: admitted } = await admit(plugin, { object: pod({ nodeSelector: { disk: 'ssd' } }) })
    expect(admitted!['spec']).toMatchObject({ nodeSelector: { env: 'dev', zone: 'a', disk: 'ssd' } })
    const elsewhere = await admit(plugin, { object: pod({}, { namespace: 'plain' }) })
    expect(elsewhere.object!['spec']).toMatchObject({ nodeSelector: { env: 'prod' } })
  })
  test('a pod can not select against it', async () => {
    expect(await refusal(plugin, { object: pod({ nodeSelector: { env: 'prod' } }) })).toBe(
      'pods "p" is forbidden: pod node label selector conflicts with its namespace node label selector',
    )
    expect(await refusal(plugin, { object: pod({ nodeSelector: { gpu: 'yes' } }, { namespace: 'plain' }) })).toBe(
      'pods "p" is forbidden: pod node label selector labels conflict with its namespace whitelist',
    )
  })
  test('a selector that is none: 500 with the reason', async () => {
    const bad = (selector: string) =>
      new PodNodeSelector(readerOf(object('Namespace', { name: 'ns' })), {
        podNodeSelectorPluginConfig: { clusterDefaultNodeSelector: selector },
      })
    expect((await admit(bad('a'), { object: pod() })).error).toMatchObject({
      code: 500,
      message: 'invalid selector: [a]',
    })
    expect(await refusal(bad('a=-'), { object: pod() })).toMatch(/^\[a\]: Invalid value: "-": /)
  })
})

describe('PodTolerationRestriction', () => {
  const dedicated = { key: 'dedicated', operator: 'Equal', value: 'a', effect: 'NoSchedule' }
  const other = { key: 'other', operator: 'Exists', effect: 'NoSchedule' }
  const pressure = { key: 'node.kubernetes.io/memory-pressure', operator: 'Exists', effect: 'NoSchedule' }
  const namespace = (annotations: Record<string, string>) => object('Namespace', { name: 'ns', annotations })
  const withAnnotations = (annotations: Record<string, string>, configuration?: unknown) =>
    new PodTolerationRestriction(readerOf(namespace(annotations)), configuration)
  const DEFAULTS = 'scheduler.alpha.kubernetes.io/defaultTolerations'
  const ALLOWED = 'scheduler.alpha.kubernetes.io/tolerationsWhitelist'

  test('gives pods the tolerations of their namespace', async () => {
    const plugin = withAnnotations({ [DEFAULTS]: JSON.stringify([dedicated]) })
    const { object: admitted } = await admit(plugin, { object: pod({ tolerations: [other] }) })
    expect(admitted!['spec']).toMatchObject({ tolerations: [other, dedicated] })
  })
  test('of equal tolerations one stays', async () => {
    const plugin = withAnnotations({ [DEFAULTS]: JSON.stringify([dedicated]) })
    const { object: admitted } = await admit(plugin, { object: pod({ tolerations: [dedicated] }) })
    expect(admitted!['spec']).toMatchObject({ tolerations: [dedicated] })
  })
  test('pods that ask for resources bear memory pressure', async () => {
    const containers = [{ name: 'c', resources: { requests: { cpu: '1' } } }]
    const { object: admitted } = await admit(withAnnotations({}), { object: pod({ containers }) })
    expect(admitted!['spec']).toMatchObject({ tolerations: [pressure] })
  })
  test('refuses tolerations that are not allowed: 500, as upstream', async () => {
    const plugin = withAnnotations({ [ALLOWED]: JSON.stringify([dedicated]) })
    expect((await admit(plugin, { object: pod({ tolerations: [other] }) })).error).toMatchObject({
      code: 500,
      message:
        'pod tolerations (possibly merged with namespace default tolerations) conflict with its namespace whitelist',
    })
    expect(await refusal(plugin, { object: pod({ tolerations: [dedicated] }) })).toBeUndefined()
  })
  test('falls back to the configuration of the cluster', async () => {
    const configuration = {
      apiVersion: 'podtolerationrestriction.admission.k8s.io/v1alpha1',
      kind: 'Configuration',
      default: [dedicated],
      whitelist: [dedicated],
    }
    const plugin = withAnnotations({}, configuration)
    expect((await admit(plugin, { object: pod() })).object!['spec']).toMatchObject({ tolerations: [dedicated] })
    expect(await refusal(plugin, { object: pod({ tolerations: [other] }) })).toMatch(
      /conflict with its cluster whitelist$/,
    )
  })
  test('refuses a configuration with tolerations that are none', () => {
    const configuration = { kind: 'Configuration', default: [{ key: 'a', operator: 'Like' }] }
    expect(() => withAnnotations({}, configuration)).toThrow(
      /^invalid config: \[podtolerationrestriction\.default\[0\]/,
    )
  })
  test('an annotation that is no list: 500', async () => {
    expect((await admit(withAnnotations({ [DEFAULTS]: '{' }), { object: pod() })).error).toMatchObject({ code: 500 })
  })
})
