import { expect, test } from 'vitest'
import { object, refusal } from '../../../test/suites/admission-request.ts'
import type { OwnerReference } from '../../apimachinery/types/meta-v1.ts'
import type { Authorizer } from '../../auth/authz/authorizer.ts'
import { OwnerReferencesPermissionEnforcement } from './owner-references-permission-enforcement.ts'

/** Allows what is listed as `verb resource/subresource namespace`. */
const allowing = (...rules: readonly string[]): Authorizer => ({
  name: 'test',
  authorize: ({ verb, resource, subresource, namespace }) =>
    rules.includes([verb, `${resource}${subresource ? '/' : ''}${subresource}`, namespace].join(' ').trim())
      ? { decision: 'allow', reason: '' }
      : { decision: 'no-opinion', reason: 'no rule' },
})
const plugin = (...rules: readonly string[]) =>
  new OwnerReferencesPermissionEnforcement({
    authorizer: allowing(...rules),
    resourceOf: ({ group, version, kind }) =>
      kind === 'ReplicaSet' ? { group, version, resource: 'replicasets', namespaced: true } : undefined,
  })

const owner = (rest: Partial<OwnerReference> = {}): OwnerReference => ({
  apiVersion: 'apps/v1',
  kind: 'ReplicaSet',
  name: 'rs',
  uid: 'u1',
  ...rest,
})
const configMap = (...ownerReferences: readonly OwnerReference[]) =>
  object('ConfigMap', {
    name: 'a',
    namespace: 'ns',
    ...(ownerReferences.length > 0 ? { ownerReferences: [...ownerReferences] } : {}),
  })
const HEAD = 'configmaps "a" is forbidden: '

test('who changes owners must be able to delete the object', async () => {
  const change = { object: configMap(owner()), old: configMap() }
  expect(await refusal(plugin(), change)).toBe(
    `${HEAD}cannot set an ownerRef on a resource you can't delete: no rule, <nil>`,
  )
  expect(await refusal(plugin('delete configmaps ns'), change)).toBeUndefined()
  expect(await refusal(plugin(), { object: configMap(owner()), old: configMap(owner()) })).toBeUndefined()
  expect(await refusal(plugin(), { object: configMap(owner()) })).toBeUndefined()
})

test('who blocks the deletion of an owner must be able to set its finalizers', async () => {
  const blocking = { object: configMap(owner({ blockOwnerDeletion: true })) }
  expect(await refusal(plugin(), blocking)).toBe(
    `${HEAD}cannot set blockOwnerDeletion if an ownerReference refers to a resource you can't set finalizers on: no rule, <nil>`,
  )
  expect(await refusal(plugin('update replicasets/finalizers ns'), blocking)).toBeUndefined()
  expect(await refusal(plugin('update */finalizers'), blocking)).toBeUndefined()
})

test('an owner of a kind that is not served can not be blocked', async () => {
  const unknown = owner({ blockOwnerDeletion: true, kind: 'Foo', apiVersion: 'x.io/v1' })
  expect(await refusal(plugin(), { object: configMap(unknown) })).toBe(
    `${HEAD}cannot set blockOwnerDeletion in this case because cannot find RESTMapping for APIVersion x.io/v1 Kind Foo: no matches for kind "Foo" in version "x.io/v1"`,
  )
})

test('the status of pods is left alone', async () => {
  const pod = object('Pod', { name: 'p', namespace: 'ns', ownerReferences: [owner()] })
  const change = { object: pod, old: object('Pod', { name: 'p', namespace: 'ns' }) }
  expect(await refusal(plugin(), { ...change, subresource: 'status' })).toBeUndefined()
  expect(await refusal(plugin(), change)).toMatch(/can't delete/)
})
