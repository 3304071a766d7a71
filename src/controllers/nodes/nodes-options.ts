/** What the simulated nodes of a cluster are to be like. */
export interface SimulatedNodesOptions {
  /** How many nodes to create; default 0: only those that others create with the label. */
  readonly count?: number
  /** Names are this and a number; default `node-`. */
  readonly namePrefix?: string
  readonly capacity?: Readonly<Record<string, string>>
  readonly labels?: Readonly<Record<string, string>>
  /** Zones that the nodes are dealt out to in turn. */
  readonly zones?: readonly string[]
}
