import type { Clock } from '../../src/apimachinery/clock.ts'
import type { KubeObject } from '../../src/apimachinery/kube-object.ts'
import { ManualClock } from '../../src/apimachinery/manual-clock.ts'
import { bootstrap } from '../../src/cluster/bootstrap/bootstrap.ts'
import { componentClient } from '../../src/cluster/component-client.ts'
import type { ControlPlane } from '../../src/cluster/control-plane.ts'
import { ControllerManager } from '../../src/controllers/controller-manager.ts'
import type { Client, ObjectKey, ResourceRef } from '../../src/controllers/runtime/client.ts'
import type { ControlLoop } from '../../src/controllers/runtime/control-loop.ts'
import type { Controller } from '../../src/controllers/runtime/controller.ts'
import { Informer } from '../../src/controllers/runtime/informer.ts'
import { silentLogger } from '../../src/controllers/runtime/logger.ts'
import { keyText } from '../../src/controllers/runtime/object-key.ts'
import { noMetrics } from '../../src/controllers/runtime/runtime-metrics.ts'
import { memoryPlane, type PluginsOf } from './memory-plane.ts'

interface TestPlaneOptions {
  /** Default: a {@link ManualClock}. */
  readonly clock?: Clock
  /** Default: none. */
  readonly admission?: PluginsOf
  /** Make the objects that every cluster has (system namespaces, default roles); default false: only `default`. */
  readonly bootstrap?: boolean
}

/** Longest that a test waits for a state, in real time. */
const TIMEOUT_MS = 10_000

/** A control plane in this process on a store in memory, without a socket, for tests of controllers. */
export class TestPlane {
  readonly plane: ControlPlane
  /** An administrator's. */
  readonly client: Client
  readonly clock: Clock
  readonly #managers: ControllerManager[] = []
  readonly #informers = new Map<string, Informer>()

  private constructor(plane: ControlPlane, clock: Clock) {
    this.plane = plane
    this.clock = clock
    this.client = componentClient(plane, { user: 'admin', groups: ['system:masters'], program: 'test' })
  }

  static async start(options: TestPlaneOptions = {}): Promise<TestPlane> {
    const clock = options.clock ?? new ManualClock()
    const { admission = () => [] } = options
    const plane = await memoryPlane({ clock, admission })
    const test = new TestPlane(plane, clock)
    if (options.bootstrap) await bootstrap(plane)
    else await test.client.create(NAMESPACES, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'default' } })
    return test
  }

  /** Runs controllers as the controller manager does; ended by {@link close}. */
  async run(...controllers: readonly Controller[]): Promise<ControllerManager> {
    return await this.runWith([], controllers)
  }

  /** The same with control loops that are no controllers. */
  async runWith(loops: readonly ControlLoop[], controllers: readonly Controller[]): Promise<ControllerManager> {
    const { clock, plane } = this
    const client = componentClient(plane, {
      user: 'system:kube-controller-manager',
      program: 'kube-controller-manager',
    })
    const manager = await ControllerManager.start({ client, clock, logger: silentLogger, controllers, loops })
    this.#managers.push(manager)
    return manager
  }

  /** Resolves with the object once it is as `ready` says. */
  async until<T extends KubeObject>(
    resource: ResourceRef<T>,
    key: ObjectKey,
    ready: (object: T | undefined) => boolean,
  ): Promise<T> {
    const what = `${resource.resource} ${keyText(key)}`
    const objects = await this.untilAll(resource, key.namespace, (all) => ready(find(all, key)), what)
    return find(objects, key) as T
  }

  /** Resolves with the objects of a namespace once they are as `ready` says. */
  async untilAll<T extends KubeObject>(
    resource: ResourceRef<T>,
    namespace: string,
    ready: (objects: readonly T[]) => boolean,
    what: string = resource.resource,
  ): Promise<readonly T[]> {
    const informer = this.#informer(resource)
    await informer.synced
    return await new Promise<readonly T[]>((resolve, reject) => {
      const timer = setTimeout(() => {
        remove()
        reject(new Error(`waited in vain for ${what}: ${JSON.stringify(informer.list(namespace), null, 1)}`))
      }, TIMEOUT_MS)
      let remove = (): void => {}
      const check = (): void => {
        const objects = informer.list(namespace)
        if (!ready(objects)) return
        clearTimeout(timer)
        queueMicrotask(() => remove())
        resolve(objects)
      }
      remove = informer.addHandler({ set: check, remove: check })
      check()
    })
  }

  async close(): Promise<void> {
    await Promise.all(this.#managers.map((m) => m.stop()))
    for (const informer of this.#informers.values()) informer.stop()
    await this.plane.close()
  }

  #informer<T extends KubeObject>(resource: ResourceRef<T>): Informer<T> {
    const id = `${resource.group}/${resource.resource}`
    let informer = this.#informers.get(id)
    if (!informer) {
      const { client, clock } = this
      informer = new Informer({ client, clock, logger: silentLogger, metrics: noMetrics, resource })
      informer.start()
      this.#informers.set(id, informer)
    }
    return informer as unknown as Informer<T>
  }
}

const NAMESPACES = { group: '', version: 'v1', resource: 'namespaces', kind: 'Namespace', namespaced: false }

function find<T extends KubeObject>(objects: readonly T[], { name }: ObjectKey): T | undefined {
  return objects.find((o) => o.metadata.name === name)
}
