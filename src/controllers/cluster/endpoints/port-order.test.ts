import { expect, test } from 'vitest'
import { inSliceOrder, inSubsetOrder } from './port-order.ts'

/** Ports of services, and the orders in which v1.36's controllers write them to Endpoints and EndpointSlices. */
const CASES = [
  {
    ports: [
      { name: 'http', port: 80, protocol: 'TCP' },
      { name: 'https', port: 443, protocol: 'TCP' },
      { name: 'metrics', port: 9090, protocol: 'TCP' },
    ],
    subset: ['http', 'https', 'metrics'],
    slice: ['https', 'http', 'metrics'],
  },
  {
    ports: [
      { name: 'dns', port: 53, protocol: 'UDP' },
      { name: 'dns-tcp', port: 53, protocol: 'TCP' },
      { name: 'metrics', port: 9153, protocol: 'TCP' },
    ],
    subset: ['metrics', 'dns-tcp', 'dns'],
    slice: ['dns', 'dns-tcp', 'metrics'],
  },
  {
    ports: [
      { name: 'client', port: 2379, protocol: 'TCP' },
      { name: 'peer', port: 2380, protocol: 'TCP' },
      { name: 'grpc', port: 9000, protocol: 'TCP', appProtocol: 'kubernetes.io/h2c' },
    ],
    subset: ['grpc', 'peer', 'client'],
    slice: ['peer', 'client', 'grpc'],
  },
]

test.each(CASES)("ports stand in upstream's order: $slice", ({ ports, subset, slice }) => {
  for (const given of [ports, [...ports].reverse()]) {
    expect(inSubsetOrder(given).map(({ name }) => name)).toEqual(subset)
    expect(inSliceOrder(given).map(({ name }) => name)).toEqual(slice)
  }
})
