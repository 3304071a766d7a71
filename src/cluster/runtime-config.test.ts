import { describe, expect, test } from 'vitest'
import { parseRuntimeConfig, servedResources } from './runtime-config.ts'

// Keys, order and messages: apiserver pkg/server/resourceconfig/helpers.go, pkg/server/options/api_enablement.go.
describe('--runtime-config', () => {
  const serves = (text: string, target: string, byDefault: boolean): boolean => {
    const [group, version, resource] = target.split('/') as [string, string, string]
    return servedResources(parseRuntimeConfig(text))(group, version, resource, byDefault)
  }

  test.each<[string, string, boolean, boolean]>([
    ['', 'apps/v1/deployments', true, true],
    ['', 'storage.k8s.io/v1beta1/volumeattributesclasses', false, false],
    ['storage.k8s.io/v1beta1', 'storage.k8s.io/v1beta1/volumeattributesclasses', false, true],
    ['api/all=true', 'resource.k8s.io/v1alpha3/devicetaintrules', false, true],
    ['api/all=false,v1=true', '/v1/pods', true, true],
    ['api/all=false,/v1=true', '/v1/pods', true, true],
    ['api/all=false,v1=true', 'apps/v1/deployments', true, false],
    ['api/beta=true', 'resource.k8s.io/v1beta1/deviceclasses', false, true],
    ['api/beta=true', 'resource.k8s.io/v1alpha3/devicetaintrules', false, false],
    ['api/alpha=true,api/all=false', 'resource.k8s.io/v1alpha3/devicetaintrules', false, true],
    ['batch/v1=false', 'batch/v1/jobs', true, false],
    ['api/ga=false,batch/v1/jobs=true', 'batch/v1/jobs', true, true],
    ['api/ga=false,batch/v1/jobs=true', 'batch/v1/cronjobs', true, false],
  ])('%s: %s, by default %s → %s', (text, target, byDefault, expected) => {
    expect(serves(text, target, byDefault)).toBe(expected)
  })

  test.each([
    ['api/all=false', 'invalid runtime-config with only api/all=false'],
    ['a/b/c/d=true', 'runtime-config invalid key a/b/c/d'],
    ['made.up/v1=true', 'unknown api groups made.up/v1'],
    ['apps/v9=true', 'group version apps/v9 that has not been registered'],
    ['apps/v1=maybe', 'invalid value of apps/v1: maybe'],
    [
      'apps/v1/Deployments=true',
      'invalid key apps/v1/Deployments: group/version/resource and resource is always lowercase plural, not "Deployments"',
    ],
  ])('%s is refused', (text, message) => {
    expect(() => parseRuntimeConfig(text)).toThrow(message)
  })
})
