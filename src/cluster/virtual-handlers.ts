import type { VirtualHandlers } from '../api/api-resource.ts'
import { componentStatuses } from '../api/virtual/component-statuses.ts'
import { podBinding } from '../api/virtual/pod-binding.ts'
import { connectorOf, type NodeAccess, podConnections } from '../api/virtual/pod-connect.ts'
import { podEviction } from '../api/virtual/pod-eviction.ts'
import { proxies } from '../api/virtual/proxies.ts'
import { resourceMetrics } from '../api/virtual/resource-metrics.ts'
import type { Clock } from '../apimachinery/clock.ts'
import type { ComponentHealth } from '../registry/core/component-status.ts'
import type { Registry } from '../registry/generic/registry.ts'

/** What is served without a stored object behind it, by `group/resource[/subresource]`. */
export function virtualHandlers(
  registry: Registry,
  clock: Clock,
  nodes: NodeAccess = { connectors: [] },
  components: () => Promise<readonly ComponentHealth[]> = async () => [],
): ReadonlyMap<string, VirtualHandlers> {
  const binding = podBinding(registry, clock)
  return new Map([
    ['/bindings', binding],
    ['/pods/binding', binding],
    ['/pods/eviction', podEviction(registry, clock)],
    ['/componentstatuses', componentStatuses(components)],
    ...podConnections(registry, nodes),
    ...proxies(registry, nodes),
    ...resourceMetrics(registry, clock, async (name) =>
      name === '' ? undefined : await (await connectorOf(name, nodes.connectors))?.usage(name),
    ),
  ])
}
