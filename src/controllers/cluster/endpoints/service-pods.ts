import { equalJson } from '../../../apimachinery/clone.ts'
import { selectorFromSet } from '../../../apimachinery/label-selector.ts'
import type { Pod, Service, ServicePort } from '../../../apimachinery/types/core-v1.ts'
import type { ObjectKey, Typed } from '../../runtime/client.ts'
import type { CacheReader } from '../../runtime/controller.ts'
import { keyOf } from '../../runtime/object-key.ts'
import { PODS, SERVICES } from '../../runtime/resources.ts'
import { isPodReady, isPodTerminal } from '../../workloads/pod-state.ts'

export const HEADLESS_LABEL = 'service.kubernetes.io/headless'
export const TRIGGER_TIME_ANNOTATION = 'endpoints.kubernetes.io/last-change-trigger-time'

/** True for services whose endpoints controllers make: those with a selector. */
export function hasManagedEndpoints({ spec }: Typed<Service>): boolean {
  return spec?.type !== 'ExternalName' && spec?.selector !== undefined
}

export function isHeadless({ spec }: Typed<Service>): boolean {
  return spec?.clusterIP === undefined || spec.clusterIP === '' || spec.clusterIP === 'None'
}

/** Pods that a service selects. */
export function podsOf(service: Typed<Service>, cache: CacheReader): readonly Typed<Pod>[] {
  const selector = selectorFromSet(service.spec?.selector)
  return cache.list(PODS, service.metadata.namespace).filter((p) => selector.matches(p.metadata.labels))
}

/** The services that a pod's change may mean something to: those that select it, or did. */
export function servicesOfPod(pod: Typed<Pod>, old: Typed<Pod> | undefined, cache: CacheReader): readonly ObjectKey[] {
  if (old && !hasChanged(pod, old) && equalJson(pod.metadata.labels, old.metadata.labels)) return []
  const services: ObjectKey[] = []
  for (const service of cache.list(SERVICES, pod.metadata.namespace)) {
    if (!hasManagedEndpoints(service)) continue
    const selector = selectorFromSet(service.spec?.selector)
    if (selector.matches(pod.metadata.labels) || (old && selector.matches(old.metadata.labels))) {
      services.push(keyOf(service))
    }
  }
  return services
}

/** True where something changed that endpoints show. */
function hasChanged(pod: Typed<Pod>, old: Typed<Pod>): boolean {
  if (pod.metadata.uid !== old.metadata.uid) return true
  if ((pod.metadata.deletionTimestamp === undefined) !== (old.metadata.deletionTimestamp === undefined)) return true
  if (isPodReady(pod) !== isPodReady(old) || isPodTerminal(pod) !== isPodTerminal(old)) return true
  if (pod.status?.podIP !== old.status?.podIP || !equalJson(pod.status?.podIPs, old.status?.podIPs)) return true
  return pod.spec?.nodeName !== old.spec?.nodeName
}

/** True for a pod that has an address and still runs; `terminating`: pods that are being deleted count as well. */
export function belongsInEndpoints(pod: Typed<Pod>, { terminating }: { readonly terminating: boolean }): boolean {
  if (isPodTerminal(pod)) return false
  if (!pod.status?.podIP && !pod.status?.podIPs?.length) return false
  return terminating || pod.metadata.deletionTimestamp === undefined
}

/** The pod's host name, where the service is the one that its subdomain names. */
export function hostnameIn(pod: Typed<Pod>, { metadata }: Typed<Service>): string | undefined {
  const { hostname, subdomain } = pod.spec ?? {}
  return hostname && subdomain === metadata.name ? hostname : undefined
}

export interface NumberedPort {
  readonly name: string
  readonly port: number
  readonly protocol: string
  readonly appProtocol?: string
}

/** A service's ports as a pod has them; ports by name that the pod does not have are left out. */
export function portsOn(pod: Typed<Pod>, service: Typed<Service>): readonly NumberedPort[] {
  const ports: NumberedPort[] = []
  for (const servicePort of service.spec?.ports ?? []) {
    const port = portNumber(pod, servicePort)
    if (port === undefined) continue
    const { name = '', protocol = 'TCP', appProtocol } = servicePort
    ports.push({ name, port, protocol, ...(appProtocol === undefined ? {} : { appProtocol }) })
  }
  return ports
}

function portNumber({ spec }: Typed<Pod>, { targetPort, protocol = 'TCP', port }: ServicePort): number | undefined {
  if (targetPort === undefined) return port
  if (typeof targetPort === 'number') return targetPort
  const sidecars = (spec?.initContainers ?? []).filter((c) => c.restartPolicy === 'Always')
  for (const container of [...(spec?.containers ?? []), ...sidecars]) {
    for (const own of container.ports ?? []) {
      if (own.name === targetPort && (own.protocol ?? 'TCP') === protocol) return own.containerPort
    }
  }
  return undefined
}
