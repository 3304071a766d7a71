import type { FlowControl, FlowCounts } from '../filters/flow-control.ts'
import type { PriorityLevel } from '../flow-control/priority-level.ts'
import type { Labels, Metric, Sample } from './exposition.ts'
import type { Histogram } from './histogram.ts'

/**
 * How full the server is.
 *
 * @see apiserver pkg/util/flowcontrol/metrics/metrics.go
 */
export function flowControlMetrics(flowControl: FlowControl): readonly Metric[] {
  const ofLevel = (name: string, help: string, value: (level: PriorityLevel) => number): Metric => ({
    name: `apiserver_flowcontrol_${name}`,
    help,
    type: 'gauge',
    samples: () => flowControl.levels.map((l) => ({ labels: { priority_level: l.name }, value: value(l) })),
  })
  const ofFlow = (
    name: string,
    type: 'counter' | 'gauge',
    help: string,
    value: (counts: FlowCounts) => number,
  ): Metric => ({
    name: `apiserver_flowcontrol_${name}`,
    help,
    type,
    samples: () => [...flowControl.counts].map((c) => ({ labels: flowLabels(c), value: value(c) })),
  })
  return [
    inFlight(flowControl, 'inflight', 'executing', 'Most requests that ran at once within the last second.'),
    inFlight(flowControl, 'inqueue', 'waiting', 'Most requests that waited at once within the last second.'),
    ofLevel('nominal_limit_seats', 'Seats of a priority level.', (l) => l.limits.nominal),
    ofLevel(
      'lower_limit_seats',
      'Seats that stay when all that can be lent is.',
      (l) => l.limits.nominal - l.limits.lendable,
    ),
    ofLevel('upper_limit_seats', 'Seats with all that can be borrowed.', (l) => l.limits.nominal + l.limits.borrowable),
    ofFlow('current_executing_requests', 'gauge', 'Requests that run.', (c) => c.executing),
    ofFlow('current_inqueue_requests', 'gauge', 'Requests that wait.', (c) => c.waiting),
    ofFlow('current_executing_seats', 'gauge', 'Seats of requests that run.', (c) => c.executingSeats),
    ofFlow('current_inqueue_seats', 'gauge', 'Seats that requests wait for.', (c) => c.waitingSeats),
    ofFlow('dispatched_requests_total', 'counter', 'Requests that got a seat.', (c) => c.dispatched),
    {
      name: 'apiserver_flowcontrol_rejected_requests_total',
      help: 'Requests that got none.',
      type: 'counter',
      samples: () => [...flowControl.counts].flatMap(rejections),
    },
    histogram(flowControl, 'request_wait_duration_seconds', 'Seconds that requests waited for a seat.', (c) => [
      [{ execute: 'true' }, c.waits.executed],
      [{ execute: 'false' }, c.waits.refused],
    ]),
    histogram(flowControl, 'request_execution_seconds', 'Seconds that requests held a seat.', (c) => [
      [{ type: 'regular' }, c.executions.regular],
      [{ type: 'watch' }, c.executions.watch],
    ]),
    histogram(flowControl, 'request_queue_length_after_enqueue', 'Requests that waited when one more came.', (c) => [
      [{}, c.queueLengths],
    ]),
    histogram(flowControl, 'work_estimated_seats', 'Seats that requests take.', (c) => [[{}, c.seats]]),
  ]
}

/** Histograms of each flow schema, those that have seen nothing left out. */
function histogram(
  flowControl: FlowControl,
  name: string,
  help: string,
  of: (counts: FlowCounts) => readonly (readonly [Labels, Histogram])[],
): Metric {
  return {
    name: `apiserver_flowcontrol_${name}`,
    help,
    type: 'histogram',
    *samples() {
      for (const counts of flowControl.counts)
        for (const [labels, values] of of(counts))
          if (values.count > 0) yield* values.samples({ ...flowLabels(counts), ...labels })
    },
  }
}

function inFlight(flowControl: FlowControl, name: string, phase: 'executing' | 'waiting', help: string): Metric {
  return {
    name: `apiserver_current_${name}_requests`,
    help,
    type: 'gauge',
    samples: () => [
      { labels: { request_kind: 'mutating' }, value: flowControl.mutating.peaks()[phase] },
      { labels: { request_kind: 'readOnly' }, value: flowControl.readOnly.peaks()[phase] },
    ],
  }
}

const flowLabels = ({
  level,
  schema,
}: FlowCounts): { readonly priority_level: string; readonly flow_schema: string } => ({
  priority_level: level,
  flow_schema: schema,
})

function rejections(counts: FlowCounts): Sample[] {
  return Object.entries(counts.rejected)
    .filter(([, value]) => value > 0)
    .map(([reason, value]) => ({ labels: { ...flowLabels(counts), reason }, value }))
}
