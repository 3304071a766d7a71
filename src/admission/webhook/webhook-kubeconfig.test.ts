import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { endpointOfKubeconfig, parseWebhookAdmissionConfiguration } from './webhook-kubeconfig.ts'

let folder: string

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'kubemu-kubeconfig-'))
})

afterAll(() => rmSync(folder, { recursive: true, force: true }))

function kubeconfig(content: object): string {
  const file = join(folder, 'config')
  writeFileSync(file, JSON.stringify(content))
  return file
}

const user = (name: string) => ({ name, user: { token: `token-of-${name}` } })

describe('parseWebhookAdmissionConfiguration', () => {
  const tokenFor = (target: string, names: readonly string[], rest: object = {}): string | undefined => {
    const kubeConfigFile = kubeconfig({ users: names.map(user), ...rest })
    return parseWebhookAdmissionConfiguration({ kubeConfigFile })(target)?.authorization
  }

  test.each([
    ['hook.ns.svc:443', ['*', '*.ns.svc', 'hook.ns.svc', 'hook.ns.svc:443'], 'hook.ns.svc:443'],
    ['hook.ns.svc:443', ['*', '*.ns.svc', 'hook.ns.svc'], 'hook.ns.svc'],
    ['hook.ns.svc:443', ['*', '*.svc', '*.ns.svc'], '*.ns.svc'],
    ['hook.ns.svc:443', ['*', '*.svc:443', 'hook.ns.svc'], '*.svc:443'],
    ['hook.ns.svc:8443', ['*', 'hook.ns.svc'], '*'],
    ['hook.ns.svc:443', ['other'], undefined],
  ])('%s of %j: %s', (target, names, expected) => {
    expect(tokenFor(target, names)).toBe(expected && `Bearer token-of-${expected}`)
  })

  test('the user of the current context is the last resort', () => {
    const contexts = [{ name: 'c', context: { user: 'me' } }]
    expect(tokenFor('a:443', ['me'], { 'current-context': 'c', contexts })).toBe('Bearer token-of-me')
  })

  test('without a file nobody is introduced', () => {
    expect(parseWebhookAdmissionConfiguration(undefined)('a:443')).toBeUndefined()
  })
})

describe('endpointOfKubeconfig', () => {
  test('files beside the kubeconfig, name and password', () => {
    writeFileSync(join(folder, 'ca.pem'), 'CA')
    const file = kubeconfig({
      clusters: [{ name: 'x', cluster: { server: 'https://a/b', 'certificate-authority': 'ca.pem' } }],
      users: [{ name: 'y', user: { username: 'u', password: 'p' } }],
    })
    expect(endpointOfKubeconfig(file)).toEqual({
      url: 'https://a/b',
      caBundle: Buffer.from('CA').toString('base64'),
      credentials: { authorization: `Basic ${Buffer.from('u:p').toString('base64')}` },
    })
  })

  test('a file that says too little', () => {
    expect(() => endpointOfKubeconfig(kubeconfig({}))).toThrow('no cluster ""')
    const clusters = [{ name: 'x', cluster: {} }]
    expect(() => endpointOfKubeconfig(kubeconfig({ clusters }))).toThrow('the cluster has no server')
  })
})
