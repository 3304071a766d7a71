import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { Duplex } from 'node:stream'
import type { Call } from '../api/call.ts'
import { boolParameter, intParameter } from '../api/query-parameters.ts'
import type { ContainerConnection, NodeConnector } from '../api/virtual/pod-connect.ts'
import type { ResourceUsage } from '../api/virtual/resource-metrics.ts'
import { badRequest, internalError, serviceUnavailable } from '../apimachinery/api-error.ts'
import type { Pod } from '../apimachinery/types/core-v1.ts'
import type { ContainerLog, LogLine } from '../controllers/kubelet/container-log.ts'
import type { ContainerRun } from '../controllers/kubelet/container-run.ts'
import { environmentOf } from '../controllers/kubelet/environment.ts'
import { ExecSession } from '../controllers/kubelet/exec-session.ts'
import type { Fleet } from '../controllers/kubelet/fleet.ts'
import { httpAnswer, listenerOn } from '../controllers/kubelet/http-answer.ts'
import { formatLine, isWanted, type LogQuery, selectedLines } from '../controllers/kubelet/log-query.ts'
import { configNamesOf, mountedFiles, readConfig } from '../controllers/kubelet/mounted-files.ts'
import type { PodWorker } from '../controllers/kubelet/pod-worker.ts'
import { hostnameOf } from '../controllers/kubelet/process.ts'
import { Shell } from '../controllers/kubelet/shell.ts'
import { containerUsage, nodeUsage } from '../controllers/kubelet/usage.ts'
import { openChannels, openSpdy } from './remote-channels.ts'
import { SpdySession, type SpdyStream } from './spdy-session.ts'

const STDOUT = 1
const STDERR = 2
/** Where a stream's outcome is told. */
const ERROR = 3
const STDIN = 0

const SUCCESS = { metadata: {}, status: 'Success' }

/**
 * Reaches the containers of simulated nodes: logs, exec, attach, port forwarding and proxying, over WebSocket where a
 * stream is two-way.
 *
 * @see kubernetes pkg/kubelet/server/server.go; k8s.io/streaming wsstream, remotecommand
 */
export class SimulatedNodeConnector implements NodeConnector {
  readonly #fleet: Fleet
  readonly #http: Server

  constructor(fleet: Fleet) {
    this.#fleet = fleet
    // Never listens: it is handed connections that come through the API.
    this.#http = createServer((request, response) => this.#answerForwarded(request, response))
  }

  reaches(nodeName: string): boolean {
    return this.#fleet.nodes.has(nodeName)
  }

  nodeUsage(nodeName: string): ResourceUsage | undefined {
    const node = this.#fleet.nodes.get(nodeName)
    return node && nodeUsage(node)
  }

  podUsage(pod: Pod): readonly (readonly [string, ResourceUsage])[] | undefined {
    const worker = this.#fleet.worker(pod)
    const running = worker?.containers.filter((run) => run.isRunning)
    return running?.map((run) => [run.name, containerUsage(worker!.pod, run)] as const)
  }

  async logs({ call, pod, container }: ContainerConnection): Promise<void> {
    const { worker, run } = this.#find(pod, container)
    const { query } = call
    const previous = boolParameter(query, 'previous') ?? false
    const log = logOf(run, worker, previous)
    const wanted = logQuery(call, worker.node.timeline.now())
    const follow = (boolParameter(query, 'follow') ?? false) && !previous && run.isRunning
    let left = intParameter(query, 'limitBytes') ?? Number.POSITIVE_INFINITY
    const { reply } = call
    reply.hijack()
    reply.raw.writeHead(200, { 'content-type': 'text/plain' })
    const send = (line: LogLine): void => {
      const bytes = Buffer.from(formatLine(line, wanted)).subarray(0, left)
      left -= bytes.length
      if (bytes.length > 0) reply.raw.write(bytes)
    }
    for (const line of selectedLines(log.lines, wanted)) send(line)
    if (!follow) {
      reply.raw.end()
      return
    }
    reply.raw.flushHeaders()
    const stopListening = log.listen((line) => {
      if (isWanted(line, wanted)) send(line)
      if (left <= 0) end()
    })
    const stopWatching = onceEnded(worker, run, () => end())
    const end = (): void => {
      stopListening()
      stopWatching()
      if (!reply.raw.writableEnded) reply.raw.end()
    }
    reply.raw.on('close', end)
  }

  async exec({ call, pod, container }: ContainerConnection): Promise<void> {
    const { worker, run } = this.#find(pod, container)
    if (!run.isRunning) throw internalError(`unable to upgrade connection: container not found ("${container}")`)
    const command = call.query.all('command')
    if (command.length === 0) throw badRequest('you must specify at least 1 command for the pod')
    const tty = boolParameter(call.query, 'tty') ?? false
    const shell = await shellOf(worker, run, tty)
    const channels = await openChannels(call)
    const program = shell.program(command)
    if (!program) {
      channels.end(ERROR, execFailure(command[0]!))
      return
    }
    const session = new ExecSession({
      program,
      timeline: worker.node.timeline,
      tty,
      isInteractive: command.length === 1,
      sink: {
        write: (stream, data) => channels.send(stream === 'stdout' ? STDOUT : STDERR, data),
        exit: (code) => channels.end(ERROR, code === 0 ? SUCCESS : exitFailure(command, code)),
      },
    })
    channels.onData(STDIN, (data) => session.input(data))
    channels.onEnd(STDIN, () => session.endInput())
    const stopWatching = onceEnded(worker, run, () => channels.end(ERROR, exitFailure(command, 137)))
    channels.onClose(() => {
      stopWatching()
      session.close()
    })
    if (!(boolParameter(call.query, 'stdin') ?? false)) session.endInput()
    session.start()
  }

  async attach({ call, pod, container }: ContainerConnection): Promise<void> {
    const { worker, run } = this.#find(pod, container)
    if (!run.isRunning) throw internalError(`unable to upgrade connection: container not found ("${container}")`)
    const channels = await openChannels(call)
    const { session } = run
    const stopListening = run.log.onWrite((stream, text) =>
      channels.send(stream === 'stdout' ? STDOUT : STDERR, Buffer.from(text)),
    )
    const stopWatching = onceEnded(worker, run, () => {
      const code = run.terminated?.exitCode ?? 0
      channels.end(ERROR, code === 0 ? SUCCESS : exitFailure([], code))
    })
    const isAsked = boolParameter(call.query, 'stdin') ?? false
    const endInput = (): void => {
      if (isAsked && run.container.stdinOnce) session?.endInput()
    }
    channels.onData(STDIN, (data) => session?.input(data))
    channels.onEnd(STDIN, endInput)
    channels.onClose(() => {
      stopListening()
      stopWatching()
      endInput()
    })
  }

  async portForward({ call, pod }: ContainerConnection): Promise<void> {
    const worker = this.#worker(pod)
    const spdy = await openSpdy(call)
    if (spdy) {
      new SpdySession(spdy, (stream) => this.#forwardStream(worker, stream))
      return
    }
    const ports = call.query.all('ports').flatMap((text) => text.split(',').map(Number))
    if (ports.length === 0) throw badRequest('query parameter "ports" is required')
    if (ports.some((port) => !Number.isInteger(port) || port < 1 || port > 65535)) {
      throw badRequest(`unable to parse "${call.query.all('ports').join(',')}" as a port`)
    }
    const channels = await openChannels(call)
    for (const [i, port] of ports.entries()) {
      const data = i * 2
      const errors = data + 1
      const number = Buffer.from([port & 255, port >> 8])
      channels.send(data, number)
      channels.send(errors, number)
      if (!listenerOn(worker, port)) {
        const refused = refusedMessage(worker, port)
        channels.onData(data, () => channels.send(errors, Buffer.from(refused)))
        continue
      }
      const connection = new ForwardedConnection(worker, port, (bytes) => channels.send(data, bytes))
      channels.onData(data, (bytes) => connection.receive(bytes))
      channels.onClose(() => connection.destroy())
      this.#http.emit('connection', connection)
    }
  }

  /** Over SPDY each connection is a pair of streams: one for what went wrong, one for the data. */
  #forwardStream(worker: PodWorker, stream: SpdyStream): void {
    const port = Number(stream.headers.get('port'))
    if (stream.headers.get('streamtype') === 'error') {
      if (!listenerOn(worker, port)) {
        const { uid } = worker.pod.metadata
        stream.write(Buffer.from(`error forwarding port ${port} to pod ${uid}, uid : ${refusedMessage(worker, port)}`))
      }
      stream.end()
      return
    }
    if (!listenerOn(worker, port)) {
      stream.end()
      return
    }
    const connection = new ForwardedConnection(worker, port, (bytes) => stream.write(bytes))
    stream.onData((bytes) => connection.receive(bytes))
    stream.onEnd(() => connection.receive(null))
    connection.on('finish', () => stream.end())
    this.#http.emit('connection', connection)
  }

  async proxy({ call, pod, pathBehind }: ContainerConnection): Promise<void> {
    const worker = this.#worker(pod)
    const port = proxiedPort(call, worker)
    const run = listenerOn(worker, port)
    if (!run) {
      throw serviceUnavailable(
        `error trying to reach service: dial tcp ${worker.podIp}:${port}: connect: connection refused`,
      )
    }
    const { request, reply } = call
    const nowMs = worker.node.timeline.now()
    const answer = httpAnswer(run, pod, { method: request.method, path: `/${pathBehind}`, nowMs })
    reply.code(answer.status).header('content-type', answer.contentType).send(answer.body)
  }

  #answerForwarded(request: IncomingMessage, response: ServerResponse): void {
    const { worker, port } = request.socket as unknown as ForwardedConnection
    const run = listenerOn(worker, port)
    if (!run) {
      response.destroy()
      return
    }
    const { method = 'GET', url = '/' } = request
    const nowMs = worker.node.timeline.now()
    const { status, contentType, body } = httpAnswer(run, worker.pod, { method, path: url, nowMs })
    request.resume()
    response.writeHead(status, { 'content-type': contentType, 'content-length': Buffer.byteLength(body) })
    response.end(method === 'HEAD' ? undefined : body)
  }

  #worker(pod: ContainerConnection['pod']): PodWorker {
    const worker = this.#fleet.worker(pod)
    if (!worker) throw internalError(`pod not found ("${pod.metadata.name}_${pod.metadata.namespace}")`)
    return worker
  }

  #find(
    pod: ContainerConnection['pod'],
    container: string,
  ): { readonly worker: PodWorker; readonly run: ContainerRun } {
    const worker = this.#worker(pod)
    const run = worker.containers.find((r) => r.name === container)
    if (!run) throw badRequest(`container ${container} not found in pod ${pod.metadata.name}`)
    return { worker, run }
  }
}

/** A connection into a pod that comes through the API server. */
class ForwardedConnection extends Duplex {
  readonly worker: PodWorker
  readonly port: number
  readonly #send: (bytes: Buffer) => void

  constructor(worker: PodWorker, port: number, send: (bytes: Buffer) => void) {
    super()
    this.worker = worker
    this.port = port
    this.#send = send
  }

  /** Null: the client has said all. */
  receive(bytes: Buffer | null): void {
    this.push(bytes)
  }

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error) => void): void {
    this.#send(chunk)
    done()
  }

  /** The HTTP server sets these on every connection. */
  setTimeout(): this {
    return this
  }

  setNoDelay(): this {
    return this
  }

  setKeepAlive(): this {
    return this
  }
}

function refusedMessage({ pod }: PodWorker, port: number): string {
  const where = `localhost:${port} inside namespace "${pod.metadata.uid}"`
  return `failed to connect to ${where}, IPv4: dial tcp4 127.0.0.1:${port}: connect: connection refused`
}

function logOf(run: ContainerRun, { pod }: PodWorker, previous: boolean): ContainerLog {
  const { name } = pod.metadata
  if (previous) {
    if (run.previousLog) return run.previousLog
    throw badRequest(`previous terminated container "${run.name}" in pod "${name}" not found`)
  }
  if (run.containerId !== '') return run.log
  const reason = run.state.waiting?.reason ?? 'ContainerCreating'
  const why =
    reason === 'ErrImagePull'
      ? "image can't be pulled"
      : reason === 'ImagePullBackOff'
        ? 'trying and failing to pull image'
        : reason
  throw badRequest(`container "${run.name}" in pod "${name}" is waiting to start: ${why}`)
}

function logQuery({ query }: Call, nowMs: number): LogQuery {
  const tailLines = intParameter(query, 'tailLines')
  const sinceSeconds = intParameter(query, 'sinceSeconds')
  const sinceTime = query.get('sinceTime')
  const since = sinceSeconds !== undefined ? nowMs - sinceSeconds * 1000 : sinceTime ? Date.parse(sinceTime) : undefined
  const stream = query.get('stream')
  return {
    timestamps: boolParameter(query, 'timestamps') ?? false,
    ...(tailLines === undefined ? {} : { tailLines }),
    ...(since === undefined ? {} : { sinceMs: since }),
    ...(stream ? { stream } : {}),
  }
}

/** Calls back once the present run of a container is over. The returned function gives up waiting. */
function onceEnded(worker: PodWorker, run: ContainerRun, ended: () => void): () => void {
  const id = run.containerId
  let stopped = false
  const stop = worker.onChange(() => {
    if (stopped || (run.isRunning && run.containerId === id)) return
    stopped = true
    stop()
    ended()
  })
  return () => {
    stopped = true
    stop()
  }
}

async function shellOf(worker: PodWorker, run: ContainerRun, tty: boolean): Promise<Shell> {
  const { pod, node, podIp } = worker
  const source = { pod, container: run.container, hostIp: node.ip, podIp }
  const config = await readConfig(node.client, pod.metadata.namespace ?? '', configNamesOf(pod, run.container))
  const mounted = mountedFiles(source, config)
  run.files ??= new Map()
  // What is mounted follows its source; what processes wrote stays.
  for (const [path, content] of mounted) run.files.set(path, content)
  const environment = environmentOf(source, config)
  return new Shell({
    environment: tty ? { ...environment, TERM: 'xterm' } : environment,
    files: run.files,
    hostname: hostnameOf(pod),
  })
}

function proxiedPort({ info }: Call, { containers }: PodWorker): number {
  const [, port] = info.name.split(':')
  if (port && /^\d+$/.test(port)) return Number(port)
  const ports = containers.flatMap((run) => run.container.ports ?? [])
  return (port ? ports.find((p) => p.name === port) : ports[0])?.containerPort ?? 80
}

function exitFailure(command: readonly string[], code: number) {
  return {
    metadata: {},
    status: 'Failure',
    message: `command terminated with non-zero exit code: command '${command.join(' ')}' exited with ${code}: `,
    reason: 'NonZeroExitCode',
    details: { causes: [{ reason: 'ExitCode', message: String(code) }] },
  }
}

function execFailure(program: string) {
  const why = `OCI runtime exec failed: exec failed: unable to start container process: exec: ${JSON.stringify(program)}: executable file not found in $PATH`
  return {
    metadata: {},
    status: 'Failure',
    message: `Internal error occurred: error executing command in container: failed to exec in container: ${why}: unknown`,
    reason: 'InternalError',
    details: { causes: [{ message: `error executing command in container: ${why}: unknown` }] },
    code: 500,
  }
}
