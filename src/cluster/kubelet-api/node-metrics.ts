import type { Labels, Metric, Sample } from '../../api/metrics/exposition.ts'
import { KUBERNETES_VERSION } from '../../api/version.ts'
import type { Probe } from '../../apimachinery/types/core-v1.ts'
import type { ContainerRun } from '../../controllers/kubelet/container-run.ts'
import { fullImageName } from '../../controllers/kubelet/image-reference.ts'
import type { PodWorker } from '../../controllers/kubelet/pod-worker.ts'
import type { SimulatedNode } from '../../controllers/kubelet/simulated-node.ts'
import type { ContainerStats, PodStats, StatsSummary } from '../../controllers/kubelet/stats-summary.ts'
import { amountsOf } from '../../controllers/scheduler/resource-amounts.ts'

type Type = Metric['type']

/** `help` begins with the metric's stability, as component-base writes it. */
function metric(name: string, type: Type, help: string, samples: Iterable<Sample>): Metric {
  return { name, type, help, samples: () => samples }
}

const seconds = (nanos: number): number => nanos / 1e9
const one = (value: number, labels: Labels = {}): Sample[] => [{ labels, value }]

/** `/metrics/resource`. @see kubernetes pkg/kubelet/metrics/collectors/resource_metrics.go */
export function resourceMetrics({ node, pods }: StatsSummary): Metric[] {
  const at = (time: string): number => Date.parse(time)
  const timed = (time: string, value: number, labels: Labels = {}): Sample => ({ labels, value, timestampMs: at(time) })
  const ofContainers = (sample: (stats: ContainerStats, labels: Labels) => Sample): Sample[] =>
    pods.flatMap(({ podRef, containers }) =>
      containers.map((stats) =>
        sample(stats, { container: stats.name, namespace: podRef.namespace, pod: podRef.name }),
      ),
    )
  const ofPods = (sample: (stats: PodStats, labels: Labels) => Sample): Sample[] =>
    pods.map((stats) => sample(stats, { namespace: stats.podRef.namespace, pod: stats.podRef.name }))
  const cpu = (what: string): string => `[STABLE] Cumulative cpu time consumed by the ${what} in core-seconds`
  const memory = (what: string): string => `[STABLE] Current working set of the ${what} in bytes`
  const swap = (what: string): string =>
    `[ALPHA] Current ${what} swap usage in bytes. Reported only on non-windows systems`
  return [
    metric(
      'container_cpu_usage_seconds_total',
      'counter',
      cpu('container'),
      ofContainers((s, labels) => timed(s.cpu.time, seconds(s.cpu.usageCoreNanoSeconds), labels)),
    ),
    metric(
      'container_memory_working_set_bytes',
      'gauge',
      memory('container'),
      ofContainers((s, labels) => timed(s.memory.time, s.memory.workingSetBytes, labels)),
    ),
    metric(
      'container_start_time_seconds',
      'gauge',
      '[STABLE] Start time of the container since unix epoch in seconds',
      ofContainers((s, labels) => ({ labels, value: at(s.startTime) / 1000 })),
    ),
    metric(
      'container_swap_usage_bytes',
      'gauge',
      swap('amount of the container'),
      ofContainers((s, labels) => timed(s.swap.time, s.swap.swapUsageBytes, labels)),
    ),
    metric('node_cpu_usage_seconds_total', 'counter', cpu('node'), [
      timed(node.cpu.time, seconds(node.cpu.usageCoreNanoSeconds)),
    ]),
    metric('node_memory_working_set_bytes', 'gauge', memory('node'), [
      timed(node.memory.time, node.memory.workingSetBytes),
    ]),
    metric(
      'node_swap_usage_bytes',
      'gauge',
      '[ALPHA] Current swap usage of the node in bytes. Reported only on non-windows systems',
      [timed(node.swap.time, node.swap.swapUsageBytes)],
    ),
    metric(
      'pod_cpu_usage_seconds_total',
      'counter',
      cpu('pod'),
      ofPods((s, labels) => timed(s.cpu.time, seconds(s.cpu.usageCoreNanoSeconds), labels)),
    ),
    metric(
      'pod_memory_working_set_bytes',
      'gauge',
      memory('pod'),
      ofPods((s, labels) => timed(s.memory.time, s.memory.workingSetBytes, labels)),
    ),
    metric(
      'pod_swap_usage_bytes',
      'gauge',
      swap('amount of the pod'),
      ofPods((s, labels) => timed(s.swap.time, s.swap.swapUsageBytes, labels)),
    ),
    metric(
      'resource_scrape_error',
      'gauge',
      '[STABLE] 1 if there was an error while getting container metrics, 0 otherwise',
      one(0),
    ),
  ]
}

/**
 * `/metrics/cadvisor`: what of a machine and its containers is simulated.
 *
 * @see google/cadvisor metrics/prometheus.go, prometheus_machine.go
 */
export function cadvisorMetrics(node: SimulatedNode, { node: own, pods }: StatsSummary): Metric[] {
  const stats = new Map(pods.map((pod) => [pod.podRef.uid, pod]))
  const containers = [...node.workers.values()].flatMap((worker) => {
    const pod = stats.get(worker.uid)
    return (pod?.containers ?? []).flatMap((used) => {
      const run = worker.containers.find((r) => r.name === used.name)
      return run ? [{ used, run, labels: cadvisorLabels(worker, run) }] : []
    })
  })
  const timestampMs = Date.parse(own.cpu.time)
  const gauge = (name: string, help: string, value: (c: (typeof containers)[number]) => number | undefined): Metric =>
    metric(
      name,
      'gauge',
      help,
      containers.flatMap((c) => {
        const found = value(c)
        return found === undefined ? [] : [{ labels: c.labels, value: found, timestampMs }]
      }),
    )
  const limit = (run: ContainerRun, name: string): number | undefined => amountsOf(run.actual?.limits).get(name)
  const request = (run: ContainerRun, name: string): number => amountsOf(run.actual?.requests).get(name) ?? 0
  const capacity = amountsOf(node.object?.status?.capacity)
  const { machineID: machine_id = '', systemUUID: system_uuid = '', bootID: boot_id = '' } = infoOf(node)
  const machine = { boot_id, machine_id, system_uuid }
  return [
    metric(
      'cadvisor_version_info',
      'gauge',
      "A metric with a constant '1' value labeled by kernel version, OS version, docker version, cadvisor version & cadvisor revision.",
      one(1, {
        cadvisorRevision: '',
        cadvisorVersion: '',
        dockerVersion: '',
        kernelVersion: infoOf(node).kernelVersion ?? '',
        osVersion: infoOf(node).osImage ?? '',
      }),
    ),
    metric(
      'container_cpu_usage_seconds_total',
      'counter',
      'Cumulative cpu time consumed in seconds.',
      containers.map(({ used, labels }) => ({
        labels: { ...labels, cpu: 'total' },
        value: seconds(used.cpu.usageCoreNanoSeconds),
        timestampMs,
      })),
    ),
    gauge('container_last_seen', 'Last time a container was seen by the exporter', () =>
      Math.floor(timestampMs / 1000),
    ),
    gauge('container_memory_rss', 'Size of RSS in bytes.', ({ used }) => used.memory.rssBytes),
    gauge('container_memory_swap', 'Container swap usage in bytes.', () => 0),
    gauge(
      'container_memory_usage_bytes',
      'Current memory usage in bytes, including all memory regardless of when it was accessed',
      ({ used }) => used.memory.usageBytes,
    ),
    gauge(
      'container_memory_working_set_bytes',
      'Current working set in bytes.',
      ({ used }) => used.memory.workingSetBytes,
    ),
    metric(
      'container_oom_events_total',
      'counter',
      'Count of out of memory events observed for the container',
      containers.map(({ run, labels }) => ({
        labels,
        value: run.last?.terminated?.reason === 'OOMKilled' ? 1 : 0,
        timestampMs,
      })),
    ),
    gauge('container_processes', 'Number of processes running inside the container.', () => 1),
    metric(
      'container_scrape_error',
      'gauge',
      '1 if there was an error while getting container metrics, 0 otherwise',
      one(0),
    ),
    gauge('container_spec_cpu_period', 'CPU period of the container.', () => 100_000),
    gauge('container_spec_cpu_quota', 'CPU quota of the container.', ({ run }) => {
      const milli = limit(run, 'cpu')
      return milli === undefined ? undefined : milli * 100
    }),
    gauge('container_spec_cpu_shares', 'CPU share of the container.', ({ run }) =>
      Math.max(2, Math.floor((request(run, 'cpu') * 1024) / 1000)),
    ),
    gauge(
      'container_spec_memory_limit_bytes',
      'Memory limit for the container.',
      ({ run }) => limit(run, 'memory') ?? 0,
    ),
    gauge('container_start_time_seconds', 'Start time of the container since unix epoch in seconds.', ({ run }) =>
      Math.floor(run.startedMs / 1000),
    ),
    metric(
      'machine_cpu_cores',
      'gauge',
      'Number of logical CPU cores.',
      one((capacity.get('cpu') ?? 0) / 1000, machine),
    ),
    metric(
      'machine_memory_bytes',
      'gauge',
      'Amount of memory installed on the machine.',
      one(capacity.get('memory') ?? 0, machine),
    ),
    metric(
      'machine_scrape_error',
      'gauge',
      '1 if there was an error while getting machine metrics, 0 otherwise.',
      one(0),
    ),
  ]
}

const infoOf = (node: SimulatedNode): Readonly<Record<string, string>> =>
  (node.object?.status?.nodeInfo ?? {}) as Readonly<Record<string, string>>

function cadvisorLabels({ pod, uid }: PodWorker, run: ContainerRun): Labels {
  const name = run.containerId.replace('containerd://', '')
  return {
    container: run.name,
    id: `/kubepods.slice/kubepods-pod${uid.replaceAll('-', '_')}.slice/cri-containerd-${name}.scope`,
    image: fullImageName(run.container.image ?? ''),
    name,
    namespace: pod.metadata.namespace ?? '',
    pod: pod.metadata.name ?? '',
  }
}

const PROBES = { Liveness: 'livenessProbe', Readiness: 'readinessProbe', Startup: 'startupProbe' } as const

/** `/metrics/probes`. @see kubernetes pkg/kubelet/prober/prober_manager.go */
export function probeMetrics(node: SimulatedNode): Metric[] {
  const samples: Sample[] = []
  for (const { pod, uid, containers } of node.workers.values()) {
    for (const run of containers.filter((r) => r.isRunning)) {
      for (const [probe_type, field] of Object.entries(PROBES)) {
        const probe = run.container[field]
        if (!probe) continue
        const { name = '', namespace = '' } = pod.metadata
        const of = { container: run.name, namespace, pod: name, pod_uid: uid, probe_type }
        const { successful, failed } = probesSoFar(probe, run, probe_type, node.timeline.now())
        samples.push({ labels: { ...of, result: 'successful' }, value: successful })
        if (failed > 0) samples.push({ labels: { ...of, result: 'failed' }, value: failed })
      }
    }
  }
  return [
    metric('process_start_time_seconds', 'gauge', START_TIME_HELP, one(node.startedMs / 1000)),
    metric(
      'prober_probe_total',
      'counter',
      '[BETA] Cumulative number of a liveness, readiness or startup probe for a container by result.',
      samples,
    ),
  ]
}

const START_TIME_HELP = '[ALPHA] Start time of the process since unix epoch in seconds.'

/** Probes are not made one by one: how many a kubelet would have made by now. */
function probesSoFar(
  { initialDelaySeconds = 0, periodSeconds = 10 }: Probe,
  { startedMs, isStarted, behaviour }: ContainerRun,
  type: string,
  nowMs: number,
): { readonly successful: number; readonly failed: number } {
  const count = (untilMs: number): number =>
    Math.max(0, Math.floor((untilMs - startedMs - initialDelaySeconds * 1000) / (periodSeconds * 1000)) + 1)
  // A startup probe has done its work once it succeeds.
  if (type === 'Startup') return { successful: isStarted ? 1 : 0, failed: 0 }
  const failsAfterMs = type === 'Liveness' ? behaviour.failLivenessAfterMs : behaviour.failReadinessAfterMs
  const all = count(nowMs)
  const successful = failsAfterMs === undefined ? all : Math.min(all, count(startedMs + failsAfterMs))
  return { successful, failed: all - successful }
}

/** `/metrics`: what a kubelet tells of itself. @see kubernetes pkg/kubelet/metrics/metrics.go */
export function kubeletMetrics(node: SimulatedNode): Metric[] {
  const workers = [...node.workers.values()].filter((worker) => !worker.isTerminal)
  const runs = workers.flatMap((worker) => worker.containers)
  const states = new Map<string, number>()
  for (const run of runs) {
    const state = run.isRunning ? 'running' : run.terminated ? 'exited' : 'created'
    states.set(state, (states.get(state) ?? 0) + 1)
  }
  const withSandbox = workers.filter((worker) => worker.podIp !== '').length
  return [
    metric(
      'kubelet_active_pods',
      'gauge',
      '[ALPHA] The number of pods the kubelet considers active and which are being considered when admitting new pods. static is true if the pod is not from the apiserver.',
      one(workers.length, { static: 'false' }),
    ),
    metric(
      'kubelet_desired_pods',
      'gauge',
      '[ALPHA] The number of pods the kubelet is being instructed to run. static is true if the pod is not from the apiserver.',
      one(node.workers.size, { static: 'false' }),
    ),
    metric(
      'kubelet_node_name',
      'gauge',
      "[ALPHA] The node's name. The count is always 1.",
      one(1, { node: node.name }),
    ),
    metric(
      'kubelet_running_containers',
      'gauge',
      '[ALPHA] Number of containers currently running',
      [...states].sort().map(([container_state, value]) => ({ labels: { container_state }, value })),
    ),
    metric('kubelet_running_pods', 'gauge', '[ALPHA] Number of pods that have a running pod sandbox', one(withSandbox)),
    metric(
      'kubernetes_build_info',
      'gauge',
      "[ALPHA] A metric with a constant '1' value labeled by major, minor, git version, git commit, git tree state, build date, Go version, and compiler from which Kubernetes was built, and platform on which it is running.",
      one(1, {
        build_date: '',
        compiler: '',
        git_commit: '',
        git_tree_state: '',
        git_version: KUBERNETES_VERSION.gitVersion,
        go_version: '',
        major: KUBERNETES_VERSION.major,
        minor: KUBERNETES_VERSION.minor,
        platform: 'linux/amd64',
      }),
    ),
    metric('process_start_time_seconds', 'gauge', START_TIME_HELP, one(node.startedMs / 1000)),
  ]
}

/** `/metrics/slis`. @see component-base metrics/prometheus/slis */
export function sliMetrics(checks: readonly string[]): Metric[] {
  const samples = [...checks].sort().map((name) => ({ labels: { name, type: 'healthz' }, value: 1 }))
  const help = '[STABLE] This metric records the result of a single healthcheck.'
  return [metric('kubernetes_healthcheck', 'gauge', help, samples)]
}
