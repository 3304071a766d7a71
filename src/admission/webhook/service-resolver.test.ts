import { describe, expect, test } from 'vitest'
import type { KubeObject } from '../../apimachinery/kube-object.ts'
import { serviceResolver } from './service-resolver.ts'

function resolverOf(spec: object | undefined, table: Record<string, string> = {}) {
  const service = { apiVersion: 'v1', kind: 'Service', metadata: { name: 's' }, spec } as KubeObject
  return serviceResolver({ get: () => (spec ? service : undefined) }, table)
}

describe('serviceResolver', () => {
  test('the table goes first, with the port before without', async () => {
    const resolver = resolverOf(undefined, { 'ns/s': 'localhost:1', 'ns/s:8443': '[::1]:2' })
    expect(await resolver.resolve('ns', 's', 443)).toEqual({ host: 'localhost', port: 1 })
    expect(await resolver.resolve('ns', 's', 8443)).toEqual({ host: '::1', port: 2 })
  })

  test('the cluster IP of a service, on a port that it has', async () => {
    const spec = { type: 'ClusterIP', clusterIP: '10.0.0.7', ports: [{ port: 443 }] }
    expect(await resolverOf(spec).resolve('ns', 's', 443)).toEqual({ host: '10.0.0.7', port: 443 })
    await expect(resolverOf(spec).resolve('ns', 's', 80)).rejects.toThrow('no service port 80 found for service "s"')
  })

  test('an external name, with whatever port', async () => {
    const spec = { type: 'ExternalName', externalName: 'example.com' }
    expect(await resolverOf(spec).resolve('ns', 's', 99)).toEqual({ host: 'example.com', port: 99 })
  })

  test.each([
    [{ type: 'ClusterIP', clusterIP: 'None' }, 'cannot route to service with ClusterIP "None"'],
    [{ type: 'Odd' }, 'unsupported service type "Odd"'],
    [undefined, 'services "s" not found'],
  ])('%j: %s', async (spec, message) => {
    await expect(resolverOf(spec).resolve('ns', 's', 443)).rejects.toThrow(message)
  })

  test.each(['localhost', 'localhost:0', 'localhost:99999', '::1:443'])(
    'a table entry that is no address: %s',
    (address) => {
      expect(() => resolverOf(undefined, { 'ns/s': address })).toThrow('is no address: want host:port')
    },
  )
})
