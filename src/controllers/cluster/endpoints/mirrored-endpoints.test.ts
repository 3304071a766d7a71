import { expect, test } from 'vitest'
import { mirrorOf } from './mirrored-endpoints.ts'

test('addresses become endpoints of one slice for each type of address and set of ports', () => {
  const ports = [{ name: 'http', port: 80, protocol: 'TCP' }]
  const targetRef = { kind: 'Pod', name: 'a', namespace: 'default', uid: 'u' }
  const { slices, invalid, skipped } = mirrorOf([
    { addresses: [{ ip: '1.2.3.4', hostname: 'a', nodeName: 'n', targetRef }, { ip: 'fd00::1' }, { ip: 'no' }], ports },
    { notReadyAddresses: [{ ip: '1.2.3.5' }], ports },
    { addresses: [{ ip: '1.2.3.4' }] },
  ])
  expect({ invalid, skipped }).toEqual({ invalid: 1, skipped: 1 })
  expect(slices).toEqual([
    {
      addressType: 'IPv4',
      ports,
      endpoints: [
        { addresses: ['1.2.3.4'], conditions: { ready: true }, hostname: 'a', targetRef, nodeName: 'n' },
        { addresses: ['1.2.3.5'], conditions: { ready: false } },
      ],
    },
    { addressType: 'IPv6', ports, endpoints: [{ addresses: ['fd00::1'], conditions: { ready: true } }] },
    { addressType: 'IPv4', ports: [], endpoints: [{ addresses: ['1.2.3.4'], conditions: { ready: true } }] },
  ])
})

test('of one subset a thousand addresses are mirrored', () => {
  const addresses = Array.from({ length: 1001 }, (_, i) => ({ ip: `10.0.${i >> 8}.${i & 255}` }))
  const { slices, invalid, skipped } = mirrorOf([{ addresses, notReadyAddresses: [{ ip: '1.2.3.5' }] }])
  expect({ invalid, skipped, mirrored: slices[0]!.endpoints.length }).toEqual({
    invalid: 0,
    skipped: 2,
    mirrored: 1000,
  })
})
