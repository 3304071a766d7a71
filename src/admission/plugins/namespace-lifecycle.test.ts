import { expect, test } from 'vitest'
import { admit, object, readerOf, refusal } from '../../../test/suites/admission-request.ts'
import { namespaceAutoProvision } from './namespace-auto-provision.ts'
import { namespaceExists } from './namespace-exists.ts'
import { namespaceLifecycle } from './namespace-lifecycle.ts'

const active = object('Namespace', { name: 'ns' }, { status: { phase: 'Active' } })
const terminating = object('Namespace', { name: 'ending' }, { status: { phase: 'Terminating' } })
const reader = readerOf(active, terminating)
const plugin = namespaceLifecycle(reader)
const configMap = (namespace: string) => object('ConfigMap', { name: 'a', namespace })

test('nothing is created in a namespace that does not exist: 404 of the namespace', async () => {
  const { error } = await admit(plugin, { object: configMap('none') })
  expect(error?.toStatus()).toMatchObject({
    code: 404,
    message: 'namespaces "none" not found',
    details: { name: 'none', kind: 'namespaces' },
  })
  expect(await refusal(plugin, { object: configMap('ns') })).toBeUndefined()
})

test('nothing is created in a namespace that is being deleted; updates and deletes go on', async () => {
  const { error } = await admit(plugin, { object: configMap('ending') })
  expect(error?.message).toBe(
    'configmaps "a" is forbidden: unable to create new content in namespace ending because it is being terminated',
  )
  const cause = {
    reason: 'NamespaceTerminating',
    message: 'namespace ending is being terminated',
    field: 'metadata.namespace',
  }
  expect(error?.details?.causes).toEqual([cause])
  expect(await refusal(plugin, { object: configMap('ending'), old: configMap('ending') })).toBeUndefined()
  expect(await refusal(plugin, { old: configMap('none') })).toBeUndefined()
})

test('the namespaces that a cluster needs stay', async () => {
  for (const name of ['default', 'kube-system', 'kube-public']) {
    const message = `namespaces "${name}" is forbidden: this namespace may not be deleted`
    expect(await refusal(plugin, { old: object('Namespace', { name }) })).toBe(message)
  }
  expect(await refusal(plugin, { old: object('Namespace', { name: 'ns' }) })).toBeUndefined()
})

test('a review of access tells nothing of namespaces', async () => {
  const review = object('LocalSubjectAccessReview', { namespace: 'none' }, {}, 'authorization.k8s.io/v1')
  expect(await refusal(plugin, { object: review })).toBeUndefined()
})

test('NamespaceExists: no request for a missing namespace, deletes included', async () => {
  const exists = namespaceExists(reader)
  expect(await refusal(exists, { old: configMap('none') })).toBe('namespaces "none" not found')
  expect(await refusal(exists, { old: configMap('ns') })).toBeUndefined()
  expect(await refusal(exists, { object: object('Namespace', { name: 'new' }) })).toBeUndefined()
})

test('NamespaceAutoProvision: creates a missing namespace, unless it is a dry run', async () => {
  const created: string[] = []
  const provision = namespaceAutoProvision({ reader, createNamespace: async (name) => void created.push(name) })
  await admit(provision, { object: configMap('ns') })
  await admit(provision, { object: configMap('none'), dryRun: true })
  await admit(provision, { object: object('Namespace', { name: 'other' }) })
  expect(created).toEqual([])
  await admit(provision, { object: configMap('none') })
  expect(created).toEqual(['none'])
})
