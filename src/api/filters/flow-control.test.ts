import type { FastifyReply, FastifyRequest } from 'fastify'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { flowControlBootstrap, type NamedSpec } from '../../../openapi/data.ts'
import type { FlowSchema, PriorityLevelConfiguration } from '../../apimachinery/types/flowcontrol-v1.ts'
import { Call } from '../call.ts'
import { type ObjectStatsOf, seatsOfList } from '../flow-control/list-work.ts'
import { QueryParameters } from '../query-parameters.ts'
import { requestInfo } from '../request-info.ts'
import {
  DEFAULT_FLOW_CONTROL,
  FlowControl,
  type FlowControlOptions,
  isLongRunning,
  TooManyRequestsError,
} from './flow-control.ts'

interface Asked {
  readonly user?: string
  readonly groups?: readonly string[]
  readonly method?: string
  readonly path?: string
}

const PODS = '/api/v1/namespaces/default/pods'

function callOf({ user = 'jane', groups = [], method = 'GET', path = PODS }: Asked): Call {
  const [pathname = '', query = ''] = path.split('?')
  const parameters = QueryParameters.parse(query)
  const call = new Call({
    request: { headers: {}, method } as unknown as FastifyRequest,
    reply: { header: vi.fn() } as unknown as FastifyReply,
    query: parameters,
    info: requestInfo(method, pathname, parameters)!,
    auditId: '',
    startedAt: 0,
  })
  call.user = { name: user, uid: '', groups: [...groups, 'system:authenticated'], extra: {} }
  return call
}

const objectOf = <T>({ name, spec }: NamedSpec): T => ({ metadata: { name, uid: `uid-${name}` }, spec }) as T

function bootstrapped(options: Partial<FlowControlOptions> = {}): FlowControl {
  const facts = flowControlBootstrap()
  const control = new FlowControl({ ...DEFAULT_FLOW_CONTROL, ...options })
  control.configure(
    [...facts.mandatoryFlowSchemas, ...facts.suggestedFlowSchemas].map((s) => objectOf<FlowSchema>(s)),
    [...facts.mandatoryPriorityLevelConfigurations, ...facts.suggestedPriorityLevelConfigurations].map((s) =>
      objectOf<PriorityLevelConfiguration>(s),
    ),
  )
  return control
}

/** One level with so many seats for everybody, a flow for each user. */
function small(
  seats: number,
  limited: object = { limitResponse: { type: 'Queue', queuing: { queues: 4, handSize: 1, queueLengthLimit: 2 } } },
): FlowControl {
  const control = new FlowControl({ ...DEFAULT_FLOW_CONTROL, maxReadOnly: seats, maxMutating: 0 })
  configureSmall(control, limited)
  return control
}

function configureSmall(control: FlowControl, limited: object): void {
  const everything = { verbs: ['*'], apiGroups: ['*'], resources: ['*'], clusterScope: true, namespaces: ['*'] }
  const rules = [{ subjects: [{ kind: 'Group', group: { name: '*' } }], resourceRules: [everything] }]
  control.configure(
    [
      {
        metadata: { name: 'all', uid: 'fs' },
        spec: { priorityLevelConfiguration: { name: 'one' }, distinguisherMethod: { type: 'ByUser' }, rules },
      },
    ],
    [
      {
        metadata: { name: 'one', uid: 'pl' },
        spec: { type: 'Limited', limited: { nominalConcurrencyShares: 1, ...limited } },
      },
    ],
  )
}

/** Who gets a seat at once, and the promise of who waits. */
const isSeated = (turn: ReturnType<FlowControl['acquire']>): boolean => !(turn instanceof Promise)

describe('classification, by the objects that every cluster has', () => {
  test.each<[Asked, string, string]>([
    [{ groups: ['system:masters'] }, 'exempt', 'exempt'],
    [{ path: '/healthz' }, 'probes', 'exempt'],
    [{ path: '/readyz/etcd' }, 'probes', 'exempt'],
    [{ path: '/version' }, 'global-default', 'global-default'],
    [
      { user: 'system:node:a', groups: ['system:nodes'], path: '/api/v1/nodes/a/status', method: 'PATCH' },
      'system-node-high',
      'node-high',
    ],
    [{ user: 'system:node:a', groups: ['system:nodes'] }, 'system-nodes', 'system'],
    [
      {
        user: 'system:kube-scheduler',
        path: '/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/s',
        method: 'PUT',
      },
      'system-leader-election',
      'leader-election',
    ],
    [{ user: 'system:kube-scheduler' }, 'kube-scheduler', 'workload-high'],
    [
      { user: 'system:serviceaccount:kube-system:dns', groups: ['system:serviceaccounts'] },
      'kube-system-service-accounts',
      'workload-high',
    ],
    [
      { user: 'system:serviceaccount:kube-systems:dns', groups: ['system:serviceaccounts'] },
      'service-accounts',
      'workload-low',
    ],
    [{}, 'global-default', 'global-default'],
  ])('%j → %s', (asked, schema, level) => {
    const call = callOf(asked)
    bootstrapped().acquire(call)
    expect(call.reply.header).toHaveBeenCalledWith('x-kubernetes-pf-flowschema-uid', `uid-${schema}`)
    expect(call.reply.header).toHaveBeenCalledWith('x-kubernetes-pf-prioritylevel-uid', `uid-${level}`)
  })

  test('seats are shared out as upstream does: 600 by shares, rounded up', () => {
    const seats = Object.fromEntries(bootstrapped().levels.map((l) => [l.name, [l.limits.nominal, l.limits.lendable]]))
    expect(seats).toEqual({
      exempt: [0, 0],
      'catch-all': [13, 0],
      'global-default': [49, 25],
      'leader-election': [25, 0],
      'node-high': [98, 25],
      system: [74, 24],
      'workload-high': [98, 49],
      'workload-low': [245, 221],
    })
  })

  test.each([
    ['/api/v1/pods?watch=1', 'GET', true],
    [`${PODS}/a/log`, 'GET', true],
    [`${PODS}/a/exec`, 'POST', true],
    ['/api/v1/namespaces/default/services/a/proxy/log', 'GET', true],
    [PODS, 'GET', false],
    ['/healthz/log', 'GET', false],
  ])('%s is long-running: %s %s', (path, method, expected) => {
    expect(isLongRunning(callOf({ path, method }).info)).toBe(expected)
  })
})

describe('seats', () => {
  beforeEach(() => vi.useFakeTimers())
  afterEach(() => vi.useRealTimers())

  test('who finds no seat waits until one is given back', async () => {
    const control = small(1)
    const release = control.acquire(callOf({})) as () => void
    const second = control.acquire(callOf({}))
    expect(isSeated(second)).toBe(false)
    release()
    const releaseSecond = await second
    releaseSecond()
    expect(isSeated(control.acquire(callOf({})))).toBe(true)
  })

  test('users take turns: one with many requests does not keep another out', async () => {
    const control = small(1)
    const release = control.acquire(callOf({ user: 'busy' })) as () => void
    const order: string[] = []
    const waiting = [
      ['busy', 'busy 1'],
      ['busy', 'busy 2'],
      ['calm', 'calm 1'],
    ].map(async ([user, name]) => {
      const give = await control.acquire(callOf({ user: user! }))
      order.push(name!)
      give()
    })
    release()
    await Promise.all(waiting)
    expect(order).toEqual(['busy 1', 'calm 1', 'busy 2'])
  })

  test('a queue that is full → 429 for its user', async () => {
    const control = small(1)
    control.acquire(callOf({}))
    control.acquire(callOf({}))
    control.acquire(callOf({}))
    await expect(control.acquire(callOf({}))).rejects.toThrow(new TooManyRequestsError(1))
    expect([...control.counts][0]!.rejected['queue-full']).toBe(1)
  })

  test('no seat in time → 429', async () => {
    const control = small(1)
    control.acquire(callOf({}))
    const late = expect(control.acquire(callOf({}))).rejects.toThrow('Too many requests, please try again later.')
    await vi.advanceTimersByTimeAsync(15_000)
    await late
    expect([...control.counts][0]!.rejected['time-out']).toBe(1)
    expect([...control.counts][0]!.waiting).toBe(0)
  })

  test('a level that does not queue refuses at once', async () => {
    const control = small(1, { limitResponse: { type: 'Reject' } })
    control.acquire(callOf({}))
    await expect(control.acquire(callOf({}))).rejects.toBeInstanceOf(TooManyRequestsError)
    expect([...control.counts][0]!.rejected['concurrency-limit']).toBe(1)
  })

  test('a level borrows what others leave free, and no more', () => {
    // 245 seats: as many as there are shares.
    const control = bootstrapped({ maxReadOnly: 245, maxMutating: 0 })
    const own = 20
    const lent = 10 + 20 + 10 + 90
    for (let i = 0; i < own + lent; i++) expect(isSeated(control.acquire(callOf({})))).toBe(true)
    expect(isSeated(control.acquire(callOf({})))).toBe(false)
  })

  test('system:masters never wait', () => {
    const control = bootstrapped({ maxReadOnly: 8, maxMutating: 0 })
    const turns = Array.from({ length: 100 }, () => control.acquire(callOf({ groups: ['system:masters'] })))
    expect(turns.every(isSeated)).toBe(true)
  })

  test('connections to containers take none', () => {
    const control = small(1)
    control.acquire(callOf({}))
    expect(isSeated(control.acquire(callOf({ path: `${PODS}/a/exec`, method: 'POST' })))).toBe(true)
  })

  test('who waits in a level that is changed is let in', async () => {
    const control = small(1)
    control.acquire(callOf({}))
    const waiting = control.acquire(callOf({}))
    configureSmall(control, { limitResponse: { type: 'Reject' } })
    await expect(waiting).resolves.toBeTypeOf('function')
  })
})

describe('lists', () => {
  /** 10,000 bytes for each object: ten objects to a seat. */
  const holding =
    (count: number): ObjectStatsOf =>
    (group, resource) =>
      group === '' && resource === 'pods' ? { count, averageBytes: 10_000 } : undefined
  const seatsOf = (path: string, count: number, max = 0): number => seatsOfList(callOf({ path }), holding(count), max)

  test.each<[string, number, number, number]>([
    // What one list from the cache holds at once is bounded: at most ten seats.
    [PODS, 0, 0, 1],
    [PODS, 10, 0, 1],
    [PODS, 11, 0, 2],
    [PODS, 5000, 0, 10],
    [PODS, 5000, 7, 7],
    [`${PODS}?limit=25`, 5000, 0, 3],
    [`${PODS}?limit=x`, 10, 0, 100],
    [`${PODS}?limit=x`, 10, 8, 8],
    [`${PODS}?fieldSelector=metadata.name%3Da`, 5000, 0, 1],
    [`${PODS}?labelSelector=a`, 5000, 0, 10],
    // From the store: pages behind the first, exact revisions.
    [`${PODS}?continue=x`, 500, 0, 50],
    [`${PODS}?continue=x`, 5000, 0, 100],
    [`${PODS}?continue=x&limit=20`, 5000, 0, 2],
    [`${PODS}?continue=x&limit=20&labelSelector=a`, 500, 0, 25],
    [`${PODS}?resourceVersion=5&limit=200`, 5000, 0, 20],
    [`${PODS}?resourceVersion=0&limit=200`, 5000, 0, 10],
    [`${PODS}?resourceVersion=5&resourceVersionMatch=NotOlderThan&limit=200`, 5000, 0, 10],
    [`${PODS}?resourceVersion=5&resourceVersionMatch=Exact`, 200, 0, 20],
    // A watch costs what the list that it begins with does.
    [`${PODS}?watch=1`, 5000, 0, 10],
    [`${PODS}?watch=1&resourceVersion=5`, 5000, 0, 1],
    [`${PODS}?watch=1&resourceVersion=5&sendInitialEvents=true`, 5000, 0, 10],
    // Not stored here.
    ['/apis/metrics.k8s.io/v1beta1/pods', 5000, 0, 1],
  ])('%s of %d objects, at most %d → %d seats', (path, count, max, seats) => {
    expect(seatsOf(path, count, max)).toBe(seats)
  })

  test('a level bounds the seats of one request', () => {
    // As upstream's Test_GetMaxSeats: the lesser of 15 % of the seats and their part in a hand of queues.
    const maxOf = (nominal: number, handSize: number): number => {
      const control = small(nominal, { limitResponse: { type: 'Queue', queuing: { queues: 8, handSize } } })
      return control.levels[0]!.limits.maxPerRequest
    }
    expect([5, 10, 15, 20, 35, 100, 200].map((nominal) => maxOf(nominal, 6))).toEqual([1, 1, 2, 3, 5, 15, 30])
    expect(maxOf(10, 1)).toBe(2)
  })

  test('a large one takes several seats, and waits until they are free', async () => {
    const queuing = { queues: 4, handSize: 1, queueLengthLimit: 2 }
    const control = new FlowControl(
      { ...DEFAULT_FLOW_CONTROL, maxReadOnly: 20, maxMutating: 0 },
      Date.now,
      holding(5000),
    )
    configureSmall(control, { limitResponse: { type: 'Queue', queuing } })
    const one = '/api/v1/namespaces/default/pods/a'
    // Three seats each, which is 15 % of twenty.
    const lists = Array.from({ length: 6 }, () => control.acquire(callOf({})) as () => void)
    const gets = [0, 1].map(() => control.acquire(callOf({ path: one })) as () => void)
    expect(control.levels[0]!.executing).toBe(20)
    const waiting = control.acquire(callOf({}))
    expect(isSeated(waiting)).toBe(false)
    const [counts] = control.counts
    expect(counts).toMatchObject({ executing: 8, executingSeats: 20, waiting: 1, waitingSeats: 3 })
    for (const release of gets) release()
    expect(control.levels[0]!.executing).toBe(18)
    lists[0]!()
    const release = await waiting
    expect(control.levels[0]!.executing).toBe(18)
    for (const leave of [...lists.slice(1), release]) leave()
    expect(control.levels[0]!.executing).toBe(0)
    expect(counts).toMatchObject({ executing: 0, executingSeats: 0, waiting: 0, waitingSeats: 0 })
  })
})

describe('without priorities', () => {
  const control = (): FlowControl =>
    new FlowControl({ ...DEFAULT_FLOW_CONTROL, maxReadOnly: 1, maxMutating: 1, priorities: false })

  test('reading and changing have limits of their own; past them 429, at once', () => {
    const limits = control()
    const release = limits.acquire(callOf({})) as () => void
    expect(isSeated(limits.acquire(callOf({ method: 'POST' })))).toBe(true)
    expect(() => limits.acquire(callOf({}))).toThrow(new TooManyRequestsError(1))
    expect(() => limits.acquire(callOf({ method: 'POST' }))).toThrow(TooManyRequestsError)
    release()
    expect(isSeated(limits.acquire(callOf({})))).toBe(true)
  })

  test('system:masters may exceed them', () => {
    const limits = control()
    limits.acquire(callOf({}))
    expect(isSeated(limits.acquire(callOf({ groups: ['system:masters'] })))).toBe(true)
  })
})
