import { afterEach, beforeEach, expect, test } from 'vitest'
import { TestPlane } from '../../../test/suites/control-plane.ts'
import type { ManualClock } from '../../apimachinery/manual-clock.ts'
import { LeaderElector } from './leader-election.ts'
import { silentLogger } from './logger.ts'
import { LEASES } from './resources.ts'

const LEASE = { namespace: 'default', name: 'manager' }

let plane: TestPlane
let clock: ManualClock
beforeEach(async () => {
  plane = await TestPlane.start()
  clock = plane.clock as ManualClock
})
afterEach(() => plane.close())

function candidate(identity: string): LeaderElector {
  const elector = new LeaderElector({
    client: plane.client,
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
