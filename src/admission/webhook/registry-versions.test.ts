import { describe, expect, test } from 'vitest'
import type { Registry } from '../../registry/generic/registry.ts'
import { RegistryVersions } from './registry-versions.ts'

const CLAIMS = { group: 'resource.k8s.io', version: 'v1', resource: 'resourceclaims' }

function versionsOf(serves: (group: string, version: string) => boolean): string[] {
  const versions = new RegistryVersions({} as Registry, serves)
  return versions.equivalents(CLAIMS, '').map(({ resource }) => `${resource.group}/${resource.version}`)
}

describe('equivalents', () => {
  test('versions that are not served are none', () => {
    expect(versionsOf((_, version) => version === 'v1')).toEqual(['resource.k8s.io/v1'])
  })
  test('versions that are switched on are', () => {
    expect(versionsOf(() => true).sort()).toEqual([
      'resource.k8s.io/v1',
      'resource.k8s.io/v1beta1',
      'resource.k8s.io/v1beta2',
    ])
  })
})
