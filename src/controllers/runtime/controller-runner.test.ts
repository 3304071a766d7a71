import { afterEach, beforeEach, expect, test } from 'vitest'
import { TestPlane } from '../../../test/suites/control-plane.ts'
import type { KubeObject } from '../../apimachinery/kube-object.ts'
import type { ManualClock } from '../../apimachinery/manual-clock.ts'
import type { Controller } from './controller.ts'
import { CONFIG_MAPS, SECRETS } from './resources.ts'

let plane: TestPlane
beforeEach(async () => {
  plane = await TestPlane.start()
})
afterEach(() => plane.close())

const configMap = (name: string) => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'default' } })

function controller(reconcile: Controller['reconcile'], more: Partial<Controller> = {}): Controller {
  return { name: 'test', for: CONFIG_MAPS, reconcile, ...more }
}

test('a key never sees a cache that lacks what its own earlier reconcile wrote', async () => {
  let created = 0
  await plane.run(
    controller(
      async (key, { cache, client }) => {
        if (!cache.get(CONFIG_MAPS, key)) return
        if (cache.list(SECRETS, key.namespace).length > 0) return
        created++
        const metadata = { generateName: 'child-', namespace: key.namespace }
        await client.create(SECRETS, { apiVersion: 'v1', kind: 'Secret', metadata })
        // Comes again at once, before any watch event could have been delivered.
        return { requeueAfterMs: 0 }
      },
      { reads: [SECRETS] },
    ),
  )
  await plane.client.create(CONFIG_MAPS, configMap('a'))
  await plane.client.patch(CONFIG_MAPS, { namespace: 'default', name: 'a' }, 'merge', { data: { x: '1' } })
  await plane.untilAll(SECRETS, 'default', (all) => all.length === 1)
  for (let i = 0; i < 50; i++) {
    ;(plane.clock as ManualClock).advance(1)
    await new Promise((resolve) => setImmediate(resolve))
  }
  expect(created).toBe(1)
})

test('a reconcile that throws is tried again with back-off, and others go on meanwhile', async () => {
  const attempts: string[] = []
  let failures = 3
  await plane.run(
    controller(async ({ name }, { client }) => {
      attempts.push(name)
      if (name === 'bad' && failures-- > 0) throw new Error('not yet')
      const metadata = { name: `done-${name}`, namespace: 'default' }
      if (!name.startsWith('done')) await client.create(SECRETS, { apiVersion: 'v1', kind: 'Secret', metadata })
    }),
  )
  await plane.client.create(CONFIG_MAPS, configMap('bad'))
  await plane.client.create(CONFIG_MAPS, configMap('good'))
  await plane.untilAll(SECRETS, 'default', (all) => all.length === 1)
  while (failures > 0 || attempts.filter((name) => name === 'bad').length < 4) {
    ;(plane.clock as ManualClock).advance(50)
    await new Promise((resolve) => setImmediate(resolve))
  }
  await plane.untilAll(SECRETS, 'default', (all) => all.some((s) => s.metadata.name === 'done-bad'))
})

test('one key is reconciled once at a time, several keys at once up to the concurrency', async () => {
  const running = new Set<string>()
  let most = 0
  let isTwice = false
  const seen = new Set<string>()
  await plane.run(
    controller(
      async ({ name }) => {
        isTwice ||= running.has(name)
        running.add(name)
        most = Math.max(most, running.size)
        await new Promise((resolve) => setImmediate(resolve))
        running.delete(name)
        seen.add(name)
      },
      { concurrency: 3 },
    ),
  )
  const names = Array.from({ length: 10 }, (_, i) => `c${i}`)
  await Promise.all(names.map((name) => plane.client.create(CONFIG_MAPS, configMap(name))))
  while (seen.size < 10) await new Promise((resolve) => setImmediate(resolve))
  expect({ most, isTwice }).toEqual({ most: 3, isTwice: false })
})

test('writes are made as the service account of the controller', async () => {
  const users: (string | undefined)[] = []
  await plane.close()
  plane = await TestPlane.start({
    admission: () => [
      {
        name: 'Spy',
        handles: (operation) => operation === 'CREATE',
        admit: ({ user, resource }) => void (resource.resource === 'secrets' && users.push(user?.name)),
      },
    ],
  })
  await plane.run(
    controller(
      async ({ name, namespace }, { client }) => {
        const secret: KubeObject = { apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace } }
        await client.create(SECRETS, secret as never)
      },
      { serviceAccount: 'test-controller' },
    ),
  )
  await plane.client.create(CONFIG_MAPS, configMap('a'))
  await plane.untilAll(SECRETS, 'default', (all) => all.length === 1)
  expect(users).toEqual(['system:serviceaccount:kube-system:test-controller'])
})

test('every object is reconciled again after the resync period, though nothing has changed', async () => {
  const seen: string[] = []
  await plane.client.create(CONFIG_MAPS, configMap('a'))
  await plane.run(controller(async ({ name }) => void seen.push(name), { resyncMs: 60_000 }))
  while (seen.length < 1) await new Promise((resolve) => setImmediate(resolve))
  const clock = plane.clock as ManualClock
  clock.advance(59_999)
  for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve))
  expect(seen).toEqual(['a'])
  clock.advance(1)
  while (seen.length < 2) await new Promise((resolve) => setImmediate(resolve))
  clock.advance(60_000)
  while (seen.length < 3) await new Promise((resolve) => setImmediate(resolve))
})

test('a reconcile can have one more resource watched, and comes again once it is', async () => {
  let runs = 0
  await plane.client.create(CONFIG_MAPS, configMap('a'))
  await plane.run(
    controller(async (key, { watch }) => {
      runs++
      watch({ resource: SECRETS, enqueue: () => [key] })
    }),
  )
  while (runs < 2) await new Promise((resolve) => setImmediate(resolve))
  const metadata = { name: 'late', namespace: 'default' }
  await plane.client.create(SECRETS, { apiVersion: 'v1', kind: 'Secret', metadata })
  while (runs < 3) await new Promise((resolve) => setImmediate(resolve))
})
