import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { ComponentHealthChecks } from './component-health.ts'
import { CertificateAuthority } from './pki/certificate-authority.ts'

const servers: Server[] = []

afterEach(() => {
  for (const server of servers.splice(0)) server.close()
})

/** A component whose certificate nobody can verify. */
async function component(status: number, text: string): Promise<number> {
  const authority = await CertificateAuthority.create('own')
  const { certificate, privateKey } = await authority.issueServing({
    commonName: 'component',
    dnsNames: ['component'],
    ipAddresses: [],
  })
  const server = createServer({ cert: certificate, key: privateKey }, ({ url }, response) => {
    response.writeHead(url === '/healthz' ? status : 404, { connection: 'close' })
    response.end(text)
  })
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return (server.address() as AddressInfo).port
}

/** A port that nobody listens at. */
async function freePort(): Promise<number> {
  const port = await component(200, '')
  await new Promise((resolve) => servers.pop()!.close(resolve))
  return port
}

const store = { currentRevision: async () => 1 }

describe('component statuses', () => {
  test('a component in another process is asked at its port', async () => {
    const ports = { 'controller-manager': await component(200, 'ok'), scheduler: await component(500, 'no') }
    expect(await new ComponentHealthChecks(store, ports).look()).toEqual([
      { name: 'controller-manager', healthy: true, message: 'ok', error: '' },
      { name: 'scheduler', healthy: false, message: 'HTTP probe failed with statuscode: 500', error: '' },
      { name: 'etcd-0', healthy: true, message: 'ok', error: '' },
    ])
  })

  test('nobody listens: what the connection said; what runs here is not asked', async () => {
    const port = await freePort()
    const checks = new ComponentHealthChecks(store, { 'controller-manager': port, scheduler: port })
    const stopped = checks.started('scheduler')
    const address = `127.0.0.1:${port}`
    const message = `Get "https://${address}/healthz": dial tcp ${address}: connect: connection refused`
    const [manager, scheduler] = await checks.look()
    expect(manager).toEqual({ name: 'controller-manager', healthy: false, message, error: '' })
    expect(scheduler).toEqual({ name: 'scheduler', healthy: true, message: 'ok', error: '' })
    stopped()
    expect((await checks.look())[1]?.healthy).toBe(false)
  })

  test('each server of the store has a status of its own', async () => {
    const port = await freePort()
    const failing = { ...store, checkServers: async () => [undefined, new Error('context deadline exceeded')] }
    const checks = new ComponentHealthChecks(failing, { 'controller-manager': port, scheduler: port })
    expect((await checks.look()).slice(2)).toEqual([
      { name: 'etcd-0', healthy: true, message: 'ok', error: '' },
      { name: 'etcd-1', healthy: false, message: '', error: 'context deadline exceeded' },
    ])
    const broken = new ComponentHealthChecks(
      { currentRevision: () => Promise.reject(new Error('closed')) },
      { 'controller-manager': port, scheduler: port },
    )
    expect((await broken.look())[2]).toEqual({ name: 'etcd-0', healthy: false, message: '', error: 'closed' })
  })
})
