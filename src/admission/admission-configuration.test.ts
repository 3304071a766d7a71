import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { readAdmissionConfiguration } from './admission-configuration.ts'
import { enabledPlugins, pluginSwitchProblems } from './enabled-plugins.ts'

const folder = mkdtempSync(join(tmpdir(), 'kubemu-admission-'))
afterAll(() => rmSync(folder, { recursive: true }))

function file(name: string, text: string): string {
  const path = join(folder, name)
  writeFileSync(path, text)
  return path
}

describe('the configuration file', () => {
  const HEAD = 'apiVersion: apiserver.config.k8s.io/v1\nkind: AdmissionConfiguration\n'

  test('holds the configuration of plugins, or the path to it, relative to its folder', () => {
    file('quota.yaml', 'limitedResources: []')
    const path = file(
      'admission.yaml',
      `${HEAD}plugins:\n- {name: PodSecurity, configuration: {kind: A}}\n- {name: ResourceQuota, path: quota.yaml}\n- {name: PodSecurity, configuration: {kind: B}}\n- {name: AlwaysAdmit}\n`,
    )
    expect([...readAdmissionConfiguration(path)]).toEqual([
      ['PodSecurity', { kind: 'A' }],
      ['ResourceQuota', { limitedResources: [] }],
    ])
  })

  test('of one plugin, in the form of old, still counts', () => {
    const path = file('old.yaml', 'podNodeSelectorPluginConfig: {clusterDefaultNodeSelector: a=b}')
    expect(readAdmissionConfiguration(path).get('PodNodeSelector')).toEqual({
      podNodeSelectorPluginConfig: { clusterDefaultNodeSelector: 'a=b' },
    })
  })

  test.each([
    ['kind: AdmissionConfiguration', "Object 'apiVersion' is missing"],
    ['a: b', "Object 'Kind' is missing"],
    ['kind: Pod\napiVersion: v1', 'no kind "Pod" is registered for version "v1"'],
    [`${HEAD}plugin: []`, 'strict decoding error: unknown field "plugin"'],
    [`${HEAD}plugins: [{nam: a}]`, 'strict decoding error: unknown field "plugins[0].nam"'],
    [`${HEAD}plugins: [{name: a, path: none.yaml}]`, 'unable to read admission plugin configuration from '],
  ])('%j is refused', (text, message) => {
    expect(() => readAdmissionConfiguration(file('bad.yaml', text))).toThrow(message)
  })

  test('that is missing is refused', () => {
    expect(() => readAdmissionConfiguration(join(folder, 'none'))).toThrow(
      'unable to read admission control configuration',
    )
  })
})

describe('which plugins run', () => {
  const names = (enable: readonly string[], disable: readonly string[], gates: Record<string, boolean> = {}) =>
    enabledPlugins({ enable, disable }, gates).map((p) => p.name)

  test('the default ones, in the order in which they run whatever the order of the flags', () => {
    expect(names([], []).slice(0, 8)).toEqual([
      'NamespaceLifecycle',
      'LimitRanger',
      'ServiceAccount',
      'TaintNodesByCondition',
      'PodSecurity',
      'Priority',
      'DefaultTolerationSeconds',
      'DefaultStorageClass',
    ])
    expect(names(['AlwaysDeny', 'AlwaysAdmit'], [])[0]).toBe('AlwaysAdmit')
    expect(names(['AlwaysDeny'], []).at(-1)).toBe('AlwaysDeny')
  })

  test('without those that are switched off, by a flag or a feature gate', () => {
    expect(names([], ['Priority'])).not.toContain('Priority')
    expect(names([], [])).toContain('PodTopologyLabels')
    expect(names([], [], { PodTopologyLabelsAdmission: false })).not.toContain('PodTopologyLabels')
    expect(names([], [])).not.toContain('ClusterTrustBundleAttest')
    expect(names([], [], { ClusterTrustBundle: true })).toContain('ClusterTrustBundleAttest')
  })

  test('unknown names and names on both sides are problems', () => {
    expect(pluginSwitchProblems({ enable: ['Foo', 'Priority'], disable: ['Bar', 'Priority'] })).toEqual([
      'enable-admission-plugins plugin "Foo" is unknown',
      'disable-admission-plugins plugin "Bar" is unknown',
      '[Priority] in enable-admission-plugins and disable-admission-plugins overlapped',
    ])
    expect(pluginSwitchProblems({ enable: ['NodeRestriction'], disable: [] })).toEqual([])
  })
})
