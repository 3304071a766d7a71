import { randomBytes } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import { pino } from 'pino'
import type { Trace, TraceQuery } from '../api/trace/trace-record.ts'
import type { KubeObject } from '../apimachinery/kube-object.ts'
import { ManualClock } from '../apimachinery/manual-clock.ts'
import { TokenFileAuthenticator } from '../auth/authn/token-file.ts'
import { openMemoryStore } from '../storage/memory-store.ts'
import type { SnapshotStore } from '../storage/store.ts'
import { applyManifests } from './apply-manifests.ts'
import { ADMINISTRATOR, type RunningCluster, startCluster } from './cluster.ts'
import { InProcessClusterClient } from './cluster-client.ts'
import { type Activity, ClusterTime, settled } from './cluster-time.ts'
import { componentClientOptions } from './component-client.ts'
import { RuleFaults } from './faults.ts'
import { held } from './held.ts'
import { type KubeconfigEntry, kubeconfigText, writeKubeconfig } from './kubeconfig/kubeconfig.ts'
import type {
  ApplyOptions,
  Cluster,
  ClusterClient,
  ClusterClock,
  Condition,
  CreateClusterOptions,
  ForkOptions,
  Manifests,
  ObjectRef,
  ObjectsRef,
  WaitOptions,
} from './library-api.ts'
import { serverOptionsOf } from './library-server-options.ts'
import { openStore } from './open-store.ts'
import { ClusterPki } from './pki/cluster-pki.ts'
import { memoryPki } from './pki/pki-files.ts'
import { waitForObject, waitForObjects } from './wait-for.ts'

/**
 * Starts a cluster: API server, controllers, scheduler and simulated nodes. Resolves once it is ready: it listens, nodes
 * are Ready and pods can be created.
 */
export async function createCluster(options: CreateClusterOptions = {}): Promise<Cluster> {
  const { clock = 'system', dataDir, snapshot } = options
  const time = clock === 'manual' ? new ManualClock(Date.now()) : clock
  const storeClock = time === 'system' ? undefined : time
  const store = dataDir
    ? ((await openStore({ kind: 'leveldb', dataDir, mode: 'sync' }, storeClock)) as SnapshotStore)
    : openMemoryStore(storeClock ? { clock: storeClock } : {})
  if (snapshot) {
    try {
      await store.restore(bufferOf(snapshot))
    } catch (error) {
      await store.close()
      throw error
    }
  }
  return await held(LibraryCluster.start(options, { store, time, tokens: new Tokens(), pki: undefined }))
}

interface Inherited {
  readonly store: SnapshotStore
  readonly time: 'system' | ManualClock
  readonly tokens: Tokens
  /** Undefined: made anew, or in the data folder. */
  readonly pki: ClusterPki | undefined
}

class LibraryCluster implements Cluster {
  readonly client: ClusterClient
  readonly faults: RuleFaults
  readonly token: string
  readonly #options: CreateClusterOptions
  readonly #store: SnapshotStore
  readonly #time: ClusterTime
  readonly #tokens: Tokens
  readonly #pki: ClusterPki | undefined
  readonly #running: RunningCluster
  #baseline: Buffer | undefined
  /** Changes of the whole state come one after the other. */
  #changing: Promise<unknown> = Promise.resolve()
  #stopped: Promise<void> | undefined

  private constructor(
    options: CreateClusterOptions,
    { store, tokens, pki }: Inherited,
    parts: { readonly running: RunningCluster; readonly time: ClusterTime; readonly faults: RuleFaults },
  ) {
    this.#options = options
    this.#store = store
    this.#time = parts.time
    this.#tokens = tokens
    this.token = tokens.of(ADMINISTRATOR.user, ADMINISTRATOR.groups ?? [])
    this.#pki = pki
    this.#running = parts.running
    this.faults = parts.faults
    const { plane } = parts.running.server
    this.client = new InProcessClusterClient(componentClientOptions(plane, ADMINISTRATOR))
  }

  static async start(options: CreateClusterOptions, inherited: Inherited): Promise<LibraryCluster> {
    const { controllers = true, scheduler = controllers, nodes = 1, seed = 1, dataDir } = options
    const { store, tokens } = inherited
    const pki = inherited.pki ?? (dataDir ? undefined : new ClusterPki(memoryPki()))
    const faults = new RuleFaults(seed, () => running.server.plane.compact())
    let activity: Activity = { isBusy: false, revision: () => store.currentRevision() }
    const time = new ClusterTime(inherited.time, () => activity)
    const running: RunningCluster = await startCluster(
      {
        server: serverOptionsOf(options),
        controllers,
        scheduler,
        nodes: typeof nodes === 'number' ? { count: nodes } : nodes,
      },
      options.logger ?? pino({ level: 'silent' }),
      {
        clock: time.clock,
        store,
        tokens: tokens.authenticator,
        faults,
        listen: options.listen ?? true,
        ...(pki ? { pki } : {}),
      },
    ).catch(async (error: unknown) => {
      await store.close()
      throw error
    })
    activity = {
      get isBusy() {
        return !running.isIdle
      },
      revision: () => store.currentRevision(),
    }
    const cluster = new LibraryCluster(options, { ...inherited, pki }, { running, time, faults })
    await cluster.baseline()
    return cluster
  }

  get url(): string {
    return this.#running.url
  }

  get app(): FastifyInstance {
    return this.#running.server.plane.app
  }

  get ca(): string | undefined {
    return this.#running.server.rootCa
  }

  get kubeconfig(): string {
    return this.kubeconfigFor(ADMINISTRATOR.user, ADMINISTRATOR.groups)
  }

  get clock(): ClusterClock {
    return this.#time
  }

  tokenFor(user: string, groups: readonly string[] = []): string {
    return this.#tokens.of(user, groups)
  }

  kubeconfigFor(user: string, groups: readonly string[] = []): string {
    return kubeconfigText(this.#kubeconfigEntry(user, groups))
  }

  async writeKubeconfig(path: string): Promise<void> {
    await writeKubeconfig(path, this.#kubeconfigEntry(ADMINISTRATOR.user, ADMINISTRATOR.groups ?? []))
  }

  async apply(manifests: Manifests, options?: ApplyOptions): Promise<readonly KubeObject[]> {
    return await applyManifests(this.client, this.#running.server.plane.catalog, manifests, options)
  }

  async waitFor(wanted: ObjectRef | ObjectsRef, condition: unknown, options?: WaitOptions): Promise<never> {
    const api = { client: this.client, catalog: this.#running.server.plane.catalog, patience: this.#time }
    const found =
      'metadata' in wanted
        ? waitForObject(api, wanted, condition as Condition<KubeObject>, options)
        : waitForObjects(api, wanted, condition as (objects: readonly KubeObject[]) => boolean, options)
    return (await found) as never
  }

  trace(query: TraceQuery): Trace {
    return this.#running.trace(query)
  }

  async settled(): Promise<void> {
    const running = this.#running
    await settled({
      get isBusy() {
        return !running.isIdle
      },
      revision: () => this.#store.currentRevision(),
    })
  }

  async snapshot(): Promise<Buffer> {
    return await this.#exclusively(() => this.#store.snapshot())
  }

  async restore(snapshot: Uint8Array): Promise<void> {
    await this.#exclusively(() => this.#goTo(bufferOf(snapshot)))
  }

  async reset(): Promise<void> {
    await this.#exclusively(async () => {
      this.faults.clear()
      await this.#goTo(this.#baseline!)
    })
  }

  async baseline(): Promise<void> {
    await this.#exclusively(async () => {
      await this.settled()
      this.#baseline = await this.#store.snapshot()
    })
  }

  async fork(options: ForkOptions = {}): Promise<Cluster> {
    const { port: _, dataDir: __, snapshot: ___, ...inherited } = this.#options
    const store = await this.#store.fork()
    const time = this.#time.isManual ? new ManualClock(this.#time.now()) : 'system'
    const merged = { ...inherited, ...options }
    return await held(LibraryCluster.start(merged, { store, time, tokens: this.#tokens.copy(), pki: this.#pki }))
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#changing.then(() => this.#running.close())
    return this.#stopped
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }

  /** Errors: `Corrupt`, `UnsupportedFormat`; the cluster goes on with what it has then. */
  async #goTo(state: Buffer): Promise<void> {
    await this.#running.halt()
    try {
      await this.#store.rewind(state)
    } finally {
      await this.#running.resume()
    }
  }

  async #exclusively<T>(work: () => Promise<T>): Promise<T> {
    if (this.#stopped) throw new Error('the cluster has been stopped')
    const done = this.#changing.then(work)
    this.#changing = done.catch(() => {})
    return await done
  }

  #kubeconfigEntry(user: string, groups: readonly string[]): KubeconfigEntry {
    if (this.url === '') throw new Error('the cluster does not listen: a kubeconfig would lead nowhere')
    return {
      clusterName: 'kubemu',
      userName: user,
      contextName: 'kubemu',
      server: this.url,
      certificateAuthority: this.ca,
      credentials: { token: this.tokenFor(user, groups) },
    }
  }
}

interface KnownToken {
  readonly token: string
  readonly user: string
  readonly groups: readonly string[]
}

/** The tokens of a cluster's users, one for each user with its groups. */
class Tokens {
  readonly authenticator = new TokenFileAuthenticator('')
  readonly #known = new Map<string, KnownToken>()

  of(user: string, groups: readonly string[]): string {
    const key = JSON.stringify([user, ...groups])
    const known = this.#known.get(key)
    if (known) return known.token
    const token = randomBytes(24).toString('base64url')
    this.#add(key, { token, user, groups })
    return token
  }

  /** Others that begin with the same. */
  copy(): Tokens {
    const copy = new Tokens()
    for (const [key, known] of this.#known) copy.#add(key, known)
    return copy
  }

  #add(key: string, known: KnownToken): void {
    const { token, user, groups } = known
    this.#known.set(key, known)
    this.authenticator.add(token, { name: user, uid: '', groups, extra: {} })
  }
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
