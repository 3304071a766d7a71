import type { Rejection, SchedulerPlugin } from '../plugin.ts'

const NAME = 'NodeName'
const OTHER_NODE: Rejection = {
  plugin: NAME,
  reasons: ["node(s) didn't match the requested node name"],
  unresolvable: true,
}

/** Only the node that the pod itself names. @see plugins/nodename/node_name.go */
export const nodeName: SchedulerPlugin = {
  name: NAME,
  demand({ pod }) {
    const wanted = pod.spec?.nodeName
    return wanted ? { filter: { filter: ({ name }) => (name === wanted ? undefined : OTHER_NODE) } } : undefined
  },
  isWokenBy: (event) => event.kind === 'node' && event.old === undefined,
}
