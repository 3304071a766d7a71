import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { CommandLine, helmBinary, kubectlBinary } from '../suites/kubectl.ts'
import { startTestServer, type TestServer } from '../suites/server.ts'

interface Entry {
  readonly manager: string
  readonly operation: string
  readonly fieldsV1: Readonly<Record<string, unknown>>
}

describe('server-side apply by its clients', () => {
  let server: TestServer
  let kubectl: CommandLine

  beforeAll(async () => {
    server = await startTestServer()
    kubectl = new CommandLine(kubectlBinary(), server.kubeconfig, server.folder)
  })

  afterAll(async () => await server.stop())

  const configMap = (name: string, data: Record<string, string>): string => {
    const file = join(server.folder, `${name}.json`)
    writeFileSync(file, JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data }))
    return `--filename=${file}`
  }

  const entriesOf = async (what: string): Promise<readonly Entry[]> => {
    const object = JSON.parse(await kubectl.ok(['get', what, '--output=json', '--show-managed-fields']))
    return object.metadata.managedFields
  }

  test('an object of client-side apply moves to server-side apply and keeps one owner', async () => {
    await kubectl.ok(['apply', configMap('moves', { a: '1', b: '2' })])
    expect(await entriesOf('configmap/moves')).toMatchObject([
      { manager: 'kubectl-client-side-apply', operation: 'Update' },
    ])
    await kubectl.ok(['apply', '--server-side', configMap('moves', { a: '1', b: '2' })])
    const moved = await entriesOf('configmap/moves')
    expect(moved.map((e) => [e.manager, e.operation])).toEqual([
      ['kubectl', 'Apply'],
      ['kubectl-last-applied', 'Apply'],
    ])
    // What is given up goes, as nobody else owns it.
    await kubectl.ok(['apply', '--server-side', configMap('moves', { a: '1' })])
    expect(await kubectl.ok(['get', 'configmap/moves', '--output=jsonpath={.data}'])).toBe('{"a":"1"}')
  })

  test('an apply that changes nothing writes nothing', async () => {
    const version = ['get', 'configmap/same', '--output=jsonpath={.metadata.resourceVersion}']
    await kubectl.ok(['apply', '--server-side', configMap('same', { a: '1' })])
    const before = await kubectl.ok(version)
    await kubectl.ok(['apply', '--server-side', configMap('same', { a: '1' })])
    expect(await kubectl.ok(version)).toBe(before)
  })

  test('edit-last-applied: the editor sees and changes what was applied', async () => {
    await kubectl.ok(['apply', configMap('edited', { a: '1' })])
    const env = { KUBE_EDITOR: `sed -i -e s/'a: "1"'/'a: "9"'/` }
    expect(await kubectl.ok(['apply', 'edit-last-applied', 'configmap/edited'], { env })).toContain('edited')
    expect(await kubectl.ok(['apply', 'view-last-applied', 'configmap/edited'])).toContain('a: "9"')
    expect(await kubectl.ok(['get', 'configmap/edited', '--output=jsonpath={.data.a}'])).toBe('1')
  })

  test('helm applies on the server side, and gives up what a new release leaves out', async () => {
    const helm = new CommandLine(helmBinary(), server.kubeconfig, server.folder)
    const chart = join(server.folder, 'shop')
    await helm.ok(['create', chart])
    await helm.ok(['install', 'shop', chart, '--set', 'podAnnotations.team=blue'])
    const owners = (await entriesOf('deployment/shop')).map((e) => `${e.manager} ${e.operation}`)
    expect(owners).toEqual(['helm Apply'])
    await helm.ok(['upgrade', 'shop', chart, '--set', 'replicaCount=3'])
    const spec = JSON.parse(await kubectl.ok(['get', 'deployment/shop', '--output=json'])).spec
    expect(spec.replicas).toBe(3)
    expect(spec.template.metadata.annotations).toBeUndefined()
  })
})
