import { expect, test } from 'vitest'
import { admit, object, pod, readerOf, refusal } from '../../../test/suites/admission-request.ts'
import { runtimeClass } from './runtime-class.ts'

const toleration = { key: 'sandbox', operator: 'Exists', effect: 'NoSchedule' }
const gvisor = object(
  'RuntimeClass',
  { name: 'gvisor' },
  {
    handler: 'runsc',
    overhead: { podFixed: { memory: '120Mi' } },
    scheduling: { nodeSelector: { runtime: 'gvisor' }, tolerations: [toleration] },
  },
  'node.k8s.io/v1',
)
const plain = object('RuntimeClass', { name: 'plain' }, { handler: 'runc' }, 'node.k8s.io/v1')
const plugin = runtimeClass(readerOf(gvisor, plain))

test('a pod takes overhead, node selector and tolerations of its class', async () => {
  const given = pod({ runtimeClassName: 'gvisor', nodeSelector: { disk: 'ssd' }, tolerations: [toleration] })
  const { object: admitted, error } = await admit(plugin, { object: given })
  expect(error).toBeUndefined()
  expect(admitted!['spec']).toMatchObject({
    overhead: { memory: '120Mi' },
    nodeSelector: { disk: 'ssd', runtime: 'gvisor' },
    tolerations: [toleration],
  })
})

test('refuses unknown classes, foreign overhead and selectors against the class', async () => {
  const refused = (spec: Record<string, unknown>) => refusal(plugin, { object: pod(spec) })
  const mismatch = `pods "p" is forbidden: pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead`
  expect(await refused({ runtimeClassName: 'none' })).toBe(
    'pods "p" is forbidden: pod rejected: RuntimeClass "none" not found',
  )
  expect(await refused({ runtimeClassName: 'gvisor', overhead: { memory: '1Mi' } })).toBe(mismatch)
  expect(await refused({ overhead: { memory: '1Mi' } })).toBe(
    'pods "p" is forbidden: pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead',
  )
  expect(await refused({ runtimeClassName: 'gvisor', nodeSelector: { runtime: 'kata' } })).toBe(
    'pods "p" is forbidden: conflict: runtimeClass.scheduling.nodeSelector[runtime] = gvisor; pod.spec.nodeSelector[runtime] = kata',
  )
  expect(await refused({ runtimeClassName: 'plain' })).toBeUndefined()
  expect(await refused({})).toBeUndefined()
})
