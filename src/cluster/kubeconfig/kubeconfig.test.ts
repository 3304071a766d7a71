import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { type KubeconfigEntry, kubeconfigText, mergedKubeconfig, writeKubeconfig } from './kubeconfig.ts'

const entry: KubeconfigEntry = {
  clusterName: 'kubemu',
  userName: 'jane@kubemu',
  contextName: 'jane@kubemu',
  server: 'https://127.0.0.1:6443',
  certificateAuthority: 'CA',
  credentials: { certificate: 'CERT', privateKey: 'KEY' },
  namespace: 'dev',
}

interface Parsed {
  readonly 'current-context': string
  readonly clusters: { readonly name: string; readonly cluster: Readonly<Record<string, unknown>> }[]
  readonly users: { readonly name: string; readonly user: Readonly<Record<string, unknown>> }[]
  readonly contexts: { readonly name: string; readonly context: Readonly<Record<string, unknown>> }[]
}

const base64 = (text: string): string => Buffer.from(text).toString('base64')

describe('mergedKubeconfig', () => {
  test('makes a kubeconfig of one entry', () => {
    expect(parse(kubeconfigText(entry))).toEqual({
      apiVersion: 'v1',
      kind: 'Config',
      'current-context': 'jane@kubemu',
      preferences: {},
      clusters: [{ name: 'kubemu', cluster: { server: entry.server, 'certificate-authority-data': base64('CA') } }],
      users: [
        {
          name: 'jane@kubemu',
          user: { 'client-certificate-data': base64('CERT'), 'client-key-data': base64('KEY') },
        },
      ],
      contexts: [{ name: 'jane@kubemu', context: { cluster: 'kubemu', user: 'jane@kubemu', namespace: 'dev' } }],
    })
  })

  test('keeps what is there: other entries, unknown fields, comments', () => {
    const existing = `# mine
apiVersion: v1
kind: Config
clusters:
- name: prod # careful
  cluster: {server: https://prod, extensions: [{name: x, extension: {a: 1}}]}
users: []
contexts:
- name: prod
  context: {cluster: prod, user: me}
current-context: prod
preferences: {colors: true}
custom: kept
`
    const text = mergedKubeconfig(existing, entry)
    expect(text).toContain('# mine')
    expect(text).toContain('# careful')
    const merged = parse(text) as Parsed & { readonly custom: string }
    expect(merged.custom).toBe('kept')
    expect(merged.clusters.map((c) => c.name)).toEqual(['prod', 'kubemu'])
    expect(merged.clusters[0]?.cluster).toEqual({
      server: 'https://prod',
      extensions: [{ name: 'x', extension: { a: 1 } }],
    })
    expect(merged.contexts.map((c) => c.name)).toEqual(['prod', 'jane@kubemu'])
    expect(merged['current-context']).toBe('jane@kubemu')
  })

  test('replaces its own entry', () => {
    const once = mergedKubeconfig(undefined, entry)
    const twice = mergedKubeconfig(once, { ...entry, server: 'https://127.0.0.1:7443', credentials: { token: 't' } })
    const { clusters, users } = parse(twice) as Parsed
    expect(clusters).toHaveLength(1)
    expect(clusters[0]?.cluster['server']).toBe('https://127.0.0.1:7443')
    expect(users).toEqual([{ name: 'jane@kubemu', user: { token: 't' } }])
  })

  test.each(['', 'clusters: null\n', '{}'])('fills %j', (existing) => {
    expect((parse(mergedKubeconfig(existing, entry)) as Parsed).users).toHaveLength(1)
  })

  test.each(['[1, 2]', 'text', 'a: {'])('%j is refused', (existing) => {
    expect(() => mergedKubeconfig(existing, entry)).toThrow('not a kubeconfig')
  })
})

test('writeKubeconfig: the file is its owner’s', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'kubemu-kubeconfig-'))
  try {
    const path = join(folder, 'config')
    await writeFile(path, 'kind: Config\nclusters:\n- {name: other, cluster: {server: x}}\n', { mode: 0o644 })
    await writeKubeconfig(path, entry)
    expect((await stat(path)).mode & 0o777).toBe(0o600)
    expect((parse(await readFile(path, 'utf8')) as Parsed).clusters).toHaveLength(2)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})
