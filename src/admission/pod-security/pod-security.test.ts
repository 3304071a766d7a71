import { describe, expect, test } from 'vitest'
import { admit, object, pod, readerOf, refusal } from '../../../test/suites/admission-request.ts'
import type { KubeObject } from '../../apimachinery/kube-object.ts'
import { ManualClock } from '../../apimachinery/manual-clock.ts'
import { PodSecurity } from './pod-security.ts'
import { podSecurityConfiguration } from './pod-security-configuration.ts'

const PREFIX = 'pod-security.kubernetes.io/'
const labelled = (modes: Record<string, string>, name = 'ns'): KubeObject =>
  object('Namespace', { name, labels: Object.fromEntries(Object.entries(modes).map(([k, v]) => [PREFIX + k, v])) })
const CONFIG = { apiVersion: 'pod-security.admission.config.k8s.io/v1', kind: 'PodSecurityConfiguration' }
const withObjects = (objects: readonly KubeObject[], configuration?: object) =>
  new PodSecurity(
    readerOf(...objects),
    new ManualClock(),
    podSecurityConfiguration(configuration && { ...CONFIG, ...configuration }),
  )
const inNamespace = (modes: Record<string, string>, configuration?: object) =>
  withObjects([labelled(modes)], configuration)

const sharing = pod({ hostPID: true })
const VIOLATES = 'PodSecurity "baseline:latest": host namespaces (hostPID=true)'

describe('modes', () => {
  test('enforce refuses, and tells the audit', async () => {
    const { error, annotations, warnings } = await admit(inNamespace({ enforce: 'baseline' }), { object: sharing })
    expect(error).toMatchObject({ code: 403, message: `pods "p" is forbidden: violates ${VIOLATES}` })
    expect(warnings).toEqual([])
    expect(annotations).toEqual({ [`${PREFIX}enforce-policy`]: 'baseline:latest' })
  })
  test('warn warns, audit notes', async () => {
    const plugin = inNamespace({ warn: 'baseline', audit: 'baseline', 'audit-version': 'v1.24' })
    const { error, annotations, warnings } = await admit(plugin, { object: sharing })
    expect(error).toBeUndefined()
    expect(warnings).toEqual([`would violate ${VIOLATES}`])
    expect(annotations).toEqual({
      [`${PREFIX}enforce-policy`]: 'privileged:latest',
      [`${PREFIX}audit-violations`]: `would violate ${VIOLATES.replace('latest', 'v1.24')}`,
    })
  })
  test('a namespace without labels lets everything in', async () => {
    const { error, annotations } = await admit(inNamespace({}), { object: sharing })
    expect(error).toBeUndefined()
    expect(annotations).toEqual({ [`${PREFIX}enforce-policy`]: 'privileged:latest' })
  })
  test('enforcing a level warns of it as well where pods are made by others', async () => {
    const template = { metadata: {}, spec: sharing['spec'] }
    const made: readonly KubeObject[] = [
      object('Deployment', { name: 'd', namespace: 'ns' }, { spec: { template } }, 'apps/v1'),
      object('PodTemplate', { name: 'd', namespace: 'ns' }, { template }),
      object('ReplicationController', { name: 'd', namespace: 'ns' }, { spec: { template } }),
      object('Job', { name: 'd', namespace: 'ns' }, { spec: { template } }, 'batch/v1'),
      object('CronJob', { name: 'd', namespace: 'ns' }, { spec: { jobTemplate: { spec: { template } } } }, 'batch/v1'),
    ]
    for (const given of made) {
      const { error, warnings } = await admit(inNamespace({ enforce: 'baseline' }), { object: given })
      expect(error).toBeUndefined()
      expect(warnings).toEqual([`would violate ${VIOLATES}`])
    }
  })
  test('a controller without a template says nothing', async () => {
    const empty = object('ReplicationController', { name: 'd', namespace: 'ns' }, { spec: {} })
    expect((await admit(inNamespace({ warn: 'baseline' }), { object: empty })).warnings).toEqual([])
  })
  test('bad labels of old enforce the strictest policy', async () => {
    const { error, annotations } = await admit(inNamespace({ enforce: 'nonsense' }), { object: pod() })
    expect(error?.message).toMatch(/^pods "p" is forbidden: violates PodSecurity "restricted:latest"/)
    expect(annotations[`${PREFIX}error`]).toBe(
      'Failed to parse policy: metadata.labels[pod-security.kubernetes.io/enforce]: Invalid value: "nonsense": must be one of privileged, baseline, restricted',
    )
  })
})

describe('updates', () => {
  const plugin = inNamespace({ enforce: 'baseline' })
  test('count only where containers come or get another image', async () => {
    expect(await refusal(plugin, { object: sharing, old: sharing })).toBeUndefined()
    const renewed = pod({ hostPID: true, containers: [{ name: 'c', image: 'other' }] })
    expect(await refusal(plugin, { object: renewed, old: sharing })).toMatch(/violates PodSecurity/)
    const debugged = pod({ hostPID: true, ephemeralContainers: [{ name: 'e', image: 'a' }] })
    const subresource = 'ephemeralcontainers'
    expect(await refusal(plugin, { object: debugged, old: sharing, subresource })).toMatch(/violates PodSecurity/)
    expect(await refusal(plugin, { object: debugged, old: debugged, subresource })).toBeUndefined()
  })
  test('of the status never count', async () => {
    const renewed = pod({ hostPID: true, containers: [{ name: 'c', image: 'other' }] })
    expect(await refusal(plugin, { object: renewed, old: sharing, subresource: 'status' })).toBeUndefined()
  })
})

test('exempt are users, namespaces and runtime classes that the configuration names', async () => {
  const exempt = async (exemptions: object, given = sharing) => {
    const { error, annotations } = await admit(inNamespace({ enforce: 'baseline' }, { exemptions }), { object: given })
    return error ? 'refused' : annotations[`${PREFIX}exempt`]
  }
  expect(await exempt({ usernames: ['jane'] })).toBe('user')
  expect(await exempt({ namespaces: ['ns'] })).toBe('namespace')
  expect(await exempt({ runtimeClasses: ['gvisor'] }, pod({ hostPID: true, runtimeClassName: 'gvisor' }))).toBe(
    'runtimeClass',
  )
  expect(await exempt({ usernames: ['bob'], namespaces: ['other'], runtimeClasses: ['gvisor'] })).toBe('refused')
})

test('the configuration says what holds where labels do not', async () => {
  const defaults = { enforce: 'baseline', 'enforce-version': 'v1.24' }
  expect(await refusal(inNamespace({}, { defaults }), { object: sharing })).toMatch(/"baseline:v1.24"/)
  expect(await refusal(inNamespace({ enforce: 'privileged' }, { defaults }), { object: sharing })).toBeUndefined()
})

describe('namespaces', () => {
  test('need valid labels', async () => {
    const bad = labelled({ enforce: 'baselin', 'warn-version': '1.24' })
    expect(await refusal(withObjects([]), { object: bad })).toBe(
      'Namespace "ns" is invalid: [metadata.labels[pod-security.kubernetes.io/enforce]: Invalid value: "baselin": must be one of privileged, baseline, restricted, metadata.labels[pod-security.kubernetes.io/warn-version]: Invalid value: "1.24": must be "latest" or "v1.x"]',
    )
    expect(await refusal(withObjects([]), { object: bad, old: labelled({}) })).toMatch(/is invalid/)
    expect(await refusal(withObjects([]), { object: bad, old: bad })).toBeUndefined()
  })

  test('warn of pods that a stricter policy would not let in again', async () => {
    const owned = (name: string) =>
      pod(
        { hostPID: true },
        { name, ownerReferences: [{ apiVersion: 'v1', kind: 'X', name: 'x', uid: 'x', controller: true }] },
      )
    const pods = [
      owned('b'),
      owned('a'),
      pod({ hostPID: true }, { name: 'c' }),
      pod({}, { name: 'fine' }),
      pod({ hostIPC: true, containers: [{ name: 'c', securityContext: { privileged: true } }] }, { name: 'd' }),
    ]
    const { error, warnings } = await admit(withObjects(pods), {
      object: labelled({ enforce: 'baseline' }),
      old: labelled({}),
    })
    expect(error).toBeUndefined()
    expect(warnings).toEqual([
      'existing pods in namespace "ns" violate the new PodSecurity enforce level "baseline:latest"',
      'a (and 2 other pods): host namespaces',
      'd: host namespaces, privileged',
    ])
  })

  test('say nothing where the policy is no stricter, or pods are exempt', async () => {
    const warningsOf = async (modes: object, before: object, configuration?: object) =>
      (
        await admit(withObjects([pod({ hostPID: true, runtimeClassName: 'gvisor' })], configuration), {
          object: labelled({ ...modes }),
          old: labelled({ ...before }),
        })
      ).warnings
    expect(await warningsOf({ enforce: 'baseline' }, { enforce: 'restricted' })).toEqual([])
    expect(await warningsOf({ enforce: 'privileged', 'enforce-version': 'v1.2' }, {})).toEqual([])
    expect(await warningsOf({ enforce: 'baseline' }, { enforce: 'baseline' })).toEqual([])
    expect(await warningsOf({ enforce: 'baseline' }, {}, { exemptions: { runtimeClasses: ['gvisor'] } })).toEqual([])
    expect(await warningsOf({ enforce: 'baseline', 'enforce-version': 'v1.2' }, { enforce: 'baseline' })).toHaveLength(
      2,
    )
  })

  test('look at so many pods only', async () => {
    const pods = Array.from({ length: 3100 }, (_, i) => pod({ hostPID: true }, { name: `p${i}` }))
    const { warnings } = await admit(withObjects(pods), {
      object: labelled({ enforce: 'baseline' }),
      old: labelled({}),
    })
    expect(warnings).toEqual([
      'new PodSecurity enforce level only checked against the first 3000 of 3100 existing pods',
      'existing pods in namespace "ns" violate the new PodSecurity enforce level "baseline:latest"',
      'p0 (and 2999 other pods): host namespaces',
    ])
  })

  test('that are exempt say that their labels do nothing', async () => {
    const plugin = withObjects([], { exemptions: { namespaces: ['ns'] } })
    const { warnings } = await admit(plugin, { object: labelled({ enforce: 'baseline', audit: 'restricted' }) })
    expect(warnings).toEqual([
      'namespace "ns" is exempt from Pod Security, and the policy (enforce=baseline:latest, audit=restricted:latest) will be ignored',
    ])
    expect((await admit(plugin, { object: labelled({ enforce: 'privileged' }) })).warnings).toEqual([])
  })
})

test('a configuration that is none: what is wrong with it', () => {
  const problem = (configuration: object) => () => podSecurityConfiguration({ ...CONFIG, ...configuration })
  expect(problem({ kind: 'Other' })).toThrow('no kind "Other" is registered for version')
  expect(problem({ default: {} })).toThrow('strict decoding error: unknown field "default"')
  expect(problem({ defaults: { enforce: 'x', 'warn-version': 'y' } })).toThrow(
    'PodSecurity invalid: [defaults.enforce: Invalid value: "x": must be one of privileged, baseline, restricted, defaults.warn-version: Invalid value: "y": must be "latest" or "v1.x"]',
  )
  expect(problem({ exemptions: { usernames: ['', 'a', 'a'] } })).toThrow(
    'PodSecurity invalid: [exemptions.usernames[0]: Invalid value: "": username must not be empty, exemptions.usernames[2]: Duplicate value: "a"]',
  )
})
