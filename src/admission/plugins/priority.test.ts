import { expect, test } from 'vitest'
import { admit, object, pod, readerOf, refusal } from '../../../test/suites/admission-request.ts'
import { priority } from './priority.ts'

const GROUP = 'scheduling.k8s.io/v1'
const classOf = (name: string, rest: Record<string, unknown>) => object('PriorityClass', { name }, rest, GROUP)
const high = classOf('high', { value: 1000, preemptionPolicy: 'Never' })
const standard = classOf('standard', { value: 7, globalDefault: true, preemptionPolicy: 'PreemptLowerPriority' })
const lower = classOf('lower', { value: 3, globalDefault: true, preemptionPolicy: 'PreemptLowerPriority' })

const specOf = async (plugin: ReturnType<typeof priority>, spec: Record<string, unknown> = {}) =>
  (await admit(plugin, { object: pod(spec) })).object!['spec']

test('a pod gets the value and the policy of its class', async () => {
  const plugin = priority(readerOf(high))
  expect(await specOf(plugin, { priorityClassName: 'high' })).toMatchObject({
    priority: 1000,
    preemptionPolicy: 'Never',
  })
})

test('without a class a pod has priority 0, or that of the default class; the lowest of several', async () => {
  const none = await specOf(priority(readerOf(high)))
  expect(none).toMatchObject({ priority: 0, preemptionPolicy: 'PreemptLowerPriority' })
  expect(none).not.toHaveProperty('priorityClassName')
  expect(await specOf(priority(readerOf(standard, lower)))).toMatchObject({ priority: 3, priorityClassName: 'lower' })
})

test('refuses unknown classes and numbers that are not those of the class', async () => {
  const plugin = priority(readerOf(high))
  expect(await refusal(plugin, { object: pod({ priorityClassName: 'none' }) })).toBe(
    'pods "p" is forbidden: no PriorityClass with name none was found',
  )
  expect(await refusal(plugin, { object: pod({ priorityClassName: 'high', priority: 5 }) })).toBe(
    'pods "p" is forbidden: the integer value of priority (5) must not be provided in pod spec; priority admission controller computed 1000 from the given PriorityClass name',
  )
  expect(
    await refusal(plugin, { object: pod({ priorityClassName: 'high', preemptionPolicy: 'PreemptLowerPriority' }) }),
  ).toBe(
    'pods "p" is forbidden: the string value of PreemptionPolicy (PreemptLowerPriority) must not be provided in pod spec; priority admission controller computed Never from the given PriorityClass name',
  )
})

test('an update keeps what was resolved', async () => {
  const old = pod({ priority: 5, preemptionPolicy: 'Never' })
  const { object: updated } = await admit(priority(readerOf()), { object: pod(), old })
  expect(updated!['spec']).toMatchObject({ priority: 5, preemptionPolicy: 'Never' })
})

test('only one class is the default', async () => {
  const plugin = priority(readerOf(standard))
  const message =
    'priorityclasses.scheduling.k8s.io "lower" is forbidden: PriorityClass standard is already marked as default. Only one default can exist'
  expect(await refusal(plugin, { object: lower })).toBe(message)
  expect(await refusal(plugin, { object: standard, old: standard })).toBeUndefined()
  expect(await refusal(plugin, { object: high })).toBeUndefined()
})
