import { describe, expect, test } from 'vitest'
import { admit, object, pod, readerOf, refusal } from '../../../test/suites/admission-request.ts'
import { alwaysAdmit, alwaysDeny } from './always.ts'
import { alwaysPullImages } from './always-pull-images.ts'
import { denyServiceExternalIPs } from './deny-service-external-ips.ts'
import { nodeDeclaredFeatureValidator } from './node-declared-feature-validator.ts'
import { podResizeValidator } from './pod-resize-validator.ts'

test('AlwaysAdmit lets all through, AlwaysDeny nothing', async () => {
  expect(await refusal(alwaysAdmit, { object: pod() })).toBeUndefined()
  const message = 'pods "p" is forbidden: admission control is denying all modifications'
  expect(await refusal(alwaysDeny, { object: pod() })).toBe(message)
  expect(await refusal(alwaysDeny, { old: pod() })).toBe(message)
})

describe('AlwaysPullImages', () => {
  const once = { name: 'c', image: 'a', imagePullPolicy: 'IfNotPresent' }
  const always = { ...once, imagePullPolicy: 'Always' }
  const given = pod({
    containers: [once],
    initContainers: [{ ...once, name: 'i' }],
    volumes: [
      { name: 'v', image: { reference: 'b', pullPolicy: 'Never' } },
      { name: 'e', emptyDir: {} },
    ],
  })
  test('makes every container and image volume pull', async () => {
    const { object: admitted } = await admit(alwaysPullImages, { object: given })
    expect(admitted!['spec']).toEqual({
      containers: [always],
      initContainers: [{ ...always, name: 'i' }],
      volumes: [
        { name: 'v', image: { reference: 'b', pullPolicy: 'Always' } },
        { name: 'e', emptyDir: {} },
      ],
    })
  })
  test('refuses what another plugin made of it: 500 with every place', async () => {
    const { error } = await admit({ ...alwaysPullImages, admit: () => {} }, { object: given })
    const place = (path: string, value: string) =>
      `pods "p" is forbidden: spec.${path}: Unsupported value: "${value}": supported values: "Always"`
    const places = [
      place('initContainers[0].imagePullPolicy', 'IfNotPresent'),
      place('containers[0].imagePullPolicy', 'IfNotPresent'),
      place('volumes[0].image.pullPolicy', 'Never'),
    ]
    expect(error).toMatchObject({ code: 500, message: `[${places.join(', ')}]` })
  })
  test('an update without a new image stays as it is', async () => {
    const { object: admitted } = await admit(alwaysPullImages, { object: given, old: given })
    expect(admitted).toEqual(given)
    const renewed = pod({ containers: [{ ...once, image: 'new' }] })
    expect((await admit(alwaysPullImages, { object: renewed, old: given })).object!['spec']).toMatchObject({
      containers: [{ imagePullPolicy: 'Always' }],
    })
  })
})

test('DenyServiceExternalIPs: only addresses that the service has already', async () => {
  const service = (...externalIPs: readonly string[]) =>
    object('Service', { name: 's', namespace: 'ns' }, { spec: { externalIPs } })
  const message = 'services "s" is forbidden: Use of external IPs is denied by admission control'
  expect(await refusal(denyServiceExternalIPs, { object: service('1.1.1.1') })).toBe(message)
  expect(await refusal(denyServiceExternalIPs, { object: service() })).toBeUndefined()
  const old = service('1.1.1.1', '2.2.2.2')
  expect(await refusal(denyServiceExternalIPs, { object: service('2.2.2.2'), old })).toBeUndefined()
  expect(await refusal(denyServiceExternalIPs, { object: service('3.3.3.3'), old })).toBe(message)
})

const running = (resources: object, generation: number, rest: Record<string, unknown> = {}) =>
  pod({ nodeName: 'n', containers: [{ name: 'c', resources }], ...rest }, { generation })

describe('PodResizeValidator', () => {
  const node = (os: string) =>
    object(
      'Node',
      { name: 'n', labels: { 'kubernetes.io/os': os } },
      { status: { allocatable: { cpu: '2', memory: '1Gi' } } },
    )
  const resized = (os: string, resources: object) =>
    admit(podResizeValidator(readerOf(node(os))), {
      object: running(resources, 2),
      old: running({}, 1),
      subresource: 'resize',
    })
  test('a pod can not grow beyond its node', async () => {
    expect((await resized('linux', { requests: { cpu: '2', memory: '1Gi' } })).error).toBeUndefined()
    const { error } = await resized('linux', { requests: { cpu: '2500m', memory: '2Gi' } })
    expect(error?.message).toBe(
      `pods "p" is forbidden: node didn't have enough allocatable resources: cpu, requested: 2500, allocatable: 2000; memory, requested: 2147483648, allocatable: 1073741824`,
    )
    expect(error?.details?.causes).toEqual([{ reason: 'NodeCapacity' }])
  })
  test('only on Linux, only on a node that exists', async () => {
    const { error } = await resized('windows', {})
    expect(error?.message).toBe(
      'pods "p" is forbidden: pod resize is only supported on linux nodes, node "n" is "windows"',
    )
    expect(error?.details?.causes).toEqual([{ reason: 'UnsupportedPlatform' }])
    const request = { object: running({}, 2), old: running({}, 1), subresource: 'resize' }
    expect(await refusal(podResizeValidator(readerOf()), request)).toBe('pods "p" is forbidden: node "n" not found')
    expect(await refusal(podResizeValidator(readerOf()), { ...request, old: running({}, 2) })).toBeUndefined()
  })
})

test('NodeDeclaredFeatureValidator: a change that the node does not know how to make', async () => {
  const node = (...declaredFeatures: readonly string[]) =>
    object('Node', { name: 'n' }, { status: { declaredFeatures } })
  const init = (cpu: string) => ({ initContainers: [{ name: 'i', resources: { requests: { cpu } } }] })
  const change = {
    object: running({}, 2, { ...init('2'), resources: { requests: { cpu: '2' } } }),
    old: running({}, 1, init('1')),
    subresource: 'resize',
  }
  const needed = ['InPlacePodLevelResourcesVerticalScaling', 'InPlacePodVerticalScalingInitContainers']
  const on = (found: ReturnType<typeof node>) => refusal(nodeDeclaredFeatureValidator(readerOf(found)), change)
  expect(await on(node())).toBe(
    `pods "p" is forbidden: pod update requires features ${needed.join(', ')} which are not available on node "n"`,
  )
  expect(await on(node(needed[0]!))).toMatch(/requires features InPlacePodVerticalScalingInitContainers which/)
  expect(await on(node(...needed))).toBeUndefined()
})
