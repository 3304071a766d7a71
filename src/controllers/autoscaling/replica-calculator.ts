import { parseTime } from '../../apimachinery/clock.ts'
import type { Pod } from '../../apimachinery/types/core-v1.ts'
import { podCondition } from '../workloads/pod-state.ts'
import { milliOf, type PodMetric, type PodMetrics } from './pod-metrics.ts'

/** Ratios of usage to target that call for no change. */
export interface Tolerances {
  readonly down: number
  readonly up: number
}

/** Upstream's defaults of `--horizontal-pod-autoscaler-cpu-initialization-period` and `-initial-readiness-delay`. */
const CPU_INITIALIZATION_MS = 300_000
const INITIAL_READINESS_MS = 30_000

/** What replicas are computed from. */
export interface Measurement {
  readonly pods: readonly Pod[]
  readonly metrics: PodMetrics
  readonly resource: string
  /** Undefined: all of them. */
  readonly container: string | undefined
  readonly currentReplicas: number
  readonly tolerances: Tolerances
  readonly nowMs: number
}

export interface Proposal {
  readonly replicas: number
  /** Percent of the request, where the target is one. */
  readonly utilization?: number
  /** Average of a pod, in thousandths. */
  readonly average: number
}

type Values = ReadonlyMap<string, number>

interface Usage {
  readonly ratio: number
  readonly average: number
  readonly utilization?: number
}

/** The replicas that bring the average use to a percentage of what pods request. Errors: a request is missing. */
export function replicasForUtilization(measurement: Measurement, targetPercent: number): Proposal {
  const groups = groupPods(measurement)
  const requests = requestsOf(measurement)
  return propose(measurement, groups, {
    usage: (values) => utilizationOf(values, requests, targetPercent),
    // A pod that nobody measured counts as fully used where that keeps others from being removed.
    missing: (name) => Math.floor(((requests.get(name) ?? 0) * Math.max(100, targetPercent)) / 100),
  })
}

/** The replicas that bring the average use of a pod to so many thousandths. */
export function replicasForAverage(measurement: Measurement, targetMilli: number): Proposal {
  return propose(measurement, groupPods(measurement), {
    usage: (values) => {
      const average = Math.trunc(sum(values) / values.size)
      return { ratio: average / targetMilli, average }
    },
    missing: () => targetMilli,
  })
}

interface Groups {
  readonly readyCount: number
  readonly unready: readonly string[]
  readonly missing: readonly string[]
  /** Of the pods that count. */
  readonly values: Values
}

/** @see kubernetes pkg/controller/podautoscaler/replica_calculator.go groupPods */
function groupPods({ pods, metrics, resource, nowMs }: Measurement): Groups {
  if (pods.length === 0) throw new Error('no pods returned by selector while calculating replica count')
  const unready: string[] = []
  const missing: string[] = []
  const ignored: string[] = []
  let readyCount = 0
  for (const pod of pods) {
    const name = pod.metadata.name!
    const metric = metrics.get(name)
    if (pod.metadata.deletionTimestamp || pod.status?.phase === 'Failed') ignored.push(name)
    else if (pod.status?.phase === 'Pending') unready.push(name)
    else if (!metric) missing.push(name)
    else if (resource === 'cpu' && isWarmingUp(pod, metric, nowMs)) unready.push(name)
    else readyCount++
  }
  const values = new Map([...metrics].map(([name, { milli }]) => [name, milli]))
  for (const name of [...ignored, ...unready]) values.delete(name)
  if (values.size === 0) throw new Error('did not receive metrics for targeted pods (pods might be unready)')
  return { readyCount, unready, missing, values }
}

/** A pod that begins uses more of the processor than it will. */
function isWarmingUp(pod: Pod, metric: PodMetric, nowMs: number): boolean {
  const ready = podCondition(pod, 'Ready')
  const { startTime } = pod.status ?? {}
  if (!ready?.lastTransitionTime || !startTime) return true
  const startedMs = parseTime(startTime)
  const changedMs = parseTime(ready.lastTransitionTime)
  const isUnready = ready.status === 'False'
  if (startedMs + CPU_INITIALIZATION_MS > nowMs) return isUnready || metric.atMs < changedMs + metric.windowMs
  return isUnready && startedMs + INITIAL_READINESS_MS > changedMs
}

interface Target {
  usage(values: Values): Usage
  /** What a pod that nobody measured counts as, where replicas would be removed. */
  missing(name: string): number
}

function propose(
  { currentReplicas, tolerances }: Measurement,
  { readyCount, unready, missing, values }: Groups,
  target: Target,
): Proposal {
  const { ratio, ...seen } = target.usage(values)
  const withUnready = unready.length > 0 && ratio > 1
  if (!withUnready && missing.length === 0) {
    return { replicas: isWithin(tolerances, ratio) ? currentReplicas : Math.ceil(ratio * readyCount), ...seen }
  }
  const all = new Map(values)
  if (ratio < 1) for (const name of missing) all.set(name, target.missing(name))
  else if (ratio > 1) for (const name of missing) all.set(name, 0)
  if (withUnready) for (const name of unready) all.set(name, 0)
  const { ratio: adjusted } = target.usage(all)
  const hasTurned = (ratio < 1 && adjusted > 1) || (ratio > 1 && adjusted < 1)
  if (isWithin(tolerances, adjusted) || hasTurned) return { replicas: currentReplicas, ...seen }
  const replicas = Math.ceil(adjusted * all.size)
  const isWrongWay = (adjusted < 1 && replicas > currentReplicas) || (adjusted > 1 && replicas < currentReplicas)
  return { replicas: isWrongWay ? currentReplicas : replicas, ...seen }
}

function isWithin({ down, up }: Tolerances, ratio: number): boolean {
  return 1 - down <= ratio && ratio <= 1 + up
}

function utilizationOf(values: Values, requests: Values, targetPercent: number): Usage {
  const known = new Map([...values].filter(([name]) => requests.has(name)))
  const requested = [...known.keys()].reduce((total, name) => total + requests.get(name)!, 0)
  if (requested === 0) throw new Error('no metrics returned matched known pods')
  const utilization = Math.trunc((sum(known) * 100) / requested)
  return { ratio: utilization / targetPercent, utilization, average: Math.trunc(sum(known) / known.size) }
}

function sum(values: Values): number {
  let total = 0
  for (const value of values.values()) total += value
  return total
}

/** What each pod requests, in thousandths. Errors: one does not say. */
function requestsOf({ pods, resource, container }: Measurement): Values {
  return new Map(pods.map((pod) => [pod.metadata.name!, requestOf(pod, resource, container)]))
}

function requestOf({ metadata, spec }: Pod, resource: string, container: string | undefined): number {
  const whole = spec?.resources?.requests
  if (container === undefined && whole && Object.keys(whole).length > 0) {
    const request = whole[resource]
    if (request === undefined) throw new Error(`missing pod-level request for ${resource} in Pod ${metadata.name}`)
    return milliOf(request)
  }
  const sidecars = (spec?.initContainers ?? []).filter((c) => c.restartPolicy === 'Always')
  const counted = [...(spec?.containers ?? []), ...sidecars].filter((c) => !container || c.name === container)
  if (container !== undefined && counted.length === 0) {
    throw new Error(`container ${container} not found in Pod ${metadata.name}`)
  }
  return counted.reduce((total, { name, resources }) => {
    const request = resources?.requests?.[resource]
    if (request === undefined) {
      throw new Error(`missing request for ${resource} in container ${name} of Pod ${metadata.name}`)
    }
    return total + milliOf(request)
  }, 0)
}
