import type { Rejection, SchedulerPlugin } from '../plugin.ts'
import { hostPortsOf, portsConflict } from '../pod-info.ts'

const NAME = 'NodePorts'
const TAKEN: Rejection = {
  plugin: NAME,
  reasons: ["node(s) didn't have free ports for the requested pod ports"],
  unresolvable: false,
}

/** Ports of the node that a pod wants for itself. @see plugins/nodeports/node_ports.go */
export const nodePorts: SchedulerPlugin = {
  name: NAME,
  demand({ info }) {
    const wanted = info.hostPorts
    if (wanted.length === 0) return undefined
    return {
      filter: {
        filter(node) {
          for (const used of node.hostPorts()) if (wanted.some((port) => portsConflict(port, used))) return TAKEN
          return undefined
        },
      },
    }
  },
  isWokenBy(event, pod) {
    if (event.kind === 'node') return event.old === undefined
    if (event.kind !== 'pod' || event.new || !event.old?.spec?.nodeName) return false
    const freed = hostPortsOf(event.old)
    return hostPortsOf(pod).some((port) => freed.some((used) => portsConflict(port, used)))
  },
}
