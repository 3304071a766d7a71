import { createHash } from 'node:crypto'
import { formatTime } from '../../apimachinery/clock.ts'
import type { ContainerImage, Node, NodeCondition, NodeStatus } from '../../apimachinery/types/core-v1.ts'
import type { Typed } from '../runtime/client.ts'

/** Marks nodes that are simulated: those that `startNodes` makes, and those that others make and want run. */
export const SIMULATED_LABEL = 'node.kubemu.dev/simulated'

/** Where the kubelets of nodes are served to API servers in other processes. */
export interface KubeletEndpoint {
  readonly hostname: string
  readonly ip: string
  readonly port: number
}

export interface NodeTemplate {
  readonly name: string
  readonly ip: string
  /** `10.244.0.0/24` */
  readonly podCidr: string
  readonly capacity: Readonly<Record<string, string>>
  readonly labels: Readonly<Record<string, string>>
  /** Undefined: the node exists in its API server's process alone. */
  readonly endpoint?: KubeletEndpoint | undefined
}

/** What a node has that nobody has sized. */
export const DEFAULT_CAPACITY: Readonly<Record<string, string>> = {
  cpu: '8',
  'ephemeral-storage': '100Gi',
  'hugepages-1Gi': '0',
  'hugepages-2Mi': '0',
  memory: '16Gi',
  pods: '110',
}

/** What a kubelet finds well, in its words. @see kubernetes pkg/kubelet/nodestatus/setters.go */
const HEALTHY: readonly (readonly [type: string, status: string, reason: string, message: string])[] = [
  ['MemoryPressure', 'False', 'KubeletHasSufficientMemory', 'kubelet has sufficient memory available'],
  ['DiskPressure', 'False', 'KubeletHasNoDiskPressure', 'kubelet has no disk pressure'],
  ['PIDPressure', 'False', 'KubeletHasSufficientPID', 'kubelet has sufficient PID available'],
  ['Ready', 'True', 'KubeletReady', 'kubelet is posting ready status'],
]

function hexId(name: string, what: string, length: number): string {
  return createHash('sha256').update(`${what}/${name}`).digest('hex').slice(0, length)
}

function uuid(hex: string): string {
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join('-')
}

/** Conditions as a kubelet posts them; those of others stay. */
function nodeConditions(before: readonly NodeCondition[], nowMs: number): NodeCondition[] {
  const now = formatTime(nowMs)
  const own = HEALTHY.map(([type, status, reason, message]): NodeCondition => {
    const old = before.find((c) => c.type === type)
    const lastTransitionTime = old?.status === status ? old.lastTransitionTime : now
    return { type, status, lastHeartbeatTime: now, lastTransitionTime, reason, message }
  })
  return [...before.filter((c) => !HEALTHY.some(([type]) => type === c.type)), ...own]
}

/** What the kubelet of a node says of it. */
export function nodeStatus(
  template: NodeTemplate,
  before: NodeStatus | undefined,
  nowMs: number,
  images: ContainerImage[] = [],
): NodeStatus {
  const { name, ip, endpoint } = template
  const capacity = before?.capacity ?? { ...template.capacity }
  return {
    ...before,
    addresses: [
      { type: 'InternalIP', address: endpoint?.ip ?? ip },
      { type: 'Hostname', address: endpoint?.hostname ?? name },
    ],
    capacity,
    allocatable: before?.allocatable ?? { ...capacity },
    conditions: nodeConditions(before?.conditions ?? [], nowMs),
    ...(images.length > 0 ? { images } : {}),
    daemonEndpoints: { kubeletEndpoint: { Port: endpoint?.port ?? 10250 } },
    nodeInfo: {
      machineID: hexId(name, 'machine', 32),
      systemUUID: uuid(hexId(name, 'system', 32)),
      bootID: uuid(hexId(name, 'boot', 32)),
      kernelVersion: '6.1.0-kubemu',
      osImage: 'kubemu simulated node',
      containerRuntimeVersion: 'containerd://2.2.0',
      kubeletVersion: 'v1.36.2',
      kubeProxyVersion: '',
      operatingSystem: 'linux',
      architecture: 'amd64',
    },
  }
}

/** A node as its kubelet registers it. @see kubernetes pkg/kubelet/kubelet_node_status.go initialNode */
export function nodeObject(template: NodeTemplate, nowMs: number): Typed<Node> {
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      name: template.name,
      labels: {
        'beta.kubernetes.io/arch': 'amd64',
        'beta.kubernetes.io/os': 'linux',
        'kubernetes.io/arch': 'amd64',
        'kubernetes.io/hostname': template.name,
        'kubernetes.io/os': 'linux',
        [SIMULATED_LABEL]: 'true',
        ...template.labels,
      },
      annotations: { 'volumes.kubernetes.io/controller-managed-attach-detach': 'true' },
    },
    spec: { podCIDR: template.podCidr, podCIDRs: [template.podCidr] },
    status: nodeStatus(template, undefined, nowMs),
  }
}
