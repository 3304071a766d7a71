import type { Duplex } from 'node:stream'
import { badRequest, invalid as invalidObject, notFound } from '../../apimachinery/api-error.ts'
import { parseTime } from '../../apimachinery/schema/go-time.ts'
import { DecodeError } from '../../apimachinery/schema/json-text.ts'
import type { Node, Pod } from '../../apimachinery/types/core-v1.ts'
import { containerToReach, validatePodLogOptions } from '../../registry/core/pod/pod-log-options.ts'
import type { Registry } from '../../registry/generic/registry.ts'
import type { VirtualHandlers } from '../api-resource.ts'
import type { Call } from '../call.ts'
import type { ProxyBackend } from '../proxy/upgrade-aware-proxy.ts'
import { boolParameter, intParameter } from '../query-parameters.ts'
import type { NodeUsage } from './resource-metrics.ts'

/** What a client wants of a container of a pod that runs on a node. */
export interface ContainerConnection {
  readonly call: Call
  readonly pod: Pod
  /** '' for port forwarding, which is the pod's. */
  readonly container: string
}

/** A port to connect to. */
export interface DialTarget {
  readonly port: number
  /** Speak TLS there, with whoever answers. */
  readonly secure: boolean
}

/** A kubelet as something to proxy to: its port, and the name or address that it is reached at. */
export interface Kubelet extends ProxyBackend {
  readonly hostname: string
  readonly port: number
}

/** Reaches nodes and the containers on them. Those that stream take over the response. */
export interface NodeConnector {
  /** False where there is no such node to connect to. */
  reaches(nodeName: string): boolean | Promise<boolean>
  logs(connection: ContainerConnection): Promise<void>
  exec(connection: ContainerConnection): Promise<void>
  attach(connection: ContainerConnection): Promise<void>
  portForward(connection: ContainerConnection): Promise<void>
  /** Errors: 500 where the node has no address. */
  kubelet(node: Node): Kubelet | Promise<Kubelet>
  /** A connection to a pod at one of its addresses. Rejects with an error that `transportMessage` words. */
  dialPod(pod: Pod, ip: string, target: DialTarget): Promise<Duplex>
  /** A connection to a port of the node itself. Rejects likewise. Errors: 400 for addresses that nothing is proxied to. */
  dialNode(node: Node, target: DialTarget): Promise<Duplex>
  /** What the node and the pods on it use now; undefined where nobody measures it. */
  usage(nodeName: string): NodeUsage | undefined | Promise<NodeUsage | undefined>
}

/** All nodes that a server knows of. */
export interface NodeAccess {
  /** Asked in turn who reaches a node. */
  readonly connectors: readonly NodeConnector[]
}

type Action = 'logs' | 'exec' | 'attach' | 'portForward'

/** `pods/log`, `exec`, `attach` and `portforward`: what can be refused before a node is asked, in upstream's words. */
export function podConnections(registry: Registry, nodes: NodeAccess): ReadonlyMap<string, VirtualHandlers> {
  const handler = (action: Action): VirtualHandlers => ({
    connect: async (call, name) => {
      if (action === 'logs') checkLogOptions(call, name)
      const pod = (await registry.backing('', 'pods')!.store.get(call.context(), name)).object as unknown as Pod
      const container = action === 'portForward' ? '' : containerToReach(pod, call.query.get('container'))
      const nodeName = pod.spec?.nodeName ?? ''
      if (nodeName === '' && action === 'logs') {
        // The pod is not scheduled yet: there is nothing to read, which is no failure.
        call.reply.code(204).send()
        return
      }
      if (nodeName === '') throw badRequest(`pod ${name} does not have a host assigned`)
      const connector = await connectorOf(nodeName, nodes.connectors)
      // As upstream, whose stores name the resource that was asked for.
      if (!connector) throw notFound({ group: '', resource: 'pods' }, nodeName)
      await connector[action]({ call, pod, container })
    },
  })
  return new Map([
    ['/pods/log', handler('logs')],
    ['/pods/exec', handler('exec')],
    ['/pods/attach', handler('attach')],
    ['/pods/portforward', handler('portForward')],
  ])
}

/** The first that reaches a node. */
export async function connectorOf(
  nodeName: string,
  connectors: readonly NodeConnector[],
): Promise<NodeConnector | undefined> {
  for (const connector of connectors) if (await connector.reaches(nodeName)) return connector
  return undefined
}

/** Decoded in the order of the fields of PodLogOptions, of which the first that is wrong is told; then validated. */
function checkLogOptions(call: Call, name: string): void {
  const { query } = call
  boolParameter(query, 'follow')
  const sinceSeconds = intParameter(query, 'sinceSeconds')
  const sinceTime = query.get('sinceTime')
  if (sinceTime !== undefined) checkTime(sinceTime)
  const tailLines = intParameter(query, 'tailLines')
  const limitBytes = intParameter(query, 'limitBytes')
  const stream = query.get('stream')
  const errors = validatePodLogOptions({
    ...(tailLines === undefined ? {} : { tailLines }),
    ...(limitBytes === undefined ? {} : { limitBytes }),
    ...(sinceSeconds === undefined ? {} : { sinceSeconds }),
    ...(sinceTime === undefined ? {} : { sinceTime }),
    ...(stream === undefined ? {} : { stream }),
  })
  if (errors.length > 0) throw invalidObject({ group: '', kind: 'PodLogOptions' }, name, errors)
}

/** `null` is what clients of old sent for no time. */
function checkTime(text: string): void {
  if (text === '' || text === 'null') return
  try {
    parseTime(text)
  } catch (error) {
    if (error instanceof DecodeError) throw badRequest(error.message)
    throw error
  }
}
