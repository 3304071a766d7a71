import { afterEach, beforeEach, expect, test } from 'vitest'
import { TestPlane } from '../../../test/suites/control-plane.ts'
import type { ManualClock } from '../../apimachinery/manual-clock.ts'
import type { Client } from './client.ts'
import { checkElectionTimes, LeaderElector } from './leader-election.ts'
import { silentLogger } from './logger.ts'
import { LEASES } from './resources.ts'
import { wrapClient } from './wrapped-client.ts'

const LEASE = { namespace: 'default', name: 'manager' }

let plane: TestPlane
let clock: ManualClock
beforeEach(async () => {
  plane = await TestPlane.start()
  clock = plane.clock as ManualClock
})
afterEach(() => plane.close())

function candidate(identity: string, client: Client = plane.client): LeaderElector {
  const elector = new LeaderElector({
    client,
    clock,
    logger: silentLogger,
    lease: LEASE,
    identity,
    started: () => {},
    stopped: () => {},
  })
  elector.start()
  return elector
}

const holder = (identity: string) => plane.until(LEASES, LEASE, (l) => l?.spec?.holderIdentity === identity)

/** Moves the clock on, each second with time for what is under way. */
async function pass(seconds: number): Promise<void> {
  for (let i = 0; i < seconds; i++) {
    clock.advance(1000)
    for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve))
  }
}

test('the first leads and renews, the second waits', async () => {
  const first = candidate('first')
  await holder('first')
  const second = candidate('second')
  await pass(60)
  expect([first.isLeader, second.isLeader]).toEqual([true, false])
  const lease = await plane.client.get(LEASES, LEASE)
  expect(lease.spec).toMatchObject({
    holderIdentity: 'first',
    leaseDurationSeconds: 15,
    acquireTime: '2026-01-01T00:00:00.000000Z',
  })
  expect(lease.spec!.renewTime! >= '2026-01-01T00:00:56').toBe(true)
  await Promise.all([first.stop(), second.stop()])
})

test('a leader that stops hands over at once', async () => {
  const first = candidate('first')
  await holder('first')
  const second = candidate('second')
  await pass(5)
  await first.stop()
  await pass(5)
  expect([first.isLeader, second.isLeader]).toEqual([false, true])
  const lease = await plane.client.get(LEASES, LEASE)
  expect(lease.spec).toMatchObject({ holderIdentity: 'second', leaseTransitions: 1 })
  await second.stop()
})

test('a leader that is silent is followed once its lease has run out, and not before', async () => {
  const lease = { holderIdentity: 'dead', leaseDurationSeconds: 15, leaseTransitions: 3 }
  await plane.client.create(LEASES, {
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: LEASE,
    spec: { ...lease, acquireTime: '2025-12-31T23:00:00.000000Z', renewTime: '2025-12-31T23:00:00.000000Z' },
  })
  const next = candidate('next')
  await pass(14)
  expect(next.isLeader).toBe(false)
  await pass(7)
  expect(next.isLeader).toBe(true)
  expect((await plane.client.get(LEASES, LEASE)).spec).toMatchObject({ holderIdentity: 'next', leaseTransitions: 4 })
  await next.stop()
})

/** A client whose requests can be held up, and what they were. */
function heldClient() {
  const requests: string[] = []
  const held: (() => void)[] = []
  const line = { isOpen: true, requests, release: () => held.splice(0).forEach((go) => void go()) }
  const client = wrapClient(plane.client, {
    request: async ({ verb }, send) => {
      requests.push(verb)
      if (!line.isOpen) await new Promise<void>((resolve) => held.push(resolve))
      return await send()
    },
  })
  return { line, client }
}

test('a leader renews by one update', async () => {
  const { line, client } = heldClient()
  const first = candidate('first', client)
  await holder('first')
  line.requests.length = 0
  await pass(6)
  expect(line.requests).toEqual(['update', 'update', 'update'])
  await first.stop()
})

test('a leader whose requests hang gives up at its deadline, before others may take its place', async () => {
  const { line, client } = heldClient()
  const first = candidate('first', client)
  await holder('first')
  await pass(1)
  const second = candidate('second')
  line.isOpen = false
  await pass(10)
  expect([first.isLeader, second.isLeader]).toEqual([true, false])
  await pass(1)
  expect([first.isLeader, second.isLeader]).toEqual([false, false])
  await pass(8)
  expect([first.isLeader, second.isLeader]).toEqual([false, true])
  // What hung comes too late: it changes nothing.
  line.isOpen = true
  line.release()
  await pass(10)
  expect([first.isLeader, second.isLeader]).toEqual([false, true])
  expect((await plane.client.get(LEASES, LEASE)).spec).toMatchObject({ holderIdentity: 'second', leaseTransitions: 1 })
  await Promise.all([first.stop(), second.stop()])
})

test('a lease that was changed under its leader is renewed all the same', async () => {
  const first = candidate('first')
  await holder('first')
  await plane.client.patch(LEASES, LEASE, 'merge', { metadata: { labels: { touched: 'yes' } } })
  await pass(3)
  expect(first.isLeader).toBe(true)
  expect((await plane.client.get(LEASES, LEASE)).metadata.labels).toEqual({ touched: 'yes' })
  await first.stop()
})

test('one that is stopped while its requests hang does not wait for them', async () => {
  const { line, client } = heldClient()
  const first = candidate('first', client)
  await holder('first')
  line.isOpen = false
  await pass(2)
  const stopped = first.stop()
  await pass(25)
  await stopped
  expect(first.isLeader).toBe(false)
  line.release()
})

test('times that do not go together are refused', () => {
  expect(() => checkElectionTimes(10_000, 10_000, 2_000)).toThrow('leaseDuration must be greater than renewDeadline')
  expect(() => checkElectionTimes(15_000, 2_400, 2_000)).toThrow(
    'renewDeadline must be greater than retryPeriod*JitterFactor',
  )
  expect(() => checkElectionTimes(15_000, 10_000, 2_000)).not.toThrow()
})
