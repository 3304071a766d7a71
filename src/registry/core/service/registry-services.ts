import { isAlreadyExists, isNotFound } from '../../../apimachinery/api-error.ts'
import type { Clock } from '../../../apimachinery/clock.ts'
import type { KubeObject } from '../../../apimachinery/kube-object.ts'
import type { Service } from '../../../apimachinery/types/core-v1.ts'
import type { IPAddress, ServiceCIDR } from '../../../apimachinery/types/networking-v1.ts'
import type { Store } from '../../../storage/store.ts'
import type { ResourceBacking } from '../../generic/registry.ts'
import type { RequestContext } from '../../generic/request-context.ts'
import type { RegistryConfig } from '../../resource.ts'
import type { IpAddressRegistry } from './cluster-ip-allocator.ts'
import { ServiceRepair } from './service-repair.ts'
import { createServices, type Services } from './services.ts'
import { NODE_PORTS_KEY, storedPortRecord } from './stored-port-record.ts'

interface RegistryServicesOptions {
  readonly config: RegistryConfig
  readonly store: Store
  /** Prefix of every key, as the registry has it. */
  readonly keyPrefix: string
  readonly clock: Clock
  /** Looks up what stands behind a resource; called only once requests are served. */
  readonly backing: (group: string, resource: string) => ResourceBacking | undefined
}

/** Services whose addresses, ports and endpoints are kept by the registry that they belong to. */
interface RegistryServices extends Services {
  /** To be run at start, before services are written, and every three minutes from then on. */
  readonly repair: ServiceRepair
}

/**
 * Makes the entry of services for a registry: the entry goes into the registry in place of the plain one of
 * `coreEntries`, and looks the registry up when it needs it.
 */
export function registryServices(options: RegistryServicesOptions): RegistryServices {
  const { config, store, keyPrefix, clock } = options
  const backing = (group: string, resource: string): ResourceBacking => {
    const found = options.backing(group, resource)
    if (!found) throw new Error(`the registry has no ${resource}`)
    return found
  }
  const addresses = ipAddressRegistry(() => backing('networking.k8s.io', 'ipaddresses'))
  const services = createServices({
    config,
    addresses,
    serviceCidrs: async () =>
      (await listAll(backing('networking.k8s.io', 'servicecidrs'), 'any')) as readonly ServiceCIDR[],
    portRecord: storedPortRecord(store, `${keyPrefix}/${NODE_PORTS_KEY}`, config.serviceNodePortRange),
    deleteEndpoints: async (namespace, name) => {
      await ignoring(isNotFound, backing('', 'endpoints').store.delete(serverContext(namespace), name, {}))
    },
  })
  const repair = new ServiceRepair({
    allocators: services.allocators,
    addresses,
    listServices: async () => (await listAll(backing('', 'services'), 'latest')) as readonly Service[],
    listAddresses: async () =>
      (await listAll(backing('networking.k8s.io', 'ipaddresses'), 'latest')) as unknown as readonly IPAddress[],
    now: () => clock.now(),
  })
  return { ...services, repair }
}

function ipAddressRegistry(backing: () => ResourceBacking): IpAddressRegistry {
  return {
    loaded: async () => await backing().cache.ready,
    has: (name) => backing().cache.peek(backing().identity.keyPrefix + name) !== undefined,
    async create(address) {
      const created = backing().store.create(serverContext(''), address as unknown as KubeObject)
      return (await ignoring(isAlreadyExists, created)) !== undefined
    },
    async delete(name) {
      await ignoring(isNotFound, backing().store.delete(serverContext(''), name, {}))
    },
  }
}

/** `any`: as the cache has it; `latest`: all that is stored. */
async function listAll({ cache }: ResourceBacking, at: 'any' | 'latest'): Promise<readonly KubeObject[]> {
  const { entries } = await cache.list({ at })
  return entries.map(({ object }) => object)
}

/** Undefined where the work failed with an error of the expected sort. */
async function ignoring<T>(expected: (error: unknown) => boolean, work: Promise<T>): Promise<T | undefined> {
  try {
    return await work
  } catch (error) {
    if (expected(error)) return undefined
    throw error
  }
}

/** The server itself acts. */
function serverContext(namespace: string): RequestContext {
  return { user: undefined, namespace, dryRun: false, warn: () => {} }
}
