import { FieldPath } from '../../../apimachinery/field-path.ts'
import type { Service, ServicePort } from '../../../apimachinery/types/core-v1.ts'
import type { ServiceCIDR } from '../../../apimachinery/types/networking-v1.ts'
import { isIPv6CIDRString, warningsForIP } from '../../../apimachinery/validation/ip.ts'
import type {
  AnyResourceEntry,
  Cell,
  RegistryConfig,
  ResourceEntry,
  UpdateStrategy,
  WriteHooks,
} from '../../resource.ts'
import { defineResource } from '../../resource.ts'
import { age, ageColumn, column, formatLabels, formatLoadBalancer, nameColumn } from '../../table-cells.ts'
import { legacyIpOptions } from '../legacy-ip.ts'
import { ClusterIpAllocator, type IpAddressRegistry } from './cluster-ip-allocator.ts'
import { NodePortAllocator, type PortRecord } from './node-port-allocator.ts'
import { allocateForCreate, allocateForUpdate, releaseAll, type ServiceAllocators } from './service-allocation.ts'
import { specOf } from './service-fields.ts'
import type { ClusterFamilies, IpFamily } from './service-ip-families.ts'
import {
  dropTypeDependentFields,
  normalizeClusterIps,
  patchAllocatedValues,
  serviceWarnings,
  setServiceDefaults,
  withReadDefaults,
} from './service-strategy.ts'
import { validateServiceCreate, validateServiceStatusUpdate, validateServiceUpdate } from './service-validation.ts'

const statusStrategy: UpdateStrategy<Service> = {
  prepareForUpdate(service, old) {
    service.spec = old.spec
  },
  validateUpdate: (service, old, { config }) => validateServiceStatusUpdate(service, old, config),
  warningsOnUpdate(service) {
    const path = FieldPath.of('status', 'loadBalancer', 'ingress')
    const ingress = service.status?.loadBalancer?.ingress ?? []
    return ingress.flatMap(({ ip }, i) => (ip ? warningsForIP(path.index(i), ip) : []))
  },
}

function formatPorts(ports: readonly ServicePort[] | undefined): string {
  const texts = (ports ?? []).map(({ port, nodePort, protocol }) =>
    nodePort ? `${port}:${nodePort}/${protocol}` : `${port}/${protocol}`,
  )
  return texts.join(',') || '<none>'
}

function externalIp({ spec = {}, status }: Service): string {
  const external = (spec.externalIPs ?? []).join(',')
  switch (spec.type) {
    case 'ClusterIP':
    case 'NodePort':
      return external || '<none>'
    case 'LoadBalancer': {
      const balancer = formatLoadBalancer(status?.loadBalancer?.ingress)
      return [balancer, external].filter((text) => text !== '').join(',') || '<pending>'
    }
    case 'ExternalName':
      return spec.externalName ?? ''
    default:
      return '<unknown>'
  }
}

function serviceCells(service: Service, now: number): Cell[] {
  const spec = service.spec ?? {}
  return [
    service.metadata.name ?? '',
    spec.type ?? '',
    spec.clusterIPs?.[0] ?? '<none>',
    externalIp(service),
    formatPorts(spec.ports),
    age(service, now),
    formatLabels(spec.selector),
  ]
}

const SERVICE: ResourceEntry<Service> = {
  group: '',
  resource: 'services',
  hubVersion: 'v1',
  defaults: setServiceDefaults,
  strategy: {
    prepareForCreate(service) {
      service.status = { loadBalancer: {} }
    },
    validate: (service, { config }) => validateServiceCreate(service, config),
    warningsOnCreate: serviceWarnings,
    prepareForUpdate(service, old) {
      service.status = old.status
      dropTypeDependentFields(service, old)
    },
    validateUpdate: (service, old, { config }) => validateServiceUpdate(service, old, config),
    warningsOnUpdate: serviceWarnings,
    canonicalize({ spec }) {
      // Old releases gave ExternalName services a policy that means nothing there; no reader gets to see it.
      if (spec?.type === 'ExternalName') delete spec.internalTrafficPolicy
    },
  },
  subresourceStrategies: { status: statusStrategy },
  deletion: { returnsObject: true },
  selectableFields: ({ spec }) => ({ 'spec.clusterIP': spec?.clusterIP ?? '', 'spec.type': spec?.type ?? '' }),
  table: {
    columns: [
      nameColumn,
      column('Type'),
      column('Cluster-IP'),
      column('External-IP'),
      column('Port(s)'),
      ageColumn,
      column('Selector', 'string', 1),
    ],
    cells: serviceCells,
  },
}

/**
 * Services without allocation: nothing is given to them, which is enough to read and to validate.
 *
 * @see kubernetes pkg/registry/core/service/strategy.go
 */
export const services: AnyResourceEntry = defineResource(SERVICE)

interface ServicesOptions {
  readonly config: RegistryConfig
  readonly addresses: IpAddressRegistry
  /** The ServiceCIDR objects as they are now, from a cache. */
  readonly serviceCidrs: () => Promise<readonly ServiceCIDR[]>
  readonly portRecord: PortRecord
  /** Deletes the Endpoints of a service that is gone; nothing happens where there are none. */
  readonly deleteEndpoints: (namespace: string, name: string) => Promise<void>
  /** A number in [0, 1); Math.random unless given. */
  readonly random?: () => number
}

/** Services with allocation, and the allocators for {@link ServiceRepair}. */
export interface Services {
  readonly entry: AnyResourceEntry
  readonly allocators: ServiceAllocators
}

/**
 * Makes the entry of services for one cluster. What is taken is told by stored objects (IPAddress objects, the record
 * of node ports), so that API servers that share a store share their ranges.
 */
export function createServices(options: ServicesOptions): Services {
  const { config, addresses, serviceCidrs, portRecord, random = Math.random } = options
  const configuredRanges = config.serviceClusterIpRanges
  const allocators: ServiceAllocators = {
    ips: new ClusterIpAllocator({ addresses, configuredRanges, serviceCidrs, random }),
    ports: new NodePortAllocator(config.serviceNodePortRange, portRecord, random),
  }
  const cluster = clusterFamilies(config)
  const hooks = allocationHooks(allocators, cluster, options.deleteEndpoints)
  return { entry: defineResource({ ...SERVICE, hooks }), allocators }
}

function clusterFamilies(config: RegistryConfig): ClusterFamilies {
  const families = config.serviceClusterIpRanges.map((cidr): IpFamily => (isIPv6CIDRString(cidr) ? 'IPv6' : 'IPv4'))
  return { configured: [...new Set(families)], strict: legacyIpOptions(config).strict }
}

function allocationHooks(
  allocators: ServiceAllocators,
  cluster: ClusterFamilies,
  deleteEndpoints: ServicesOptions['deleteEndpoints'],
): WriteHooks<Service> {
  const defaultFamily = cluster.configured[0] ?? 'IPv4'
  return {
    async beginCreate(service, _context, dryRun) {
      normalizeClusterIps(specOf(service), undefined)
      return await allocateForCreate(service, allocators, cluster, dryRun)
    },
    async beginUpdate(service, old, _context, dryRun) {
      const before = withReadDefaults(old, defaultFamily)
      const spec = specOf(service)
      patchAllocatedValues(spec, before.spec ?? {})
      normalizeClusterIps(spec, before.spec ?? {})
      return await allocateForUpdate(service, before, allocators, cluster, dryRun)
    },
    async afterDelete(service) {
      await deleteEndpoints(service.metadata.namespace ?? '', service.metadata.name ?? '')
      await releaseAll(withReadDefaults(service, defaultFamily), allocators)
    },
  }
}
