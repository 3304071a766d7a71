import { beforeAll, describe, expect, test, vi } from 'vitest'
import { namespaceLifecycle } from '../../src/admission/plugins/namespace-lifecycle.ts'
import { quotaUsage } from '../../src/admission/plugins/resource-quota/quota-usage.ts'
import type { KubeObject } from '../../src/apimachinery/kube-object.ts'
import type { Pod } from '../../src/apimachinery/types/core-v1.ts'
import { AdmissionReader } from '../../src/cluster/admission-reader.ts'
import { allControllers, allLoops } from '../../src/controllers/all-controllers.ts'
import { ControllerManager } from '../../src/controllers/controller-manager.ts'
import { startNodes } from '../../src/controllers/nodes/nodes.ts'
import type { ResourceRef, Typed } from '../../src/controllers/runtime/client.ts'
import { silentLogger } from '../../src/controllers/runtime/logger.ts'
import {
  CONTROLLER_REVISIONS,
  DAEMON_SETS,
  DEPLOYMENTS,
  ENDPOINT_SLICES,
  ENDPOINTS,
  JOBS,
  NAMESPACES,
  PERSISTENT_VOLUME_CLAIMS,
  PERSISTENT_VOLUMES,
  POD_DISRUPTION_BUDGETS,
  PODS,
  REPLICA_SETS,
  SERVICES,
  STATEFUL_SETS,
} from '../../src/controllers/runtime/resources.ts'
import { startScheduler } from '../../src/controllers/scheduler/scheduler.ts'
import { TestPlane } from '../suites/control-plane.ts'
import { fastClock } from '../suites/fast-clock.ts'
import { type Faults, FaultyLine } from '../suites/faulty-client.ts'
import { SeededRandom, seedOfRun } from '../suites/seeded-random.ts'

/** Back-offs of client-go reach half a minute: they are not to be waited for. */
const SPEED = 10
const POLL = { timeout: 60_000, interval: 100 }
const NAMESPACE = 'default'

const NONE: Faults = { conflict: 0, busy: 0, lost: 0, watchMs: 2 ** 30 }

interface Run {
  /** What is left in the end. */
  readonly outcome: unknown
  /** Most pods that the ReplicaSets of the Deployment were to have at once: what upstream bounds by the surge. */
  readonly mostWanted: number
  /** Pods that the Job ever had. */
  readonly jobPods: number
}

/** The same story each time, told to controllers, a scheduler and nodes that meet with faults and restarts. */
class Story {
  readonly #plane: TestPlane
  readonly #faults: Faults
  readonly #random: SeededRandom
  readonly #clock = fastClock(SPEED)
  #manager: { readonly line: FaultyLine; readonly manager: Promise<ControllerManager> } | undefined
  readonly #ends: (() => void)[] = []
  #mostWanted = 0
  readonly #jobPods = new Set<string>()

  private constructor(plane: TestPlane, faults: Faults, random: SeededRandom) {
    this.#plane = plane
    this.#faults = faults
    this.#random = random
  }

  static async tell(faults: Faults, restarts: boolean, expected?: unknown): Promise<Run> {
    const random = new SeededRandom(seedOfRun())
    const plane = await TestPlane.start({
      clock: fastClock(SPEED),
      bootstrap: true,
      // Without it a ReplicaSet makes pods in a namespace that goes for as long as the namespace takes them away.
      admission: ({ registry }) => [namespaceLifecycle(new AdmissionReader(registry))],
    })
    const story = new Story(plane, faults, random)
    try {
      return await story.#tell(restarts, expected)
    } finally {
      await story.#end()
    }
  }

  #line(): FaultyLine {
    return new FaultyLine(this.#faults, this.#random, this.#clock)
  }

  #startManager(): void {
    const line = this.#line()
    const manager = ControllerManager.start({
      client: line.client(this.#plane.client),
      clock: this.#clock,
      logger: silentLogger,
      controllers: allControllers({ quotaUsage }),
      loops: allLoops(),
    })
    this.#manager = { line, manager }
  }

  /** Ends the controllers in order, or as a kill does, and starts new ones. */
  async #restart(): Promise<void> {
    const { line, manager } = this.#manager!
    if (this.#random.chance(0.5)) await (await manager).stop()
    else {
      await line.die()
      void manager.then((dead) => dead.stop())
    }
    this.#startManager()
  }

  async #tell(restarts: boolean, expected: unknown): Promise<Run> {
    const { client } = this.#plane
    const surroundings = { clock: this.#clock, log: silentLogger }
    const scheduler = startScheduler(this.#line().client(client), surroundings)
    const nodes = startNodes(this.#line().client(client), { ...surroundings, count: 3 })
    this.#ends.push(
      () => scheduler.stop(),
      () => nodes.stop(),
      client.watch(
        PODS,
        { resourceVersion: '0' },
        { event: (e) => 'object' in e && this.#count(e.object), end: () => {} },
      ),
      client.watch(
        REPLICA_SETS,
        { resourceVersion: '0', labelSelector: 'app=web' },
        { event: (e) => 'object' in e && this.#sum(e.type, e.object), end: () => {} },
      ),
    )
    this.#startManager()
    let isOver = false
    const restarting = (async () => {
      while (restarts && !isOver) {
        await new Promise((resolve) => setTimeout(resolve, this.#random.between(100, 600)))
        await this.#restart()
      }
    })()
    await nodes.ready
    await this.#steps()
    const outcome = await this.#outcome(expected)
    isOver = true
    await restarting
    return { outcome, mostWanted: this.#mostWanted, jobPods: this.#jobPods.size }
  }

  readonly #wanted = new Map<string, number>()

  #count(pod: Typed<Pod>): void {
    if (pod.metadata.labels?.['job-name'] === 'work') this.#jobPods.add(pod.metadata.uid ?? '')
  }

  #sum(type: string, set: KubeObject): void {
    this.#wanted.set(set.metadata.uid ?? '', type === 'DELETED' ? 0 : Number(specOf(set)['replicas'] ?? 0))
    const sum = [...this.#wanted.values()].reduce((total, n) => total + n, 0)
    this.#mostWanted = Math.max(this.#mostWanted, sum)
  }

  async #steps(): Promise<void> {
    const { client } = this.#plane
    for (const [resource, object] of FIRST) await client.create(resource, structuredClone(object))
    await this.#seen(DEPLOYMENTS, 'web')
    for (const image of ['web:2', 'web:3']) {
      await this.#change(DEPLOYMENTS, 'web', { template: podTemplate('web', image) })
      await this.#until(REPLICA_SETS, (sets) => sets.some((s) => imageOf(s) === image))
    }
    await this.#change(DEPLOYMENTS, 'web', { replicas: 7 })
    await this.#seen(STATEFUL_SETS, 'db')
    await this.#change(STATEFUL_SETS, 'db', { replicas: 4, template: podTemplate('db', 'db:2') })
    await this.#seen(DAEMON_SETS, 'agent')
    await this.#change(DAEMON_SETS, 'agent', { template: podTemplate('agent', 'agent:2') })
    await this.#until(PODS, (pods) => pods.length > 4)
    const victim = (await client.list(PODS, { namespace: NAMESPACE, labelSelector: 'app=web' })).items[0]!
    await client.delete(PODS, { namespace: NAMESPACE, name: victim.metadata.name! }, { gracePeriodSeconds: 0 })
    await client.delete(DEPLOYMENTS, { namespace: NAMESPACE, name: 'gone' }, { propagationPolicy: 'Foreground' })
    await client.delete(DEPLOYMENTS, { namespace: NAMESPACE, name: 'left' }, { propagationPolicy: 'Orphan' })
    await client.delete(NAMESPACES, { namespace: '', name: 'short-lived' })
    // Claims stay when the set shrinks: each run must have made them all before.
    await this.#until(
      PERSISTENT_VOLUME_CLAIMS,
      (claims) => claims.length === 4 && claims.every((c) => statusOf(c)['phase'] === 'Bound'),
    )
    await this.#change(STATEFUL_SETS, 'db', { replicas: 2 })
    await this.#change(DEPLOYMENTS, 'web', { replicas: 5 })
  }

  async #change<T extends KubeObject>(resource: ResourceRef<T>, name: string, spec: object): Promise<void> {
    await this.#plane.client.patch(resource, { namespace: NAMESPACE, name }, 'strategic', { spec })
  }

  /** The controller has looked at the object as it is now. */
  async #seen(resource: ResourceRef<KubeObject>, name: string): Promise<void> {
    await this.#until(resource, (all) => {
      const found = all.find((o) => o.metadata.name === name)
      return statusOf(found)['observedGeneration'] === found?.metadata.generation
    })
  }

  async #until(resource: ResourceRef<KubeObject>, ready: (all: readonly KubeObject[]) => boolean): Promise<void> {
    const { client } = this.#plane
    await vi.waitFor(async () => {
      const { items } = await client.list(resource, { namespace: NAMESPACE })
      expect(ready(items), JSON.stringify(items.map(({ metadata, status }) => [metadata.name, status]))).toBe(true)
    }, POLL)
  }

  /** The state once it is the expected one, or one in which nothing is under way any more. */
  async #outcome(expected: unknown): Promise<unknown> {
    let before: unknown
    return await vi.waitFor(async () => {
      const outcome = await summary(this.#plane)
      expect(outcome.underWay).toEqual([])
      const last = before
      before = outcome
      expect(outcome).toEqual(expected ?? last)
      return outcome
    }, POLL)
  }

  async #end(): Promise<void> {
    const { line, manager } = this.#manager!
    await line.die()
    void manager.then((dead) => dead.stop())
    for (const end of this.#ends) end()
    await this.#plane.close()
  }
}

/** A busy machine may keep a node's heartbeat waiting: no reason to lose pods. */
const tolerations = ['not-ready', 'unreachable'].map((what) => ({
  key: `node.kubernetes.io/${what}`,
  operator: 'Exists',
}))

const podTemplate = (app: string, image: string, spec: object = {}) => ({
  metadata: { labels: { app } },
  spec: { terminationGracePeriodSeconds: 1, containers: [{ name: 'main', image }], tolerations, ...spec },
})

function object(apiVersion: string, kind: string, name: string, spec?: object, namespace = NAMESPACE): KubeObject {
  const metadata = { name, ...(namespace === '' ? {} : { namespace }) }
  return { apiVersion, kind, metadata, ...(spec ? { spec } : {}) }
}

function workload(kind: string, name: string, spec: object, namespace = NAMESPACE): KubeObject {
  const selector = { matchLabels: { app: name } }
  return object('apps/v1', kind, name, { selector, template: podTemplate(name, `${name}:1`), ...spec }, namespace)
}

const claim = { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } }
const FIRST = [
  [NAMESPACES, object('v1', 'Namespace', 'short-lived', undefined, '')],
  [DEPLOYMENTS, workload('Deployment', 'inside', { replicas: 2 }, 'short-lived')],
  [
    DEPLOYMENTS,
    workload('Deployment', 'web', { replicas: 4, strategy: { rollingUpdate: { maxSurge: 1, maxUnavailable: 1 } } }),
  ],
  [DEPLOYMENTS, workload('Deployment', 'gone', { replicas: 2 })],
  [DEPLOYMENTS, workload('Deployment', 'left', { replicas: 2 })],
  [SERVICES, object('v1', 'Service', 'web', { selector: { app: 'web' }, ports: [{ port: 80 }] })],
  [
    POD_DISRUPTION_BUDGETS,
    object('policy/v1', 'PodDisruptionBudget', 'web', { minAvailable: 3, selector: { matchLabels: { app: 'web' } } }),
  ],
  [
    STATEFUL_SETS,
    workload('StatefulSet', 'db', {
      serviceName: 'db',
      replicas: 3,
      volumeClaimTemplates: [{ metadata: { name: 'data' }, spec: claim }],
    }),
  ],
  [DAEMON_SETS, workload('DaemonSet', 'agent', {})],
  [
    JOBS,
    object('batch/v1', 'Job', 'work', {
      completions: 6,
      parallelism: 3,
      template: podTemplate('work', 'work:1', { restartPolicy: 'Never' }),
    }),
  ],
] as unknown as readonly (readonly [ResourceRef<KubeObject>, KubeObject])[]

type Fields = Readonly<Record<string, unknown>>
const statusOf = (o: KubeObject | undefined): Fields => (o?.status ?? {}) as Fields
const specOf = (o: KubeObject): Fields => (o.spec ?? {}) as Fields
const imageOf = (o: KubeObject): string => {
  const spec = specOf(o)
  const template = (spec['template'] as { spec: Fields } | undefined)?.spec ?? spec
  return (template['containers'] as { image: string }[])[0]!.image
}

/** Status without times, hashes and versions. */
function counts(o: KubeObject): Fields {
  const { conditions, startTime, completionTime, currentRevision, updateRevision, collisionCount, ...rest } =
    statusOf(o)
  const settled = (conditions as { type: string; status: string; reason?: string }[] | undefined)?.map(
    ({ type, status, reason }) => `${type}=${status} ${reason ?? ''}`,
  )
  return { ...rest, conditions: settled?.sort() ?? [], isUpToDate: currentRevision === updateRevision }
}

/** How often a set was scaled on the way does not matter. */
function countsOfSet(o: KubeObject): Fields {
  const { observedGeneration, ...rest } = counts(o)
  return rest
}

async function summary({ client }: TestPlane) {
  const all = async (resource: ResourceRef<KubeObject>): Promise<KubeObject[]> =>
    [...(await client.list(resource)).items].sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1))
  const nameOf = (o: KubeObject): string => `${o.metadata.namespace ?? ''}/${o.metadata.name}`
  const ref = (r: unknown): ResourceRef<KubeObject> => r as ResourceRef<KubeObject>
  const [deployments, sets, stateful, daemons, jobs, pods, revisions] = await Promise.all(
    [DEPLOYMENTS, REPLICA_SETS, STATEFUL_SETS, DAEMON_SETS, JOBS, PODS, CONTROLLER_REVISIONS].map((r) => all(ref(r))),
  )
  const [claims, volumes, slices, endpoints, budgets, namespaces] = await Promise.all(
    [PERSISTENT_VOLUME_CLAIMS, PERSISTENT_VOLUMES, ENDPOINT_SLICES, ENDPOINTS, POD_DISRUPTION_BUDGETS, NAMESPACES].map(
      (r) => all(ref(r)),
    ),
  )
  const objects = [...deployments!, ...sets!, ...stateful!, ...daemons!, ...jobs!, ...pods!, ...revisions!]
  const uids = new Set(objects.map((o) => o.metadata.uid))
  const ownersOf = (o: KubeObject): string[] => (o.metadata.ownerReferences ?? []).map(({ uid }) => uid)
  const addresses = (o: KubeObject): number =>
    ((o as { subsets?: { addresses?: unknown[] }[] }).subsets ?? []).reduce((n, s) => n + (s.addresses?.length ?? 0), 0)
  const ready = (o: KubeObject): number =>
    (o as unknown as { endpoints: { conditions: { ready: boolean } }[] }).endpoints.filter((e) => e.conditions.ready)
      .length
  const state = {
    deployments: deployments!.map((o) => [nameOf(o), specOf(o)['replicas'], counts(o)]),
    replicaSets: sets!.map((o) => [imageOf(o), specOf(o)['replicas'], countsOfSet(o), ownersOf(o).length]).sort(byText),
    statefulSets: stateful!.map((o) => [nameOf(o), counts(o)]),
    daemonSets: daemons!.map((o) => [nameOf(o), counts(o)]),
    jobs: jobs!.map((o) => [nameOf(o), counts(o)]),
    pods: pods!
      .map((o) => [o.metadata.labels?.['app'], imageOf(o), statusOf(o)['phase'], o.metadata.finalizers ?? []])
      .sort(byText),
    statefulPods: pods!.map(nameOf).filter((name) => name.includes('/db-')),
    revisions: revisions!.map((o) => o.metadata.ownerReferences?.[0]?.name).sort(),
    claims: claims!.map((o) => [nameOf(o), statusOf(o)['phase']]),
    volumes: volumes!.map((o) => statusOf(o)['phase']),
    slices: slices!.map((o) => [o.metadata.labels?.['kubernetes.io/service-name'], ready(o)]),
    endpoints: endpoints!.map((o) => [nameOf(o), addresses(o)]),
    budgets: budgets!.map((o) => [nameOf(o), counts(o)]),
    namespaces: namespaces!.map((o) => [nameOf(o), statusOf(o)['phase']]),
  }
  const replicas = { web: 5, db: 2, left: 2 }
  const underWay = [
    ...objects.filter((o) => o.metadata.deletionTimestamp).map((o) => `${o.kind} ${nameOf(o)} is going`),
    ...objects
      .filter((o) => statusOf(o)['terminatingReplicas'] || statusOf(o)['terminating'])
      .map((o) => `${o.kind} ${nameOf(o)} counts pods that go`),
    ...objects
      .filter((o) => ownersOf(o).some((uid) => !uids.has(uid)))
      .map((o) => `${o.kind} ${nameOf(o)} is an orphan`),
    ...[...deployments!, ...sets!, ...stateful!, ...daemons!]
      .filter((o) => statusOf(o)['observedGeneration'] !== o.metadata.generation)
      .map((o) => `${o.kind} ${nameOf(o)} is not seen`),
    ...Object.entries(replicas)
      .filter(([app, n]) => pods!.filter((p) => p.metadata.labels?.['app'] === app && isReady(p)).length !== n)
      .map(([app]) => `${app} is not ready`),
    ...(pods!.filter((p) => p.metadata.labels?.['app'] === 'agent' && isReady(p) && imageOf(p) === 'agent:2').length ===
    3
      ? []
      : ['agent is not updated']),
    ...(statusOf(jobs![0])['completionTime'] ? [] : ['the job is not done']),
    ...(namespaces!.some((n) => n.metadata.name === 'short-lived') ? ['the namespace is there'] : []),
    ...(deployments!.length === 1 ? [] : ['a deleted Deployment is there']),
    ...(statusOf(deployments![0])['availableReplicas'] === 5 && statusOf(deployments![0])['replicas'] === 5
      ? []
      : ['the Deployment is not rolled out']),
    ...(statusOf(stateful![0])['currentRevision'] === statusOf(stateful![0])['updateRevision']
      ? []
      : ['db is not updated']),
    ...(slices!.filter((s) => s.metadata.labels?.['kubernetes.io/service-name'] === 'web').some((s) => ready(s) === 5)
      ? []
      : ['the slices lag']),
    ...(endpoints!.some((e) => e.metadata.name === 'web' && addresses(e) === 5) ? [] : ['the endpoints lag']),
    ...(statusOf(budgets![0])['currentHealthy'] === 5 ? [] : ['the budget lags']),
    ...(statusOf(daemons![0])['numberReady'] === 3 && statusOf(daemons![0])['updatedNumberScheduled'] === 3
      ? []
      : ['agent lags']),
  ]
  return { ...state, underWay }
}

const byText = (a: unknown, b: unknown): number => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1)

function isReady(pod: KubeObject): boolean {
  const conditions = statusOf(pod)['conditions'] as { type: string; status: string }[] | undefined
  return conditions?.some((c) => c.type === 'Ready' && c.status === 'True') ?? false
}

describe('controllers that meet with faults come to the same state as without', () => {
  let untroubled: Run

  beforeAll(async () => {
    untroubled = await Story.tell(NONE, false)
  })

  test('untroubled, they keep to their bounds', () => {
    expect(untroubled.mostWanted).toBeLessThanOrEqual(8)
    expect(untroubled.jobPods).toBe(6)
  })

  test.each<[string, Faults, boolean]>([
    ['watches are cut every 100 ms', { ...NONE, watchMs: 100 }, false],
    ['conflicts and 429 at random', { ...NONE, conflict: 0.1, busy: 0.1 }, false],
    ['restarts and kills at random', NONE, true],
    ['all of it', { ...NONE, conflict: 0.05, busy: 0.05, watchMs: 100 }, true],
  ])('%s', { timeout: 150_000 }, async (_, faults, restarts) => {
    const troubled = await Story.tell(faults, restarts, untroubled.outcome)
    expect(troubled.mostWanted).toBeLessThanOrEqual(8)
    expect(troubled.jobPods).toBe(6)
  })

  test('answers that are lost', { timeout: 150_000 }, async () => {
    const faults = { ...NONE, conflict: 0.05, busy: 0.05, lost: 0.1 }
    const troubled = await Story.tell(faults, true, untroubled.outcome)
    expect(troubled.outcome).toEqual(untroubled.outcome)
  })
})
