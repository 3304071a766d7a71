import { describe, expect, test } from 'vitest'
import { admit, object, pod, readerOf, refusal } from '../../../../test/suites/admission-request.ts'
import type { KubeObject } from '../../../apimachinery/kube-object.ts'
import { ManualClock } from '../../../apimachinery/manual-clock.ts'
import type { Pod } from '../../../apimachinery/types/core-v1.ts'
import { ServiceAccountPlugin } from './service-account.ts'

const account = (name: string, rest: Record<string, unknown> = {}, annotations?: Record<string, string>) =>
  object('ServiceAccount', { name, namespace: 'ns', ...(annotations ? { annotations } : {}) }, rest)
const STRICT = { 'kubernetes.io/enforce-mountable-secrets': 'true' }
const accounts = [
  account('default', { imagePullSecrets: [{ name: 'pull' }] }),
  account('silent', { automountServiceAccountToken: false }),
  account('strict', { secrets: [{ name: 'ok' }], imagePullSecrets: [{ name: 'pull' }] }, STRICT),
]
const plugin = new ServiceAccountPlugin(readerOf(...accounts), new ManualClock())
const admitted = async (given: KubeObject) => (await admit(plugin, { object: given })).object as unknown as Pod

describe('a new pod', () => {
  test('runs as the default account, with its token, the CA and the namespace mounted into every container', async () => {
    const { spec } = await admitted(pod({ initContainers: [{ name: 'i', image: 'busybox' }] }))
    expect(spec).toMatchObject({
      serviceAccountName: 'default',
      serviceAccount: 'default',
      imagePullSecrets: [{ name: 'pull' }],
    })
    const [volume] = spec!.volumes!
    expect(volume!.name).toMatch(/^kube-api-access-[a-z0-9]{5}$/)
    expect(volume!.projected).toEqual({
      defaultMode: 420,
      sources: [
        { serviceAccountToken: { expirationSeconds: 3607, path: 'token' } },
        { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
        {
          downwardAPI: {
            items: [{ path: 'namespace', fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.namespace' } }],
          },
        },
      ],
    })
    const mount = { name: volume!.name, readOnly: true, mountPath: '/var/run/secrets/kubernetes.io/serviceaccount' }
    expect(spec!.containers[0]!.volumeMounts).toEqual([mount])
    expect(spec!.initContainers![0]!.volumeMounts).toEqual([mount])
  })

  test('mounts no token where the pod, or else the account, says so', async () => {
    expect((await admitted(pod({ serviceAccountName: 'silent' }))).spec!.volumes).toBeUndefined()
    expect((await admitted(pod({ automountServiceAccountToken: false }))).spec!.volumes).toBeUndefined()
    const loud = pod({ serviceAccountName: 'silent', automountServiceAccountToken: true })
    expect((await admitted(loud)).spec!.volumes).toHaveLength(1)
  })

  test('keeps what it mounts at that place itself, and its own pull secrets', async () => {
    const mount = { name: 'v', mountPath: '/var/run/secrets/kubernetes.io/serviceaccount' }
    const own = { containers: [{ name: 'c', volumeMounts: [mount] }], imagePullSecrets: [{ name: 'mine' }] }
    const { spec } = await admitted(pod(own))
    expect(spec).toMatchObject(own)
    expect(spec!.volumes).toBeUndefined()
  })

  test('is refused where its account does not exist', async () => {
    expect(await refusal(plugin, { object: pod({ serviceAccountName: 'none' }) })).toBe(
      'pods "p" is forbidden: error looking up service account ns/none: serviceaccount "none" not found',
    )
  })

  test('waits for the default account of a new namespace', async () => {
    const clock = new ManualClock()
    const present: KubeObject[] = []
    const waiting = new ServiceAccountPlugin(
      {
        get: (_group, _resource, namespace, name) =>
          present.find((o) => o.metadata.name === name && o.metadata.namespace === namespace),
        list: async () => [],
      },
      clock,
    )
    const answer = admit(waiting, { object: pod() })
    await Promise.resolve()
    present.push(accounts[0]!)
    while (clock.pending === 0) await Promise.resolve()
    clock.advance(200)
    expect((await answer).error).toBeUndefined()
  })
})

describe('an account that limits secrets', () => {
  const refused = (spec: Record<string, unknown>) =>
    refusal(plugin, { object: pod({ serviceAccountName: 'strict', automountServiceAccountToken: false, ...spec }) })
  const env = (name: string) => [{ name: 'E', valueFrom: { secretKeyRef: { name, key: 'k' } } }]
  const head = 'pods "p" is forbidden: '

  test.each([
    [
      { volumes: [{ name: 'v', secret: { secretName: 'no' } }] },
      'volume with secret.secretName="no" is not allowed because service account strict does not reference that secret',
    ],
    [
      { containers: [{ name: 'c', env: env('no') }] },
      'container c with envVar E referencing secret.secretName="no" is not allowed because service account strict does not reference that secret',
    ],
    [
      { initContainers: [{ name: 'i', envFrom: [{ secretRef: { name: 'no' } }] }] },
      'init container i with envFrom referencing secret.secretName="no" is not allowed because service account strict does not reference that secret',
    ],
    [
      { imagePullSecrets: [{ name: 'no' }] },
      'imagePullSecrets[0].name="no" is not allowed because service account strict does not reference that imagePullSecret',
    ],
  ])('refuses %j', async (spec, why) => {
    expect(await refused(spec)).toBe(head + why)
  })

  test('lets those through that it names', async () => {
    const spec = { volumes: [{ name: 'v', secret: { secretName: 'ok' } }], containers: [{ name: 'c', env: env('ok') }] }
    expect(await refused(spec)).toBeUndefined()
  })

  test('holds for ephemeral containers too: 500 with the bare reason', async () => {
    const old = pod({ serviceAccountName: 'strict' })
    const debugged = pod({ serviceAccountName: 'strict', ephemeralContainers: [{ name: 'e', env: env('no') }] })
    const { error } = await admit(plugin, { object: debugged, old, subresource: 'ephemeralcontainers' })
    expect(error).toMatchObject({
      code: 500,
      message:
        'ephemeral container e with envVar E referencing secret.secretName="no" is not allowed because service account strict does not reference that secret',
    })
  })
})

describe('a mirror pod', () => {
  const mirror = (spec: Record<string, unknown>) => pod(spec, { annotations: { 'kubernetes.io/config.mirror': 'x' } })
  test('gets nothing and refers to nothing', async () => {
    expect(await admitted(mirror({}))).toEqual(mirror({}))
    const refused = async (spec: Record<string, unknown>) => await refusal(plugin, { object: mirror(spec) })
    const head = 'pods "p" is forbidden: a mirror pod may not '
    expect(await refused({ serviceAccountName: 'default' })).toBe(`${head}reference service accounts`)
    expect(await refused({ volumes: [{ name: 'v', secret: { secretName: 's' } }] })).toBe(`${head}reference secrets`)
    expect(
      await refused({ volumes: [{ name: 'v', projected: { sources: [{ serviceAccountToken: { path: 't' } }] } }] }),
    ).toBe(`${head}use ServiceAccountToken volume projections`)
  })
})
