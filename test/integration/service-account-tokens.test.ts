import { afterEach, beforeEach, expect, test } from 'vitest'
import { ManualClock } from '../../src/apimachinery/manual-clock.ts'
import { componentClient } from '../../src/cluster/component-client.ts'
import { keepConfigMaps } from '../../src/cluster/kept-config-maps.ts'
import { legacyTokenCleaner } from '../../src/controllers/cluster/service-accounts/legacy-token-cleaner.ts'
import { ControllerManager } from '../../src/controllers/controller-manager.ts'
import { silentLogger } from '../../src/controllers/runtime/logger.ts'
import { CONFIG_MAPS, PODS, SECRETS, SERVICE_ACCOUNTS } from '../../src/controllers/runtime/resources.ts'
import { TestPlane } from '../suites/control-plane.ts'

const DAY_MS = 86_400_000
const YEAR_MS = 365 * DAY_MS
const INVALID_SINCE = 'kubernetes.io/legacy-token-invalid-since'

let clock: ManualClock
let plane: TestPlane

beforeEach(async () => {
  clock = new ManualClock()
  plane = await TestPlane.start({ clock, bootstrap: true })
})

afterEach(async () => {
  await plane.close()
})

const key = (name: string) => ({ namespace: 'default', name })

async function createToken(name: string, account: string, labels: Record<string, string> = {}): Promise<void> {
  await plane.client.create(SECRETS, {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: {
      ...key(name),
      labels,
      annotations: { 'kubernetes.io/service-account.name': account },
    },
    type: 'kubernetes.io/service-account-token',
  })
}

const keep = () =>
  keepConfigMaps({
    registry: plane.plane.registry,
    trust: () => ({ userCas: [], frontProxy: undefined }),
    clock,
    logger: silentLogger as never,
  })

test('tokens of old that nobody has used for a year are marked, and deleted after another', async () => {
  const kept = await keep()
  kept.cancel()
  await plane.client.create(SERVICE_ACCOUNTS, {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: key('old'),
    secrets: ['unused', 'used', 'mounted', 'bad-date'].map((name) => ({ name })),
  })
  await createToken('unused', 'old')
  await createToken('used', 'old', { 'kubernetes.io/legacy-token-last-used': '2026-11-30' })
  await createToken('bad-date', 'old', { 'kubernetes.io/legacy-token-last-used': 'yesterday' })
  await createToken('mounted', 'old')
  await createToken('manual', 'old')
  await plane.client.create(PODS, {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: key('p'),
    spec: { containers: [{ name: 'c', image: 'i' }], volumes: [{ name: 'v', secret: { secretName: 'mounted' } }] },
  })
  // A clock of its own: what else the server does again and again would be done for years.
  const later = new ManualClock()
  const manager = await ControllerManager.start({
    client: componentClient(plane.plane, { user: 'system:kube-controller-manager', program: 'test' }),
    clock: later,
    logger: silentLogger,
    controllers: [legacyTokenCleaner],
  })
  /** Lets time pass and waits for what is done once a day. */
  const pass = async (...steps: readonly number[]): Promise<void> => {
    for (const step of steps) {
      later.advance(step)
      await expect.poll(() => manager.isIdle).toBe(true)
    }
  }
  await pass(YEAR_MS - DAY_MS, DAY_MS)
  const labelOf = async (name: string) => (await plane.client.get(SECRETS, key(name))).metadata.labels?.[INVALID_SINCE]
  // The first day of notes does not count.
  expect(await labelOf('unused')).toBeUndefined()
  await pass(DAY_MS)
  await plane.until(SECRETS, key('unused'), (o) => o?.metadata.labels?.[INVALID_SINCE] === '2027-01-02')
  for (const name of ['used', 'bad-date', 'mounted', 'manual']) expect(await labelOf(name), name).toBeUndefined()
  await pass(YEAR_MS - DAY_MS, DAY_MS)
  expect(await labelOf('unused')).toBe('2027-01-02')
  await pass(DAY_MS)
  await plane.until(SECRETS, key('unused'), (o) => o === undefined)
  await manager.stop()
  expect(await labelOf('bad-date')).toBeUndefined()
  expect(await labelOf('manual')).toBeUndefined()
})

test('the ConfigMaps that the server keeps come back, and keep what is good in them', async () => {
  const tracking = { namespace: 'kube-system', name: 'kube-apiserver-legacy-service-account-token-tracking' }
  const kept = await keep()
  clock.advance(3 * DAY_MS)
  expect((await plane.client.get(CONFIG_MAPS, tracking)).data).toEqual({ since: '2026-01-01' })
  await plane.client.patch(CONFIG_MAPS, tracking, 'merge', { data: { since: 'soon' } })
  clock.advance(60_000)
  await plane.until(CONFIG_MAPS, tracking, (o) => o?.data?.['since'] === '2026-01-04')
  await plane.client.delete(CONFIG_MAPS, tracking)
  clock.advance(60_000)
  await plane.until(CONFIG_MAPS, tracking, (o) => o?.data?.['since'] === '2026-01-04')
  kept.cancel()
})
