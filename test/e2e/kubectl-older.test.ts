import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { CommandLine, kubectlsOnPath } from '../suites/kubectl.ts'
import { startTestServer, type TestServer } from '../suites/server.ts'

const found = kubectlsOnPath()
if (found.length === 0)
  console.warn('SKIPPED: no other kubectl than the one of the development dependencies on the PATH')

let server: TestServer

beforeAll(async () => {
  server = await startTestServer()
})

afterAll(async () => {
  await server.stop()
})

const object = (image: string): string =>
  JSON.stringify({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web' },
    spec: {
      selector: { matchLabels: { app: 'web' } },
      template: { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'c', image }] } },
    },
  })

describe.each(found)('kubectl $version', ({ path, version }) => {
  const namespace = version.replaceAll(/[^a-z0-9]+/g, '-')
  let kubectl: CommandLine

  beforeAll(async () => {
    kubectl = new CommandLine(path, server.adminKubeconfig, server.folder)
    await kubectl.ok(['create', 'namespace', namespace])
  })

  const run = (args: readonly string[], stdin = ''): Promise<string> =>
    kubectl.ok([...args, `--namespace=${namespace}`], { stdin })

  test('discovery, api-versions, explain', async () => {
    expect(await run(['api-resources', '--output=name'])).toContain('deployments.apps\n')
    expect(await run(['api-versions'])).toContain('apps/v1\n')
    expect(await run(['explain', 'deployment.spec.replicas'])).toContain('replicas <integer>')
  })

  test('apply twice, change, diff, scale, label, delete', async () => {
    const apply = ['apply', '--filename=-']
    expect(await run(apply, object('nginx:1'))).toBe('deployment.apps/web created\n')
    expect(await run(apply, object('nginx:1'))).toBe('deployment.apps/web unchanged\n')
    expect(await run(apply, object('nginx:2'))).toBe('deployment.apps/web configured\n')
    await run(['diff', '--filename=-'], object('nginx:2'))
    expect(await run(['scale', 'deployment/web', '--replicas=2'])).toBe('deployment.apps/web scaled\n')
    expect(await run(['label', 'deployment/web', 'a=b'])).toBe('deployment.apps/web labeled\n')
    expect(await run(['get', 'deployment', '--no-headers'])).toMatch(/^web +0\/2 +0 +0 +/)
    expect(await run(['delete', 'deployment', 'web'])).toMatch(/^deployment.apps "web" deleted/)
  })

  test('create and validation', async () => {
    expect(await run(['create', 'configmap', 'c', '--from-literal=a=1'])).toBe('configmap/c created\n')
    expect(await run(['get', 'configmap', 'c', '--output=jsonpath={.data.a}'])).toBe('1')
    const wrong = await kubectl.fails(['apply', '--filename=-', `--namespace=${namespace}`], {
      stdin: '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"d"},"dat":{}}',
    })
    expect(wrong).toContain('unknown field "dat"')
  })
})
