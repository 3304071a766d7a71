import { describe, expect, test } from 'vitest'
import { AbacAuthorizer } from './abac.ts'
import type { AuthorizationAttributes } from './authorizer.ts'

/** The policies of upstream's example file and those that its tests add. */
const FILE = `
# comment
{"apiVersion":"abac.authorization.kubernetes.io/v1beta1","kind":"Policy","spec":{"user":"admin","namespace":"*","resource":"*","apiGroup":"*"}}
{"apiVersion":"abac.authorization.kubernetes.io/v1beta1","kind":"Policy","spec":{"user":"*","nonResourcePath":"/version","readonly":true}}
{"apiVersion":"abac.authorization.kubernetes.io/v1beta1","kind":"Policy","spec":{"group":"dev","namespace":"dev","resource":"pods","readonly":true}}
{"apiVersion":"abac.authorization.kubernetes.io/v1beta1","kind":"Policy","spec":{"user":"jane","group":"ops","namespace":"dev","resource":"secrets"}}
{"user":"old","readonly":true}
`
const authorizer = new AbacAuthorizer(FILE)

function ask(user: string, groups: string[], fields: Partial<AuthorizationAttributes>): string {
  return authorizer.authorize({
    user: { name: user, uid: '', groups, extra: {} },
    verb: 'get',
    isResourceRequest: fields.path === undefined,
    path: '',
    apiGroup: '',
    apiVersion: 'v1',
    namespace: 'dev',
    resource: 'pods',
    subresource: '',
    name: '',
    fieldSelector: '',
    labelSelector: '',
    ...fields,
  }).decision
}

describe('AbacAuthorizer', () => {
  test.each([
    ['a user with everything', 'admin', [], { verb: 'delete', apiGroup: 'apps', namespace: 'x' }, 'allow'],
    ['resources are not paths', 'admin', [], { path: '/healthz' }, 'no-opinion'],
    ['a path for all', 'nobody', [], { path: '/version' }, 'allow'],
    ['a path read-only', 'nobody', [], { path: '/version', verb: 'post' }, 'no-opinion'],
    ['a group', 'bob', ['dev'], { verb: 'list' }, 'allow'],
    ['a group, writing what is read-only', 'bob', ['dev'], { verb: 'create' }, 'no-opinion'],
    ['a group, another namespace', 'bob', ['dev'], { namespace: 'prod' }, 'no-opinion'],
    ['a group, another API group', 'bob', ['dev'], { apiGroup: 'metrics.k8s.io' }, 'no-opinion'],
    ['user and group together', 'jane', ['ops'], { resource: 'secrets', verb: 'delete' }, 'allow'],
    ['the user without the group', 'jane', [], { resource: 'secrets' }, 'no-opinion'],
    ['the old form: everything, read-only', 'old', [], { apiGroup: 'apps', resource: 'deployments' }, 'allow'],
    ['the old form: paths too', 'old', [], { path: '/metrics' }, 'allow'],
    ['the old form: no writing', 'old', [], { verb: 'create' }, 'no-opinion'],
  ])('%s', (_, user, groups, fields, decision) => {
    expect(ask(user, groups, fields)).toBe(decision)
  })

  test('says why it has no opinion', () => {
    expect(new AbacAuthorizer('').authorize({} as AuthorizationAttributes).reason).toBe('No policy matched.')
  })

  test.each(['{', '[]', '{"kind":"Policy","apiVersion":"v1","spec":{}}', '{"user":1}'])('%s is refused', (line) => {
    expect(() => new AbacAuthorizer(`# first\n${line}`)).toThrow(/^policy file line 2: /)
  })
})
