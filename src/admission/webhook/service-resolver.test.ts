import { describe, expect, test } from 'vitest'
import { object, readerOf } from '../../../test/suites/admission-request.ts'
import type { KubeObject } from '../../apimachinery/kube-object.ts'
import { serviceResolver } from './service-resolver.ts'

const metadata = { name: 's', namespace: 'ns' }

function resolverOf(spec: object | undefined, table: Record<string, string> = {}, ...others: readonly KubeObject[]) {
  return serviceResolver(readerOf(...(spec ? [object('Service', metadata, { spec })] : []), ...others), table)
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

  const SERVICE = { type: 'ClusterIP', clusterIP: '10.0.0.7', ports: [{ name: 'https', port: 443 }] }
  const slice = (name: string, rest: object) =>
    object(
      'EndpointSlice',
      { name: `s-${name}`, namespace: 'ns', labels: { 'kubernetes.io/service-name': 's' } },
      { addressType: 'IPv4', ports: [{ name: 'https', port: 9443 }], ...rest },
      'discovery.k8s.io/v1',
    )

  test('a ready endpoint goes before the cluster IP', async () => {
    const unready = slice('a', { endpoints: [{ addresses: ['192.0.2.1'], conditions: { ready: false } }] })
    const otherPort = slice('b', { ports: [{ name: 'web', port: 80 }], endpoints: [{ addresses: ['192.0.2.2'] }] })
    const byName = slice('c', { addressType: 'FQDN', endpoints: [{ addresses: ['example.com'] }] })
    const none = resolverOf(SERVICE, {}, unready, otherPort, byName)
    expect(await none.resolve('ns', 's', 443)).toEqual({ host: '10.0.0.7', port: 443 })
    const ready = slice('d', { endpoints: [{ addresses: ['192.0.2.3'] }] })
    const some = resolverOf(SERVICE, {}, unready, otherPort, byName, ready)
    expect(await some.resolve('ns', 's', 443)).toEqual({ host: '192.0.2.3', port: 9443 })
  })

  test('Endpoints that somebody wrote, where no slice mirrors them yet', async () => {
    const subsets = [{ addresses: [{ ip: '192.0.2.9' }], ports: [{ name: 'https', port: 8443 }] }]
    const resolver = resolverOf(SERVICE, {}, object('Endpoints', metadata, { subsets }))
    expect(await resolver.resolve('ns', 's', 443)).toEqual({ host: '192.0.2.9', port: 8443 })
  })

  test('an external name, with whatever port', async () => {
    const spec = { type: 'ExternalName', externalName: 'example.com' }
    expect(await resolverOf(spec).resolve('ns', 's', 99)).toEqual({ host: 'example.com', port: 99 })
  })

  test.each([
    [{ type: 'ClusterIP', clusterIP: 'None' }, 'cannot route to service with ClusterIP "None"'],
    [{ type: 'Odd' }, 'unsupported service type "Odd"'],
    [undefined, 'service "s" not found'],
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
