import { describe, expect, test } from 'vitest'
import { admit, object, pod, readerOf, refusal } from '../../../../test/suites/admission-request.ts'
import { limitRanger } from './limit-ranger.ts'

type Item = Record<string, unknown>

const withLimits = (...limits: readonly Item[]) =>
  limitRanger(readerOf(object('LimitRange', { name: 'l', namespace: 'ns' }, { spec: { limits } })), {
    podLevelResources: true,
  })
const containers = (...resources: readonly object[]) => ({
  containers: resources.map((own, i) => ({ name: `c${i}`, resources: own })),
})
const refused = (item: Item, spec: Record<string, unknown>) => refusal(withLimits(item), { object: pod(spec) })
const HEAD = 'pods "p" is forbidden: '

describe('defaults', () => {
  const plugin = withLimits({
    type: 'Container',
    default: { memory: '1Gi', cpu: '1' },
    defaultRequest: { cpu: '100m', memory: '256Mi' },
  })
  test('fill in what containers leave open and say so', async () => {
    const spec = {
      ...containers({ requests: { cpu: '2' } }),
      initContainers: [{ name: 'i', resources: { limits: { cpu: '3' } } }],
    }
    const { object: admitted } = await admit(plugin, { object: pod(spec) })
    expect(admitted!['spec']).toEqual({
      containers: [
        {
          name: 'c0',
          resources: { requests: { cpu: '2', memory: '256Mi' }, limits: { cpu: '1', memory: '1Gi' } },
        },
      ],
      initContainers: [
        {
          name: 'i',
          resources: { requests: { cpu: '100m', memory: '256Mi' }, limits: { cpu: '3', memory: '1Gi' } },
        },
      ],
    })
    expect(admitted!.metadata.annotations).toEqual({
      'kubernetes.io/limit-ranger':
        'LimitRanger plugin set: memory request for container c0; cpu, memory limit for container c0; cpu, memory request for init container i; memory limit for init container i',
    })
  })
  test('leave complete containers and other namespaces alone', async () => {
    const complete = pod(containers({ requests: { cpu: '1', memory: '1' }, limits: { cpu: '1', memory: '1' } }))
    expect((await admit(plugin, { object: complete })).object).toEqual(complete)
    const elsewhere = pod({}, { namespace: 'other' })
    expect((await admit(plugin, { object: elsewhere })).object).toEqual(elsewhere)
  })
})

describe('limits of containers', () => {
  const item = (bound: Item): Item => ({ type: 'Container', ...bound })
  test.each([
    [{ min: { cpu: '200m' } }, {}, 'minimum cpu usage per Container is 200m.  No request is specified'],
    [
      { min: { cpu: '200m' } },
      { requests: { cpu: '100m' } },
      'minimum cpu usage per Container is 200m, but request is 100m',
    ],
    [
      { min: { cpu: '200m' } },
      { requests: { cpu: '200m' }, limits: { cpu: '150m' } },
      'minimum cpu usage per Container is 200m, but limit is 150m',
    ],
    [{ max: { memory: '1Gi' } }, {}, 'maximum memory usage per Container is 1Gi.  No limit is specified'],
    [
      { max: { memory: '1Gi' } },
      { limits: { memory: '2Gi' } },
      'maximum memory usage per Container is 1Gi, but limit is 2Gi',
    ],
    [
      { max: { memory: '1Gi' } },
      { limits: { memory: '1Gi' }, requests: { memory: '2Gi' } },
      'maximum memory usage per Container is 1Gi, but request is 2Gi',
    ],
    [
      { maxLimitRequestRatio: { cpu: '2' } },
      { requests: { cpu: '1' }, limits: { cpu: '3' } },
      'cpu max limit to request ratio per Container is 2, but provided ratio is 3.000000',
    ],
    [
      { maxLimitRequestRatio: { cpu: '2' } },
      { limits: { cpu: '3' } },
      'cpu max limit to request ratio per Container is 2, but no request is specified or request is 0',
    ],
    [
      { maxLimitRequestRatio: { cpu: '2' } },
      { requests: { cpu: '1' } },
      'cpu max limit to request ratio per Container is 2, but no limit is specified or limit is 0',
    ],
  ])('%j refuses %j', async (bound, resources, why) => {
    expect(await refused(item(bound), containers(resources))).toBe(HEAD + why)
  })

  test('several breaches stand in one message, equal ones once', async () => {
    const spec = containers({ requests: { cpu: '1m' } }, { requests: { cpu: '1m' } }, { requests: { cpu: '2m' } })
    expect(await refused(item({ min: { cpu: '1' } }), spec)).toBe(
      `${HEAD}[minimum cpu usage per Container is 1, but request is 1m, minimum cpu usage per Container is 1, but request is 2m]`,
    )
  })

  test('a resize is checked, other updates are not', async () => {
    const plugin = withLimits(item({ max: { cpu: '1' } }))
    const grown = pod(containers({ limits: { cpu: '2' } }))
    expect(await refusal(plugin, { object: grown, old: pod(), subresource: 'resize' })).toMatch(/limit is 2$/)
    expect(await refusal(plugin, { object: grown, old: pod() })).toBeUndefined()
    const ending = pod({}, { deletionTimestamp: '2026-01-01T00:00:00Z' })
    expect(await refusal(plugin, { object: grown, old: ending, subresource: 'resize' })).toBeUndefined()
  })
})

describe('limits of pods', () => {
  const max = { type: 'Pod', max: { cpu: '1' } }
  test('count what containers take together', async () => {
    const half = { limits: { cpu: '600m' } }
    expect(await refused(max, containers(half, half))).toBe(`${HEAD}maximum cpu usage per Pod is 1, but limit is 1200m`)
    expect(await refused(max, containers(half))).toBeUndefined()
  })
  test('count an init container at its turn, a sidecar all the time', async () => {
    const init = {
      ...containers({ limits: { cpu: '600m' } }),
      initContainers: [{ name: 'i', resources: { limits: { cpu: '600m' } } }],
    }
    expect(await refused(max, init)).toBeUndefined()
    const sidecar = { ...init, initContainers: [{ ...init.initContainers[0], restartPolicy: 'Always' }] }
    expect(await refused(max, sidecar)).toMatch(/limit is 1200m$/)
  })
  test("the pod's own word counts before its containers'", async () => {
    const spec = { ...containers({ limits: { cpu: '600m' } }), resources: { limits: { cpu: '3' } } }
    expect(await refused(max, spec)).toMatch(/limit is 3$/)
  })
})

test('limits of claims look at what is requested', async () => {
  const plugin = withLimits({ type: 'PersistentVolumeClaim', min: { storage: '1Gi' }, max: { storage: '5Gi' } })
  const claim = (storage?: string) =>
    object(
      'PersistentVolumeClaim',
      { name: 'c', namespace: 'ns' },
      { spec: storage ? { resources: { requests: { storage } } } : {} },
    )
  const head = 'persistentvolumeclaims "c" is forbidden: '
  expect(await refusal(plugin, { object: claim('2Gi') })).toBeUndefined()
  expect(await refusal(plugin, { object: claim('1Mi') })).toBe(
    `${head}minimum storage usage per PersistentVolumeClaim is 1Gi, but request is 1Mi`,
  )
  expect(await refusal(plugin, { object: claim('6Gi'), old: claim('2Gi') })).toBe(
    `${head}maximum storage usage per PersistentVolumeClaim is 5Gi, but request is 6Gi`,
  )
  expect(await refusal(plugin, { object: claim() })).toMatch(
    /\. {2}No request is specified, .*\. {2}No request is specified\]$/,
  )
})
