import { afterEach, beforeEach, expect, test } from 'vitest'
import { TestPlane } from '../../../../test/suites/control-plane.ts'
import { podRunner } from '../../../../test/suites/pod-runner.ts'
import type { DaemonSet, DaemonSetSpec } from '../../../apimachinery/types/apps-v1.ts'
import type { NodeSpec, Pod } from '../../../apimachinery/types/core-v1.ts'
import type { Typed } from '../../runtime/client.ts'
import type { Controller } from '../../runtime/controller.ts'
import { CONTROLLER_REVISIONS, DAEMON_SETS, NODES, PODS } from '../../runtime/resources.ts'
import { daemonSetController } from './daemon-set-controller.ts'

const LOG = { namespace: 'default', name: 'log' }

let plane: TestPlane
let fate: (pod: Pod) => 'ready' | 'failed' | undefined
beforeEach(async () => {
  fate = () => 'ready'
  plane = await TestPlane.start()
  await plane.run(
    daemonSetController() as unknown as Controller,
    podRunner((pod) => fate(pod)),
  )
})
afterEach(() => plane.close())

function create(spec: Partial<DaemonSetSpec> = {}): Promise<Typed<DaemonSet>> {
  return plane.client.create(DAEMON_SETS, {
    apiVersion: 'apps/v1',
    kind: 'DaemonSet',
    metadata: { name: 'log', namespace: 'default' },
    spec: {
      selector: { matchLabels: { app: 'log' } },
      template: { metadata: { labels: { app: 'log' } }, spec: { containers: [{ name: 'c', image: 'fluentd:1' }] } },
      ...spec,
    },
  })
}

async function addNodes(...names: string[]): Promise<void> {
  for (const name of names) await addNode(name)
}

const addNode = (name: string, spec?: NodeSpec, labels?: Record<string, string>) =>
  plane.client.create(NODES, {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name, ...(labels ? { labels } : {}) },
    ...(spec ? { spec } : {}),
  })

const nodeOf = (pod: Pod) =>
  pod.spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms[0]
    ?.matchFields?.[0]?.values?.[0]
const nodes = (pods: readonly Pod[]) => pods.map(nodeOf).sort()

test('runs one pod on each node, pinned to it and tolerating what ails nodes', async () => {
  await addNodes('a', 'b')
  await create()
  const pods = await plane.untilAll(PODS, 'default', (all) => all.length === 2)
  expect(nodes(pods)).toEqual(['a', 'b'])
  expect(pods[0]!.spec!.tolerations!.map((t) => [t.key, t.operator, t.effect])).toEqual([
    ['node.kubernetes.io/not-ready', 'Exists', 'NoExecute'],
    ['node.kubernetes.io/unreachable', 'Exists', 'NoExecute'],
    ['node.kubernetes.io/disk-pressure', 'Exists', 'NoSchedule'],
    ['node.kubernetes.io/memory-pressure', 'Exists', 'NoSchedule'],
    ['node.kubernetes.io/pid-pressure', 'Exists', 'NoSchedule'],
    ['node.kubernetes.io/unschedulable', 'Exists', 'NoSchedule'],
  ])
  const set = await plane.until(DAEMON_SETS, LOG, (s) => s?.status?.numberAvailable === 2)
  expect(set.status).toEqual({
    currentNumberScheduled: 2,
    desiredNumberScheduled: 2,
    numberAvailable: 2,
    numberMisscheduled: 0,
    numberReady: 2,
    observedGeneration: 1,
    updatedNumberScheduled: 2,
  })
  await addNode('c')
  await plane.untilAll(PODS, 'default', (all) => all.length === 3 && nodes(all)[2] === 'c')
})

test('keeps off nodes that its selector or their taints exclude, and leaves those that become so', async () => {
  await addNode('plain')
  await addNode('tainted', { taints: [{ key: 'gpu', value: 'yes', effect: 'NoSchedule' }] }, { log: 'yes' })
  await addNode('good', undefined, { log: 'yes' })
  const { spec } = { spec: { containers: [{ name: 'c', image: 'x' }], nodeSelector: { log: 'yes' } } }
  await create({ template: { metadata: { labels: { app: 'log' } }, spec } })
  const pods = await plane.untilAll(PODS, 'default', (all) => all.length === 1)
  expect(nodes(pods)).toEqual(['good'])
  await plane.client.patch(NODES, { namespace: '', name: 'good' }, 'merge', { metadata: { labels: { log: null } } })
  await plane.untilAll(PODS, 'default', (all) => all.length === 0)
  await plane.until(DAEMON_SETS, LOG, (s) => s?.status?.desiredNumberScheduled === 0)
})

test('updates pods no faster than maxUnavailable allows', async () => {
  await addNodes('a', 'b', 'c')
  await create({ updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 1 } } })
  await plane.until(DAEMON_SETS, LOG, (s) => s?.status?.numberAvailable === 3)
  let least = 3
  await plane.client.patch(DAEMON_SETS, LOG, 'merge', {
    spec: { template: { spec: { containers: [{ name: 'c', image: 'fluentd:2' }] } } },
  })
  await plane.until(DAEMON_SETS, LOG, (s) => {
    least = Math.min(least, s?.status?.numberAvailable ?? 0)
    return s?.status?.updatedNumberScheduled === 3 && s.status.numberAvailable === 3
  })
  expect(least).toBeGreaterThanOrEqual(2)
  const revisions = await plane.untilAll(CONTROLLER_REVISIONS, 'default', (all) => all.length === 2)
  expect(revisions.map((r) => r.revision).sort()).toEqual([1, 2])
})

test('with surge the new pod is ready before the old one goes', async () => {
  await addNodes('a')
  await create({ updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } } })
  await plane.until(DAEMON_SETS, LOG, (s) => s?.status?.numberAvailable === 1)
  await plane.client.patch(DAEMON_SETS, LOG, 'merge', {
    spec: { template: { spec: { containers: [{ name: 'c', image: 'fluentd:2' }] } } },
  })
  await plane.untilAll(PODS, 'default', (pods) => {
    expect(pods.length).toBeGreaterThan(0)
    return pods.length === 1 && pods[0]!.spec!.containers[0]!.image === 'fluentd:2'
  })
})

test('a failed pod is replaced at once the first time', async () => {
  await addNodes('a')
  let failures = 0
  fate = () => (failures++ === 0 ? 'failed' : 'ready')
  await create()
  await plane.until(DAEMON_SETS, LOG, (s) => s?.status?.numberReady === 1)
  expect(failures).toBeGreaterThan(1)
})
