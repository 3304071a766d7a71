import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { CommandLine, kubectlBinary } from '../suites/kubectl.ts'
import { startTestServer, type TestServer } from '../suites/server.ts'

let server: TestServer
let kubectl: CommandLine

beforeAll(async () => {
  server = await startTestServer()
  kubectl = new CommandLine(kubectlBinary(), server.kubeconfig, server.folder)
})

afterAll(async () => {
  await server.stop()
})

describe('kubectl: what the server is', () => {
  test('version: names a v1.36 server', async () => {
    const version = JSON.parse(await kubectl.ok(['version', '--output=json']))
    expect(version.serverVersion).toMatchObject({ major: '1', minor: '36' })
    expect(version.clientVersion.gitVersion).toMatch(/^v1\.35/)
  })

  test('auth whoami: the user of the token', async () => {
    const review = JSON.parse(await kubectl.ok(['auth', 'whoami', '--output=json']))
    expect(review.status.userInfo).toMatchObject({
      username: 'admin',
      groups: ['system:masters', 'system:authenticated'],
    })
  })

  test('create, get, delete a config map', async () => {
    expect(await kubectl.ok(['create', 'configmap', 'first', '--from-literal=a=1'])).toBe('configmap/first created\n')
    expect(await kubectl.ok(['get', 'cm', 'first', '-o', 'jsonpath={.data.a}'])).toBe('1')
    expect(await kubectl.ok(['delete', 'cm', 'first'])).toBe('configmap "first" deleted from default namespace\n')
    expect(await kubectl.fails(['get', 'cm', 'first'])).toBe(
      'Error from server (NotFound): configmaps "first" not found\n',
    )
  })
})
