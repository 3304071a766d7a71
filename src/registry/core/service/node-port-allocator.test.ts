import { expect, test } from 'vitest'
import { openMemoryStore } from '../../../storage/memory-store.ts'
import { NodePortAllocator, type PortRecord } from './node-port-allocator.ts'
import { PortBitmap } from './port-bitmap.ts'
import { inMemoryPortRecord, storedPortRecord } from './stored-port-record.ts'

const RANGE = { first: 30_000, last: 32_767 }
const allocatorOn = (record: PortRecord, range = RANGE): NodePortAllocator =>
  new NodePortAllocator(range, record, () => 0)

test('a bitmap keeps its members through its bytes, in the order of big.Int', () => {
  const bitmap = new PortBitmap(20)
  bitmap.add(0)
  bitmap.add(9)
  expect([...bitmap.toBytes()]).toEqual([0x02, 0x01])
  expect([...new PortBitmap(20, bitmap.toBytes()).offsets()]).toEqual([0, 9])
  bitmap.delete(9)
  expect([...bitmap.toBytes()]).toEqual([0x01])
  expect([...new PortBitmap(4, Uint8Array.of(0xff)).offsets()]).toEqual([0, 1, 2, 3])
})

test('a port is taken once and can be taken again when it was given back', async () => {
  const ports = allocatorOn(inMemoryPortRecord())
  await ports.allocate(30_080)
  await expect(ports.allocate(30_080)).rejects.toThrow('provided port is already allocated')
  await ports.release([30_080, 30_081, 1])
  await ports.allocate(30_080)
  expect(await ports.taken()).toEqual([30_080])
})

test('a port beyond the range is refused in upstream words', async () => {
  await expect(allocatorOn(inMemoryPortRecord()).allocate(80)).rejects.toThrow(
    'provided port is not in the valid range. The range of valid ports is 30000-32767',
  )
})

test('free ports come from above the kept part first, then from it, then there are none', async () => {
  const range = { first: 30_000, last: 30_019 }
  const ports = allocatorOn(inMemoryPortRecord(), range)
  const given: number[] = []
  for (let i = 0; i < 20; i++) given.push(await ports.allocateNext())
  expect(given.slice(0, 5)).toEqual([30_016, 30_017, 30_018, 30_019, 30_000])
  expect(new Set(given).size).toBe(20)
  await expect(ports.allocateNext()).rejects.toThrow('range is full')
})

test('two allocators on one record never give a port twice', async () => {
  const record = inMemoryPortRecord()
  const allocators = [allocatorOn(record), allocatorOn(record)]
  const given = await Promise.all(Array.from({ length: 40 }, (_, i) => allocators[i % 2]!.allocateNext()))
  expect(new Set(given).size).toBe(40)
})

test('an allocator sees what another gave back', async () => {
  const record = inMemoryPortRecord()
  const [one, two] = [allocatorOn(record), allocatorOn(record)]
  await one.allocate(30_001)
  await two.allocate(30_002)
  await one.release([30_001])
  await two.allocate(30_001)
  await expect(one.allocate(30_001)).rejects.toThrow('already allocated')
})

test('the stored record is a RangeAllocation; one of another range counts as empty', async () => {
  const store = openMemoryStore()
  const record = storedPortRecord(store, '/registry/ranges/servicenodeports', RANGE)
  await allocatorOn(record).allocate(30_001)
  const { kv } = await store.get('/registry/ranges/servicenodeports')
  expect(JSON.parse(kv!.value.toString())).toEqual({
    kind: 'RangeAllocation',
    apiVersion: 'v1',
    metadata: { creationTimestamp: null },
    range: '30000-32767',
    data: 'Ag==',
  })
  expect(await allocatorOn(record).taken()).toEqual([30_001])
  const moved = { first: 31_000, last: 31_999 }
  expect(await allocatorOn(storedPortRecord(store, '/registry/ranges/servicenodeports', moved), moved).taken()).toEqual(
    [],
  )
  await store.close()
})
