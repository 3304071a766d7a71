import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { type Duplex, duplexPair } from 'node:stream'
import { WebSocketServer } from 'ws'
import type { Call } from '../api/call.ts'
import { authority } from '../api/proxy/dial.ts'
import { boolParameter, intParameter } from '../api/query-parameters.ts'
import { openTextStream } from '../api/text-stream.ts'
import type { ContainerConnection, DialTarget, Kubelet, NodeConnector } from '../api/virtual/pod-connect.ts'
import { type NodeUsage, podKey } from '../api/virtual/resource-metrics.ts'
import { badRequest, internalError } from '../apimachinery/api-error.ts'
import type { Node, Pod } from '../apimachinery/types/core-v1.ts'
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
import { containerUsage, nodeUsage, ProcessorTime } from '../controllers/kubelet/usage.ts'
import { type KubeletHost, kubeletApp } from './kubelet-api/kubelet-app.ts'
import { openChannels, openSpdy } from './remote-channels.ts'
import { SpdySession, type SpdyStream } from './spdy-session.ts'

const STDOUT = 1
const STDERR = 2
/** Where a stream's outcome is told. */
const ERROR = 3
const STDIN = 0
/** A client that does not read its log is cut off with so many bytes waiting for it. */
const MAX_UNREAD = 16 * 1024 * 1024
/** Longest message that a simulated WebSocket sends back. */
const MAX_ECHO = 1024 * 1024

const SUCCESS = { metadata: {}, status: 'Success' }

/**
 * Reaches simulated nodes in this process: the HTTP API of their kubelets, the ports of their pods, and the logs and
 * processes of containers.
 *
 * @see kubernetes pkg/kubelet/server/server.go; k8s.io/streaming wsstream, remotecommand
 */
export class SimulatedNodeConnector implements NodeConnector {
  readonly #fleet: Fleet
  /** Neither of them ever listens: they are handed connections that come through the API. */
  readonly #pods: Server
  #kubelets: Promise<Server> | undefined
  readonly #ports: WeakMap<object, Listening> = new WeakMap()
  readonly #ofKubelets: WeakMap<object, string> = new WeakMap()
  readonly host: KubeletHost

  constructor(fleet: Fleet) {
    this.#fleet = fleet
    this.host = { fleet, connector: this, processorTime: new ProcessorTime() }
    this.#pods = createServer((request, response) => this.#answer(request, response))
    this.#pods.on('upgrade', (request, socket, head) => this.#echo(request, socket, head))
  }

  reaches(nodeName: string): boolean {
    return this.#fleet.nodes.has(nodeName)
  }

  usage(nodeName: string): NodeUsage | undefined {
    const node = this.#fleet.nodes.get(nodeName)
    if (!node) return undefined
    const pods = [...node.workers.values()].map(({ pod, containers }) => {
      const running = containers.filter((run) => run.isRunning)
      const { namespace = '', name = '' } = pod.metadata
      return [podKey(namespace, name), running.map((run) => [run.name, containerUsage(pod, run)] as const)] as const
    })
    return { node: nodeUsage(node), pods: new Map(pods) }
  }

  kubelet({ metadata, status }: Node): Kubelet {
    const { name = '' } = metadata
    const port = status?.daemonEndpoints?.kubeletEndpoint?.Port ?? 10250
    const hostname = status?.addresses?.find((a) => a.type === 'Hostname')?.address ?? name
    return { hostname, port, host: authority(hostname, port), connect: () => this.#dialKubelet(name) }
  }

  /** What runs here is taken to speak TLS where it is asked to. */
  async dialPod(pod: Pod, ip: string, { port }: DialTarget): Promise<Duplex> {
    const worker = this.#fleet.worker(pod)
    if (!worker) throw new Error(`dial tcp ${authority(ip, port)}: connect: no route to host`)
    return this.#connect(worker, ip, port)
  }

  /** Pods in the node's own network are all that listens there. */
  async dialNode({ metadata, status }: Node, { port }: DialTarget): Promise<Duplex> {
    const workers = [...(this.#fleet.nodes.get(metadata.name ?? '')?.workers.values() ?? [])]
    const worker = workers.find((w) => w.pod.spec?.hostNetwork && listenerOn(w, port))
    const ip = status?.addresses?.find((a) => a.type === 'InternalIP')?.address ?? ''
    if (!worker) throw new Error(refusedAt(ip, port))
    return this.#connect(worker, ip, port)
  }

  #connect(worker: PodWorker, ip: string, port: number): Duplex {
    if (!listenerOn(worker, port)) throw new Error(refusedAt(ip, port))
    const [client, server] = connectionPair()
    this.#ports.set(server, { worker, port })
    this.#pods.emit('connection', server)
    return client
  }

  async #dialKubelet(nodeName: string): Promise<Duplex> {
    this.#kubelets ??= this.#serveKubelets()
    const server = await this.#kubelets
    const [ours, theirs] = connectionPair()
    this.#ofKubelets.set(theirs, nodeName)
    server.emit('connection', theirs)
    return ours
  }

  /** Made for the first who asks: a start must not pay for it. */
  async #serveKubelets(): Promise<Server> {
    const app = kubeletApp({
      host: () => this.host,
      nodeName: ({ socket }) => this.#ofKubelets.get(socket),
    })
    await app.ready()
    return app.server
  }

  async logs({ call, pod, container }: ContainerConnection): Promise<void> {
    const { worker, run } = this.#find(pod, container)
    const { query } = call
    const previous = boolParameter(query, 'previous') ?? false
    const log = logOf(run, worker, previous)
    const wanted = logQuery(call, worker.node.timeline.now())
    const follow = (boolParameter(query, 'follow') ?? false) && !previous && run.isRunning
    let left = intParameter(query, 'limitBytes') ?? Number.POSITIVE_INFINITY
    const out = openTextStream(call, 'text/plain')
    const send = (line: LogLine): void => {
      const bytes = Buffer.from(formatLine(line, wanted)).subarray(0, left)
      left -= bytes.length
      if (bytes.length > 0) out.write(bytes)
      if (out.writableLength > MAX_UNREAD) out.destroy()
    }
    for (const line of selectedLines(log.lines, wanted)) send(line)
    if (!follow) {
      out.end()
      return
    }
    const stopListening = log.listen((line) => {
      if (isWanted(line, wanted)) send(line)
      if (left <= 0) end()
    })
    const stopWatching = onceEnded(worker, run, () => end())
    const end = (): void => {
      stopListening()
      stopWatching()
      if (!out.writableEnded) out.end()
    }
    out.on('close', end)
    out.on('error', end)
  }

  /** Runs a command to its end; resolves with what it has written. Errors: 500. */
  async run(pod: Pod, container: string, command: readonly string[]): Promise<string> {
    const { worker, run } = this.#find(pod, container)
    if (!run.isRunning) throw internalError(`container not found ("${container}")`)
    const program = (await shellOf(worker, run, false)).program(command)
    if (!program) throw internalError(`exec: ${JSON.stringify(command[0] ?? '')}: executable file not found in $PATH`)
    const output: Buffer[] = []
    return await new Promise<string>((resolve, reject) => {
      const session = new ExecSession({
        program,
        timeline: worker.node.timeline,
        tty: false,
        isInteractive: false,
        sink: {
          write: (_stream, data) => output.push(data),
          exit: (code) => {
            const text = Buffer.concat(output).toString()
            if (code === 0) resolve(text)
            else reject(internalError(`command '${command.join(' ')}' exited with ${code}: ${text}`))
          },
        },
      })
      onceEnded(worker, run, () => {
        session.close()
        reject(internalError(`container not found ("${container}")`))
      })
      session.endInput()
      session.start()
    })
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
    let open = ports.length
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
      const connection = this.#connect(worker, worker.podIp, port)
      connection.on('data', (bytes: Buffer) => channels.send(data, bytes))
      connection.on('end', () => connection.end())
      channels.onData(data, (bytes) => connection.write(bytes))
      channels.onClose(() => connection.destroy())
      connection.on('close', () => {
        open--
        if (open === 0) channels.close()
      })
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
    const connection = this.#connect(worker, worker.podIp, port)
    connection.on('data', (bytes: Buffer) => stream.write(bytes))
    stream.onData((bytes) => connection.write(bytes))
    stream.onEnd(() => connection.end())
    connection.on('end', () => stream.end())
  }

  /** What a pod says to a request. */
  #answer(request: IncomingMessage, response: ServerResponse): void {
    const { worker, port } = this.#ports.get(request.socket)!
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

  /** A WebSocket is answered by an echo; no other protocol is spoken. */
  #echo(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const { worker, port } = this.#ports.get(socket)!
    const run = listenerOn(worker, port)
    if (!run || request.headers.upgrade?.toLowerCase() !== 'websocket') {
      socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n')
      return
    }
    httpAnswer(run, worker.pod, { method: 'GET', path: request.url ?? '/', nowMs: worker.node.timeline.now() })
    const server = new WebSocketServer({ noServer: true, maxPayload: MAX_ECHO, perMessageDeflate: false })
    server.handleUpgrade(request, socket, head, (echo) => {
      echo.on('message', (data, isBinary) => echo.send(data, { binary: isBinary }))
      echo.on('error', () => echo.terminate())
    })
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

/** A port of a pod that somebody has connected to. */
interface Listening {
  readonly worker: PodWorker
  readonly port: number
}

/** Both ends of a connection within the process; whatever breaks one breaks the other. */
function connectionPair(): readonly [Duplex, Duplex] {
  const [one, other] = duplexPair()
  one.on('close', () => other.destroy())
  other.on('close', () => one.destroy())
  for (const end of [one, other]) end.on('error', () => end.destroy())
  return [one, other]
}

const refusedAt = (ip: string, port: number): string => `dial tcp ${authority(ip, port)}: connect: connection refused`

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
