import { networkInterfaces } from 'node:os'
import { isAlreadyExists, isConflict } from '../apimachinery/api-error.ts'
import { type Clock, every, type Timer } from '../apimachinery/clock.ts'

import type { KubeObject } from '../apimachinery/kube-object.ts'
import type { EndpointPort, Endpoints } from '../apimachinery/types/core-v1.ts'
import type { EndpointSlice } from '../apimachinery/types/discovery-v1.ts'
import { parseCidr, parseIp } from '../apimachinery/validation/ip.ts'
import type { Registry } from '../registry/generic/registry.ts'
import { guaranteedUpdate } from '../storage/guaranteed-update.ts'
import { isStorageError } from '../storage/storage-error.ts'
import type { Store } from '../storage/store.ts'
import { bringTo, systemContext } from './bootstrap/ensure.ts'

/** `--endpoint-reconciler-type` */
export type EndpointReconcilerType = 'lease' | 'master-count' | 'none'

export interface KubernetesEndpointsOptions {
  readonly registry: Registry
  readonly store: Store
  readonly keyPrefix: string
  /** Other servers may be on the store: each holds a lease for as long as it runs. */
  readonly sharedStore: boolean
  readonly type: EndpointReconcilerType
  /** `--apiserver-count`: how many addresses are kept without leases. */
  readonly serverCount: number
  /** Where clients reach this server. */
  readonly address: string
  readonly port: number
  readonly clock: Clock
  readonly logger: { warn(fields: object, message: string): void }
}

const NAMESPACE = 'default'
const SERVICE = 'kubernetes'
const SERVICE_NAME_LABEL = 'kubernetes.io/service-name'
/** How often addresses are looked after, and how long a lease holds without that. */
const INTERVAL_MS = 10_000
const LEASE_SECONDS = 15
const MAX_TRIES = 4

/**
 * Keeps the addresses of all servers in the Endpoints and EndpointSlices of the Service `kubernetes`.
 *
 * @see kubernetes pkg/controlplane/controller/kubernetesservice/controller.go, pkg/controlplane/reconcilers
 */
export class KubernetesEndpoints {
  readonly #options: KubernetesEndpointsOptions
  #timer: Timer | undefined
  #work: Promise<void> = Promise.resolve()

  private constructor(options: KubernetesEndpointsOptions) {
    this.#options = options
  }

  /** Resolves once this server's address is there, or could not be written, which is logged. */
  static async start(options: KubernetesEndpointsOptions): Promise<KubernetesEndpoints> {
    const endpoints = new KubernetesEndpoints(options)
    if (options.type === 'none') return endpoints
    endpoints.#timer = every(options.clock, INTERVAL_MS, () => endpoints.#reconcile())
    endpoints.#reconcile()
    await endpoints.#work
    return endpoints
  }

  /** Takes this server's address away, unless it is the only one. */
  async stop(): Promise<void> {
    this.#timer?.cancel()
    await this.#work
    if (this.#timer === undefined || !this.#usesLeases) return
    await this.#guarded(async () => {
      await this.#dropLease()
      const others = await this.#leases()
      if (others.length > 0) await this.#write(others)
    })
  }

  get #usesLeases(): boolean {
    return this.#options.sharedStore && this.#options.type === 'lease'
  }

  #reconcile(): void {
    this.#work = this.#work.then(() => this.#guarded(async () => this.#write(await this.#addresses())))
  }

  async #guarded(work: () => Promise<void>): Promise<void> {
    try {
      await work()
    } catch (error) {
      this.#options.logger.warn({ err: error }, 'could not keep the endpoints of the kubernetes service')
    }
  }

  /** Of all servers that are there. */
  async #addresses(): Promise<string[]> {
    const { address, sharedStore, type, serverCount } = this.#options
    if (this.#usesLeases) {
      await this.#renewLease()
      return await this.#leases()
    }
    if (!sharedStore || type !== 'master-count') return [address]
    const kept = new Set(await this.#current()).add(address)
    for (const other of [...kept].sort()) if (kept.size > serverCount && other !== address) kept.delete(other)
    return [...kept]
  }

  async #current(): Promise<string[]> {
    const { store } = this.#options.registry.backing('', 'endpoints')!
    try {
      const { object } = await store.get(systemContext(NAMESPACE), SERVICE)
      const { subsets = [] } = object as unknown as Partial<Endpoints>
      return subsets.flatMap(({ addresses = [] }) => addresses.map(({ ip }) => ip))
    } catch {
      return []
    }
  }

  get #leasePrefix(): string {
    return `${this.#options.keyPrefix}/masterleases/`
  }

  async #renewLease(): Promise<void> {
    const { store, address } = this.#options
    const transform = (current: { readonly value: Buffer } | undefined) => {
      // What has not changed is not written, and would not live on.
      const generation = current ? (JSON.parse(current.value.toString()) as Lease).metadata.generation + 1 : 1
      return { value: Buffer.from(JSON.stringify(leaseOf(address, generation))), ttlSeconds: LEASE_SECONDS }
    }
    await guaranteedUpdate(store, this.#leasePrefix + address, transform, { ignoreNotFound: true })
  }

  async #leases(): Promise<string[]> {
    const { kvs } = await this.#options.store.range(this.#leasePrefix)
    return kvs.map(({ key }) => key.slice(this.#leasePrefix.length))
  }

  async #dropLease(): Promise<void> {
    const { store, address } = this.#options
    const { kv } = await store.get(this.#leasePrefix + address)
    if (!kv) return
    try {
      await store.delete(kv.key, kv.modRevision)
    } catch (error) {
      if (!isStorageError(error, 'KeyNotFound')) throw error
    }
  }

  async #write(addresses: readonly string[]): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        await this.#writeOnce([...addresses].sort())
        return
      } catch (error) {
        // Another server was faster with the same.
        if (attempt === MAX_TRIES || !(isConflict(error) || isAlreadyExists(error))) throw error
      }
    }
  }

  async #writeOnce(addresses: readonly string[]): Promise<void> {
    const { registry, port } = this.#options
    const ports: EndpointPort[] = [{ name: 'https', port, protocol: 'TCP' }]
    const [primary = 4, ...others] = registry.config.serviceClusterIpRanges.map((cidr) => parseCidr(cidr)?.base.family)
    const ofFamily = (family: 4 | 6): string[] => addresses.filter((ip) => parseIp(ip)?.family === family)
    const metadata = { name: SERVICE, namespace: NAMESPACE }
    await bringTo(registry, '', 'endpoints', metadata, (current) => {
      const object = { kind: 'Endpoints', apiVersion: 'v1', metadata, ...current }
      const { subsets } = object as Partial<Endpoints>
      const kept = subsets?.length === 1 && subsets[0]!.ports?.length ? subsets[0]!.ports : ports
      return {
        ...object,
        metadata: { ...object.metadata, labels: { 'endpointslice.kubernetes.io/skip-mirror': 'true' } },
        subsets: [{ addresses: ofFamily(primary).map((ip) => ({ ip })), ports: kept }],
      }
    })
    const secondary = others.find((family) => family !== undefined)
    const isDual = secondary !== undefined && ofFamily(primary).length === ofFamily(secondary).length
    await this.#writeSlice(SERVICE, primary, ofFamily(primary), ports)
    if (secondary === undefined) return
    await this.#writeSlice(`${SERVICE}-v${secondary}`, secondary, isDual ? ofFamily(secondary) : [], ports)
  }

  async #writeSlice(name: string, family: 4 | 6, addresses: string[], ports: EndpointPort[]): Promise<void> {
    const metadata = { name, namespace: NAMESPACE }
    const slice: KubeObject = { kind: 'EndpointSlice', apiVersion: 'discovery.k8s.io/v1', metadata }
    await bringTo(this.#options.registry, 'discovery.k8s.io', 'endpointslices', metadata, (current) => {
      const object = { ...slice, ...current } as KubeObject & Partial<EndpointSlice>
      return {
        ...object,
        metadata: { ...object.metadata, labels: { [SERVICE_NAME_LABEL]: SERVICE } },
        addressType: family === 4 ? 'IPv4' : 'IPv6',
        endpoints: addresses.map((ip) => ({ addresses: [ip], conditions: { ready: true } })),
        ports: object.ports?.length ? object.ports : ports,
      }
    })
  }
}

interface Lease extends KubeObject {
  readonly metadata: { readonly generation: number }
}

const leaseOf = (ip: string, generation: number): Lease => ({
  kind: 'Endpoints',
  apiVersion: 'v1',
  metadata: { generation },
  subsets: [{ addresses: [{ ip }] }],
})

/**
 * `--advertise-address` where it is not given: the address that the server listens on, or the machine's where that is
 * open to all or to the machine alone. Undefined where there is no network.
 */
export function defaultAdvertiseAddress(bindAddress: string): string | undefined {
  const isOwn =
    bindAddress === '0.0.0.0' || bindAddress === '::' || bindAddress === '::1' || bindAddress.startsWith('127.')
  if (!isOwn) return parseIp(bindAddress) ? bindAddress : undefined
  const all = Object.values(networkInterfaces()).flatMap((list) => list ?? [])
  const usable = all.filter(({ internal, address }) => !internal && !/^(fe80:|169\.254\.)/i.test(address))
  return (usable.find(({ family }) => family === 'IPv4') ?? usable[0])?.address
}
