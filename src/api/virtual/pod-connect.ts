import { badRequest, invalid as invalidObject, notFound } from '../../apimachinery/api-error.ts'
import type { Pod } from '../../apimachinery/types/core-v1.ts'
import { containerToReach, validatePodLogOptions } from '../../registry/core/pod/pod-log-options.ts'
import type { Registry } from '../../registry/generic/registry.ts'
import type { VirtualHandlers } from '../api-resource.ts'
import type { Call } from '../call.ts'
import { boolParameter, intParameter } from '../query-parameters.ts'
import type { UsageMeter } from './resource-metrics.ts'

/** What a client wants of a container of a pod that runs on a node. */
export interface ContainerConnection {
  readonly call: Call
  readonly pod: Pod
  /** '' for port forwarding and proxying, which are the pod's. */
  readonly container: string
  readonly pathBehind: string
}

/** Reaches the containers of nodes. Those that connect take over the response. */
export interface ContainerConnector {
  /** False where there is no such node to connect to. */
  reaches(nodeName: string): boolean | Promise<boolean>
  logs(connection: ContainerConnection): Promise<void>
  exec(connection: ContainerConnection): Promise<void>
  attach(connection: ContainerConnection): Promise<void>
  portForward(connection: ContainerConnection): Promise<void>
  proxy(connection: ContainerConnection): Promise<void>
}

/** Nodes in this process: the simulated kubelets. */
export interface NodeConnector extends ContainerConnector, UsageMeter {}

/** All nodes that a server knows of. */
export interface NodeAccess {
  /** Asked in turn who reaches a node. */
  readonly connectors: readonly ContainerConnector[]
  /** Undefined where nothing is measured. */
  readonly meter: UsageMeter | undefined
}

type Action = 'logs' | 'exec' | 'attach' | 'portForward' | 'proxy'

/** `pods/log`, `exec`, `attach`, `portforward` and `proxy`: what can be refused before a node is asked, in upstream's words. */
export function podConnections(registry: Registry, nodes: NodeAccess): ReadonlyMap<string, VirtualHandlers> {
  const handler = (action: Action): VirtualHandlers => ({
    connect: async (call, name, pathBehind) => {
      if (action === 'logs') checkLogOptions(call, name)
      const pod = (await registry.backing('', 'pods')!.store.get(call.context(), name)).object as unknown as Pod
      const ofPod = action === 'portForward' || action === 'proxy'
      const container = ofPod ? '' : containerToReach(pod, call.query.get('container'))
      const nodeName = pod.spec?.nodeName ?? ''
      if (nodeName === '' && action === 'logs') {
        // The pod is not scheduled yet: there is nothing to read, which is no failure.
        call.reply.code(204).send()
        return
      }
      if (nodeName === '' && action !== 'proxy') throw badRequest(`pod ${name} does not have a host assigned`)
      const connector = await connectorFor(nodeName, nodes.connectors)
      await connector[action]({ call, pod, container, pathBehind })
    },
  })
  return new Map([
    ['/pods/log', handler('logs')],
    ['/pods/exec', handler('exec')],
    ['/pods/attach', handler('attach')],
    ['/pods/portforward', handler('portForward')],
    ['/pods/proxy', handler('proxy')],
  ])
}

/** The first that reaches a node. Errors: 404. */
async function connectorFor(nodeName: string, connectors: readonly ContainerConnector[]): Promise<ContainerConnector> {
  for (const connector of connectors) if (await connector.reaches(nodeName)) return connector
  throw notFound({ group: '', resource: 'pods' }, nodeName)
}

function checkLogOptions(call: Call, name: string): void {
  const { query } = call
  const tailLines = intParameter(query, 'tailLines')
  const limitBytes = intParameter(query, 'limitBytes')
  const sinceSeconds = intParameter(query, 'sinceSeconds')
  const sinceTime = query.get('sinceTime')
  boolParameter(query, 'follow')
  const errors = validatePodLogOptions({
    ...(tailLines === undefined ? {} : { tailLines }),
    ...(limitBytes === undefined ? {} : { limitBytes }),
    ...(sinceSeconds === undefined ? {} : { sinceSeconds }),
    ...(sinceTime === undefined ? {} : { sinceTime }),
  })
  if (errors.length > 0) throw invalidObject({ group: '', kind: 'PodLogOptions' }, name, errors)
}
