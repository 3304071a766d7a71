import { describe, expect, test } from 'vitest'
import { admit, object, readerOf, refusal } from '../../../test/suites/admission-request.ts'
import { defaultIngressClass } from './default-ingress-class.ts'
import { defaultStorageClass } from './default-storage-class.ts'
import { persistentVolumeClaimResize } from './persistent-volume-claim-resize.ts'
import { storageObjectInUseProtection } from './storage-object-in-use-protection.ts'

const STORAGE = 'storage.k8s.io/v1'
const IS_DEFAULT = { 'storageclass.kubernetes.io/is-default-class': 'true' }
const storageClass = (name: string, created: string, annotations = {}, rest = {}) =>
  object('StorageClass', { name, creationTimestamp: created, annotations }, rest, STORAGE)
const claim = (spec: Record<string, unknown>, annotations?: Record<string, string>, status = {}) =>
  object(
    'PersistentVolumeClaim',
    { name: 'c', namespace: 'ns', ...(annotations ? { annotations } : {}) },
    { spec, status },
  )

describe('DefaultStorageClass', () => {
  const plugin = defaultStorageClass(
    readerOf(
      storageClass('old', '2026-01-01T00:00:00Z', IS_DEFAULT),
      storageClass('b-new', '2026-01-02T00:00:00Z', { 'storageclass.beta.kubernetes.io/is-default-class': 'true' }),
      storageClass('a-new', '2026-01-02T00:00:00Z', IS_DEFAULT),
      storageClass('newest', '2026-01-03T00:00:00Z'),
    ),
  )
  const classOf = async (given: ReturnType<typeof claim>) =>
    ((await admit(plugin, { object: given })).object!['spec'] as Record<string, unknown>)['storageClassName']
  test('the newest default class, by name of those of one second', async () => {
    expect(await classOf(claim({}))).toBe('a-new')
  })
  test('a claim that names a class keeps it, also none', async () => {
    expect(await classOf(claim({ storageClassName: '' }))).toBe('')
    expect(await classOf(claim({}, { 'volume.beta.kubernetes.io/storage-class': 'x' }))).toBeUndefined()
  })
})

describe('DefaultIngressClass', () => {
  const annotations = { 'ingressclass.kubernetes.io/is-default-class': 'true' }
  const nginx = object('IngressClass', { name: 'nginx', annotations }, {}, 'networking.k8s.io/v1')
  const plugin = defaultIngressClass(readerOf(nginx))
  const ingress = (spec: object, own = {}) =>
    object('Ingress', { name: 'i', namespace: 'ns', annotations: own }, { spec }, 'networking.k8s.io/v1')
  test('an ingress without a class gets the default one', async () => {
    expect((await admit(plugin, { object: ingress({}) })).object!['spec']).toEqual({ ingressClassName: 'nginx' })
  })
  test('an ingress with a class, in a field or an annotation, keeps it', async () => {
    const named = ingress({ ingressClassName: 'other' })
    expect((await admit(plugin, { object: named })).object).toEqual(named)
    const annotated = ingress({}, { 'kubernetes.io/ingress.class': 'old' })
    expect((await admit(plugin, { object: annotated })).object).toEqual(annotated)
  })
})

test('StorageObjectInUseProtection: volumes, claims and attribute classes get their finalizer, once', async () => {
  const finalizers = async (given: ReturnType<typeof object>) =>
    (await admit(storageObjectInUseProtection, { object: given })).object!.metadata.finalizers
  expect(await finalizers(claim({}))).toEqual(['kubernetes.io/pvc-protection'])
  expect(await finalizers(object('PersistentVolume', { name: 'v', finalizers: ['a'] }))).toEqual([
    'a',
    'kubernetes.io/pv-protection',
  ])
  expect(await finalizers(object('VolumeAttributesClass', { name: 'v' }, {}, STORAGE))).toEqual([
    'kubernetes.io/vac-protection',
  ])
  const guarded = object('PersistentVolume', { name: 'v', finalizers: ['kubernetes.io/pv-protection'] })
  expect(await finalizers(guarded)).toEqual(['kubernetes.io/pv-protection'])
  expect(await finalizers(object('ConfigMap', { name: 'a', namespace: 'ns' }))).toBeUndefined()
})

describe('PersistentVolumeClaimResize', () => {
  const reader = readerOf(
    storageClass('grows', '2026-01-01T00:00:00Z', {}, { allowVolumeExpansion: true }),
    storageClass('fixed', '2026-01-01T00:00:00Z'),
  )
  const plugin = persistentVolumeClaimResize(reader)
  const sized = (storage: string, storageClassName: string, phase = 'Bound') =>
    claim({ storageClassName, resources: { requests: { storage } } }, undefined, { phase })
  const grown = (storageClassName: string, phase?: string) =>
    refusal(plugin, { object: sized('2Gi', storageClassName, phase), old: sized('1Gi', storageClassName, phase) })
  test('only bound claims of a class that lets volumes grow', async () => {
    const head = 'persistentvolumeclaims "c" is forbidden: '
    expect(await grown('grows')).toBeUndefined()
    expect(await grown('grows', 'Pending')).toBe(`${head}Only bound persistent volume claims can be expanded`)
    const words =
      'only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize'
    expect(await grown('fixed')).toBe(head + words)
    expect(await grown('')).toBe(head + words)
  })
  test('the same size, otherwise written, is no growth', async () => {
    expect(await refusal(plugin, { object: sized('1024Mi', 'fixed'), old: sized('1Gi', 'fixed') })).toBeUndefined()
  })
})
