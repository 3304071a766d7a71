import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { definitionOf } from '../src/apimachinery/schema/builtin-types.ts'
import {
  admissionFacts,
  fieldSelectorFacts,
  flowControlBootstrap,
  groupFacts,
  isServedByDefault,
  messageFacts,
  rbacBootstrap,
  resourceFacts,
  schemaFacts,
  updateRuleOf,
} from './data.ts'

describe('resources', () => {
  test('v1.36 serves 68 in 21 groups by default', () => {
    expect(resourceFacts().filter(isServedByDefault)).toHaveLength(68)
    expect(groupFacts().filter((g) => g.versions.length > 0)).toHaveLength(21)
  })

  test('the storage version hash is that of the stored group, version and kind', () => {
    // apiserver pkg/endpoints/discovery/storageversionhash.go
    for (const { storageVersion, storageVersionHash, kind } of resourceFacts()) {
      if (!storageVersion || !storageVersionHash) continue
      const [version, group = ''] = storageVersion.split('/').reverse()
      const digest = createHash('sha256').update(`${group}/${version}/${kind}`).digest()
      expect(storageVersionHash).toBe(digest.subarray(0, 8).toString('base64'))
    }
  })

  test('every kind that is stored has a definition, a list and a message, and a rule for PUT', () => {
    for (const { group, version, kind, resource, storagePrefix } of resourceFacts()) {
      if (storagePrefix === undefined) continue
      for (const name of [kind, `${kind}List`]) {
        const definition = definitionOf({ group, version, kind: name })
        expect(definition, `${group}/${version} ${name}`).toBeDefined()
        expect(messageFacts()).toHaveProperty([definition!])
      }
      expect(updateRuleOf(group, resource), `${resource}.${group}`).toBeDefined()
    }
  })

  test('storage prefixes are upstream’s', () => {
    const prefix = (resource: string): string | undefined =>
      resourceFacts().find((r) => r.resource === resource && r.group === '')?.storagePrefix
    expect(prefix('services')).toBe('/services/specs')
    expect(prefix('endpoints')).toBe('/services/endpoints')
    expect(prefix('nodes')).toBe('/minions')
    expect(prefix('bindings')).toBeUndefined()
  })

  test('every group version that is served belongs to a group', () => {
    for (const { group, version } of resourceFacts()) {
      const { versions, optionalVersions } = groupFacts().find((g) => g.name === group)!
      expect([...versions, ...optionalVersions]).toContain(version)
    }
  })
})

describe('schema', () => {
  test('every reference leads to a definition', () => {
    const names = new Set([...JSON.stringify(schemaFacts()).matchAll(/"\$ref":"([^"]+)"/g)].map((m) => m[1]!))
    for (const name of names) expect(schemaFacts()).toHaveProperty([name])
  })

  test('fields know pointers and what is always written', () => {
    const container = schemaFacts()['io.k8s.api.core.v1.Container']!.properties!
    expect(container.name).toMatchObject({ omit: 'never', zero: '' })
    expect(container.securityContext).toMatchObject({ omit: 'unset' })
    expect(container.image).not.toHaveProperty('omit')
    expect(Object.keys(container).slice(0, 3)).toEqual(['name', 'image', 'command'])
  })
})

test('the rest is there', () => {
  expect(rbacBootstrap().clusterRoles).toHaveLength(69)
  expect(flowControlBootstrap().suggestedFlowSchemas).toHaveLength(9)
  expect(admissionFacts().plugins.filter((p) => p.default)).toHaveLength(27)
  expect(fieldSelectorFacts().find((f) => f.resource === 'pods')?.aliases).toEqual({ 'spec.host': 'spec.nodeName' })
})
