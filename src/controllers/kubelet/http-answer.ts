import type { Pod } from '../../apimachinery/types/core-v1.ts'
import type { ContainerRun } from './container-run.ts'
import type { PodWorker } from './pod-worker.ts'

interface HttpAnswer {
  readonly status: number
  readonly contentType: string
  readonly body: string
}

/** The container that listens on a port: the one that declares it, else the first that runs. Undefined: nobody. */
export function listenerOn(worker: PodWorker, port: number): ContainerRun | undefined {
  const running = worker.containers.filter((run) => run.isRunning && run.role !== 'init')
  const declares = (run: ContainerRun): boolean => run.container.ports?.some((p) => p.containerPort === port) ?? false
  const declared = running.find(declares)
  const isDeclared = worker.containers.some((run) => (run.container.ports?.length ?? 0) > 0)
  return declared ?? (isDeclared ? undefined : running[0])
}

/** What a simulated server answers, and what it logs of it. */
export function httpAnswer(
  run: ContainerRun,
  pod: Pod,
  request: { method: string; path: string; nowMs: number },
): HttpAnswer {
  const { method, path, nowMs } = request
  const { name, namespace } = pod.metadata
  const lines = [
    `Simulated answer of container ${run.name} (${run.container.image})`,
    `Pod: ${namespace}/${name}`,
    `Node: ${pod.spec?.nodeName}`,
    `Request: ${method} ${path}`,
  ]
  const body = `${lines.join('\n')}\n`
  const stamp = new Date(nowMs).toISOString()
  run.log.write(nowMs, 'stdout', `127.0.0.1 - - [${stamp}] "${method} ${path} HTTP/1.1" 200 ${body.length}\n`)
  return { status: 200, contentType: 'text/plain; charset=utf-8', body }
}
