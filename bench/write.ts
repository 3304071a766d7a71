import { defaultedHub } from '../src/api/handlers/body.ts'
import { create } from '../src/api/handlers/create.ts'
import { type Endpoint, endpointOf } from '../src/api/handlers/endpoint.ts'
import { patch } from '../src/api/handlers/patch.ts'
import { admissionAttributes } from '../src/api/handlers/services.ts'
import { update } from '../src/api/handlers/update.ts'
import { TraceRecorder } from '../src/api/trace/trace-recorder.ts'
import { systemClock } from '../src/apimachinery/clock.ts'
import type { KubeObject } from '../src/apimachinery/kube-object.ts'
import { applyMergePatch } from '../src/apimachinery/patch/merge-patch.ts'
import { decode, decodeOver } from '../src/apimachinery/schema/decode.ts'
import { parseJsonExact } from '../src/apimachinery/schema/json-text.ts'
import { normalize } from '../src/apimachinery/schema/normalize.ts'
import type { ControlPlane } from '../src/cluster/control-plane.ts'
import { inProcessCall } from '../src/cluster/in-process-call.ts'
import { beforeCreate, beforeUpdate } from '../src/registry/generic/before-write.ts'
import { ensureNamespace, fillSystemFields, wipeSystemFields } from '../src/registry/generic/object-metadata.ts'
import { defaultAdmission, memoryPlane } from '../test/suites/memory-plane.ts'
import { configMap, mergePatch, pod } from './api-objects.ts'
import { type Report, round, type Table } from './report.ts'

const USER = { name: 'bench', uid: '', groups: ['system:masters', 'system:authenticated'], extra: {} }
const NAMESPACE = 'bench'
const MERGE_PATCH = 'application/merge-patch+json'

async function plane(): Promise<ControlPlane> {
  const server = await memoryPlane({ admission: defaultAdmission })
  const writer = new Writer(server, 'namespaces')
  await writer.create('', JSON.stringify({ metadata: { name: NAMESPACE } }))
  await new Writer(server, 'serviceaccounts').create(NAMESPACE, JSON.stringify({ metadata: { name: 'default' } }))
  return server
}

/** Writes of one resource through its handlers, without a connection. */
class Writer {
  readonly endpoint: Endpoint
  readonly server: ControlPlane
  readonly #recorder: TraceRecorder

  constructor(server: ControlPlane, resource: string, recorder = new TraceRecorder({ clock: systemClock })) {
    this.server = server
    this.endpoint = endpointOf(server.catalog.find('', 'v1', resource)!, '')!
    this.#recorder = recorder
  }

  call(verb: string, namespace: string, name: string, body: string, contentType = 'application/json') {
    return inProcessCall(
      {
        user: USER,
        userAgent: 'bench/1.0',
        verb,
        group: '',
        version: 'v1',
        resource: this.endpoint.resource.gvr.resource,
        subresource: '',
        namespace,
        name,
        contentType,
        body: Buffer.from(body),
        cause: undefined,
      },
      this.#recorder,
    )
  }

  async create(namespace: string, body: string): Promise<void> {
    const call = this.call('create', namespace, '', body)
    const stored = await create(call, this.endpoint.resource, this.server.services)
    void stored.bytes
    call.trace?.end(201)
  }

  async update(name: string, body: string): Promise<void> {
    const call = this.call('update', NAMESPACE, name, body)
    const { stored } = await update(call, this.endpoint, this.server.services)
    void stored.bytes
    call.trace?.end(200)
  }

  async patch(name: string, body: string): Promise<void> {
    const call = this.call('patch', NAMESPACE, name, body, MERGE_PATCH)
    const { stored } = await patch(call, this.endpoint, this.server.services)
    void stored.bytes
    call.trace?.end(200)
  }
}

/** A part of a write: takes what the one before has made. */
type Step = readonly [name: string, work: (input: never, i: number) => unknown]

/** Microseconds of the processor's time of each step, on so many objects at a time: the least of all rounds. */
async function stepTimes(steps: readonly Step[], rounds: number): Promise<Table['rows']> {
  const least = steps.map(() => Number.POSITIVE_INFINITY)
  let n = 0
  for (let round = 0; round < rounds; round++) {
    let values: unknown[] = Array.from({ length: BATCH }, () => n++)
    for (const [s, [, work]] of steps.entries()) {
      const results = new Array<unknown>(BATCH)
      const before = process.cpuUsage()
      for (let i = 0; i < BATCH; i++) {
        const result = work(values[i] as never, i)
        results[i] = result instanceof Promise ? await result : result
      }
      const { user, system } = process.cpuUsage(before)
      least[s] = Math.min(least[s]!, (user + system) / BATCH)
      values = results
    }
    // Collections are for all steps together, not for the one in which they happen to come.
    await new Promise((resolve) => setImmediate(resolve))
  }
  const sum = least.reduce((a, b) => a + b, 0)
  return [...steps.map(([name], s) => [name, round(least[s]!)] as const), ['in all', round(sum)]]
}

/** The steps of a create; `text` is the body of the n-th object. */
function createSteps(writer: Writer, text: (n: number) => string): readonly Step[] {
  const { endpoint, server } = writer
  const { resource } = endpoint
  const { entry, identity, store, codec, node } = resource.backing!
  const call = writer.call('create', NAMESPACE, '', '{}')
  const context = call.context()
  const strategyContext = store.strategyContext(context)
  call.trace = undefined
  const attributes = (object: KubeObject) =>
    admissionAttributes(call, resource, {
      operation: 'CREATE',
      subresource: '',
      namespace: NAMESPACE,
      name: object.metadata.name!,
      object,
      dryRun: false,
    })
  const changing = async (object: KubeObject, run: Promise<void>): Promise<KubeObject> => {
    await run
    return object
  }
  const backend = server.store
  return [
    ['(body)', (n: number) => Buffer.from(text(n))],
    ['parse JSON', (body: Buffer) => parseJsonExact(body)],
    [
      'decode',
      (value: KubeObject) => {
        const { object } = decode(value, resource.node)
        object['kind'] = resource.gvk.kind
        object['apiVersion'] = 'v1'
        return object
      },
    ],
    ['defaults', (object: KubeObject) => defaultedHub(resource, object)],
    [
      'metadata',
      (object: KubeObject) => {
        wipeSystemFields(object)
        ensureNamespace(object, NAMESPACE)
        fillSystemFields(object, strategyContext)
        return object
      },
    ],
    ['field manager', (object: KubeObject) => resource.fieldManager('').update(undefined, object, 'bench')],
    [
      'mutating admission',
      (object: KubeObject) => changing(object, server.services.admission.admit(attributes(object))),
    ],
    [
      'prepare and validate',
      (object: KubeObject) => {
        beforeCreate(entry, identity, object, strategyContext, context)
        return object
      },
    ],
    [
      'validating admission',
      (object: KubeObject) => changing(object, server.services.admission.validate(attributes(object))),
    ],
    [
      'normalize',
      (object: KubeObject) => {
        normalize(object, node)
        return object
      },
    ],
    ['encode', (object: KubeObject) => [object, codec.encode(object)] as const],
    [
      'store, watch cache',
      async ([object, bytes]: readonly [KubeObject, Buffer]) => {
        const kv = await backend.create(`${identity.keyPrefix}${NAMESPACE}/${object.metadata.name}`, bytes, {
          decoded: object,
        })
        return [object, kv] as const
      },
    ],
    [
      'answer',
      ([object, kv]: readonly [KubeObject, { value: Buffer; modRevision: number }]) => [
        codec.adopt(object, kv.modRevision),
        codec.withRevision(kv.value, kv.modRevision),
      ],
    ],
  ] as readonly Step[]
}

/** The steps of a merge patch of objects that are there, `bench-0` and so on. */
function patchSteps(writer: Writer, live: (i: number) => KubeObject): readonly Step[] {
  const { endpoint, server } = writer
  const { resource } = endpoint
  const { entry, identity, store, codec, node } = resource.backing!
  const call = writer.call('patch', NAMESPACE, 'x', '{}', MERGE_PATCH)
  const context = call.context()
  const strategyContext = store.strategyContext(context)
  call.trace = undefined
  const attributes = (object: KubeObject, oldObject: KubeObject) =>
    admissionAttributes(call, resource, {
      operation: 'UPDATE',
      subresource: '',
      namespace: NAMESPACE,
      name: object.metadata.name!,
      object,
      oldObject,
      dryRun: false,
    })
  const changing = async (object: KubeObject, run: Promise<void>): Promise<KubeObject> => {
    await run
    return object
  }
  return [
    ['(body)', (n: number) => Buffer.from(mergePatch(n))],
    ['parse JSON', (body: Buffer) => parseJsonExact(body)],
    ['merge', (value: KubeObject, i: number) => applyMergePatch(live(i), value)],
    ['decode', (value: KubeObject, i: number) => decodeOver(value, resource.node, live(i)).object],
    ['defaults', (object: KubeObject) => endpoint.defaulted(object)],
    ['field manager', (object: KubeObject, i: number) => endpoint.fieldManager.update(live(i), object, 'other')],
    [
      'mutating admission',
      (object: KubeObject, i: number) => changing(object, server.services.admission.admit(attributes(object, live(i)))),
    ],
    [
      'prepare and validate',
      (object: KubeObject, i: number) => {
        beforeUpdate(entry.strategy, identity, object, live(i), strategyContext, context)
        return object
      },
    ],
    [
      'validating admission',
      (object: KubeObject, i: number) =>
        changing(object, server.services.admission.validate(attributes(object, live(i)))),
    ],
    [
      'normalize',
      (object: KubeObject) => {
        normalize(object, node)
        return object
      },
    ],
    ['encode', (object: KubeObject) => codec.encode(object)],
  ] as readonly Step[]
}

/** Microseconds of the processor's time that one whole write takes: the median of batches. */
async function wholeTime(write: (n: number) => Promise<void>, count: number): Promise<number> {
  const samples: number[] = []
  for (let n = 0; n < count; ) {
    const before = process.cpuUsage()
    for (let i = 0; i < BATCH; i++) await write(n++)
    const { user, system } = process.cpuUsage(before)
    samples.push((user + system) / BATCH)
  }
  samples.sort((a, b) => a - b)
  return samples[samples.length >> 1]!
}

/** What a write costs, step by step, without a connection, store in memory. */
export async function measure({ quick }: { readonly quick: boolean }): Promise<Report> {
  const server = await plane()
  const rounds = quick ? 20 : 60
  const count = quick ? 1_000 : 8_000
  const pods = new Writer(server, 'pods')
  const configMaps = new Writer(server, 'configmaps')
  for (let i = 0; i < BATCH; i++) {
    await pods.create(NAMESPACE, pod(nameOf(i)))
    await configMaps.create(NAMESPACE, configMap(nameOf(i)))
  }
  const whole: Whole[] = []
  const add = async (what: string, write: (n: number) => Promise<void>): Promise<void> => {
    whole.push([what, await wholeTime(write, count)])
  }
  await add('create ConfigMap of 1 KB', (n) => configMaps.create(NAMESPACE, configMap(`a-${n}`)))
  await add('update ConfigMap of 1 KB', (n) => configMaps.update(nameOf(n), configMap(nameOf(n), n)))
  await add('create Pod of 3 KB', (n) => pods.create(NAMESPACE, pod(`a-${n}`)))
  await add('merge patch of a Pod', (n) => pods.patch(nameOf(n), mergePatch(n)))
  const { cache, identity } = pods.endpoint.resource.backing!
  const live = Array.from(
    { length: BATCH },
    (_, i) => cache.peek(`${identity.keyPrefix}${NAMESPACE}/${nameOf(i)}`)!.object,
  )
  const table = async (title: string, steps: readonly Step[]): Promise<Table> => ({
    title,
    columns: ['step', 'µs of the processor'],
    rows: await stepTimes(steps, rounds),
  })
  const tables = [
    {
      title: 'Whole writes, one after the other',
      columns: ['what', 'µs of the processor'],
      rows: whole.map(([what, us]) => [what, round(us)]),
    },
    await table(
      'Create of a ConfigMap of 1 KB',
      createSteps(configMaps, (n) => configMap(`s-${n}`)),
    ),
    await table(
      'Create of a Pod of 3 KB',
      createSteps(pods, (n) => pod(`s-${n}`)),
    ),
    await table(
      'Merge patch of a Pod of 3 KB',
      patchSteps(pods, (i) => live[i]!),
    ),
  ]
  await server.close()
  return { tables, headlines: whole.map(([what, us]) => [`${what}, without a connection`, `${round(us)} µs`]) }
}

type Whole = readonly [what: string, microseconds: number]

/** Objects that a step takes at a time. */
const BATCH = 100

const nameOf = (n: number): string => `bench-${n % BATCH}`
