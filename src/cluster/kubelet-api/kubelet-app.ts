import type { IncomingMessage } from 'node:http'
import fastify, {
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  type FastifyServerOptions,
} from 'fastify'
import { Call } from '../../api/call.ts'
import { type HealthCheck, healthAnswer } from '../../api/health.ts'
import { EXPOSITION_CONTENT_TYPE, expose, type Metric } from '../../api/metrics/exposition.ts'
import { exposition } from '../../api/metrics/metrics-path.ts'
import { cleanPath } from '../../api/proxy/go-path.ts'
import { boolParameter, QueryParameters } from '../../api/query-parameters.ts'
import { sendText } from '../../api/raw-answers.ts'
import { nonResourceInfo } from '../../api/request-info.ts'
import { acceptUpgrades } from '../../api/upgrade.ts'
import { asApiError } from '../../apimachinery/api-error.ts'
import { goQuote } from '../../apimachinery/go-quote.ts'
import type { Pod } from '../../apimachinery/types/core-v1.ts'
import type { Fleet } from '../../controllers/kubelet/fleet.ts'
import { kubeletConfiguration } from '../../controllers/kubelet/kubelet-configuration.ts'
import type { SimulatedNode } from '../../controllers/kubelet/simulated-node.ts'
import { NodeStats } from '../../controllers/kubelet/stats-summary.ts'
import { systemLog } from '../../controllers/kubelet/system-logs.ts'
import type { ProcessorTime } from '../../controllers/kubelet/usage.ts'
import type { Typed } from '../../controllers/runtime/client.ts'
import type { SimulatedNodeConnector } from '../node-connector.ts'
import { KUBELET_PARAMETERS } from './kubelet-parameters.ts'
import { cadvisorMetrics, kubeletMetrics, probeMetrics, resourceMetrics, sliMetrics } from './node-metrics.ts'

/** What a kubelet's API leads to. */
export interface KubeletHost {
  readonly fleet: Fleet
  readonly connector: SimulatedNodeConnector
  readonly processorTime: ProcessorTime
}

interface KubeletAppOptions {
  /** Undefined while another process runs the nodes. */
  host(): KubeletHost | undefined
  /** Whose kubelet a request is for; undefined: any of the host's. */
  nodeName(request: IncomingMessage): string | undefined
  /** Answers those that may not ask; true: the request goes on. Unset: everybody may. */
  authorize?(request: FastifyRequest, reply: FastifyReply): Promise<boolean>
  readonly serverFactory?: FastifyServerOptions['serverFactory']
}

interface PodParameters {
  readonly namespace: string
  readonly pod: string
  readonly container: string
}

/** What a kubelet's health consists of. */
const CHECKS = ['ping', 'log', 'syncloop'] as const

/** What is asked of the connector. */
type Action = 'logs' | 'exec' | 'attach' | 'portForward'

/**
 * The kubelet's own API for simulated nodes: what an API server asks for `logs`, `exec`, `attach`, `port-forward` and
 * `nodes/proxy`, and what monitoring reads.
 *
 * @see kubernetes pkg/kubelet/server/server.go
 */
export function kubeletApp(options: KubeletAppOptions): FastifyInstance {
  const { serverFactory, authorize } = options
  const app: FastifyInstance = fastify({
    ...(serverFactory ? { serverFactory } : {}),
    routerOptions: { ignoreTrailingSlash: true },
    exposeHeadRoutes: true,
  })
  if (authorize) {
    app.addHook('onRequest', async (request, reply) => {
      // What nobody serves is said to everybody.
      if (!request.is404) await authorize(request, reply)
    })
  }
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body))
  app.setErrorHandler((error, _request, reply) => answerError(error, reply))
  app.setNotFoundHandler((_request, reply) => sendText(reply, 404, '404 page not found'))
  new KubeletRoutes(app, options).add()
  acceptUpgrades(app)
  return app
}

type NodeHandler = (
  node: SimulatedNode,
  request: FastifyRequest,
  reply: FastifyReply,
) => FastifyReply | Promise<FastifyReply>

class KubeletRoutes {
  readonly #app: FastifyInstance
  readonly #options: KubeletAppOptions

  constructor(app: FastifyInstance, options: KubeletAppOptions) {
    this.#app = app
    this.#options = options
  }

  add(): void {
    this.#health()
    this.#ofNode('/pods', (node, _request, reply) => sendJson(reply, podList([...node.workers.values()].map(ownPod))))
    this.#ofNode('/runningpods/', (node, _request, reply) => sendJson(reply, podList(runningPods(node))))
    this.#ofNode('/configz', (node, _request, reply) => sendJson(reply, { kubeletconfig: configurationOf(node) }))
    this.#ofNode('/stats/summary', (node, request, reply) => {
      const onlyCpuAndMemory = boolParameter(queryOf(request), 'only_cpu_and_memory') ?? false
      const { processorTime } = this.#options.host()!
      const summary = new NodeStats(node, processorTime, { onlyCpuAndMemory }).summary()
      return reply.type('application/json').send(JSON.stringify(summary, undefined, ' '))
    })
    this.#metrics()
    this.#ofNode('/logs', (node, _request, reply) => serveLog(node, '', reply))
    this.#ofNode('/logs/*', (node, request, reply) =>
      serveLog(node, (request.params as { readonly '*': string })['*'], reply),
    )
    this.#stream(['GET'], '/containerLogs/:namespace/:pod/:container', 'logs')
    for (const uid of ['', '/:uid']) {
      this.#stream(['GET', 'POST'], `/exec/:namespace/:pod${uid}/:container`, 'exec')
      this.#stream(['GET', 'POST'], `/attach/:namespace/:pod${uid}/:container`, 'attach')
      this.#stream(['GET', 'POST'], `/portForward/:namespace/:pod${uid}`, 'portForward')
      this.#ofPod(['POST'], `/run/:namespace/:pod${uid}/:container`, async (pod, { container }, request, reply) => {
        const command = (queryOf(request).get('cmd') ?? '').split(' ')
        return sendJson(reply, await this.#options.host()!.connector.run(pod, container, command))
      })
    }
    this.#ofPod(['POST'], '/checkpoint/:namespace/:pod/:container', (pod, { container }, request, reply) =>
      checkpoint(pod, container, request, reply, this.#options.host()!.fleet.timeline.now()),
    )
  }

  #health(): void {
    const checks: readonly HealthCheck[] = CHECKS.map((name) => ({ name, check: () => {} }))
    const answer = async (request: FastifyRequest<{ Params: { check?: string } }>, reply: FastifyReply) => {
      const found = await healthAnswer('healthz', request.params.check, checks, queryOf(request))
      if (!found) return sendText(reply, 404, '404 page not found')
      return reply
        .code(found.status)
        .type(found.contentType)
        .header('x-content-type-options', 'nosniff')
        .send(found.body)
    }
    this.#app.get<{ Params: { check?: string } }>('/healthz', answer)
    this.#app.get<{ Params: { check?: string } }>('/healthz/:check', answer)
  }

  #metrics(): void {
    const serve = (path: string, metrics: (node: SimulatedNode, host: KubeletHost) => Metric[]): void =>
      this.#ofNode(path, (node, _request, reply) =>
        reply.type(EXPOSITION_CONTENT_TYPE).send(expose(metrics(node, this.#options.host()!))),
      )
    const summary = (node: SimulatedNode, { processorTime }: KubeletHost) =>
      new NodeStats(node, processorTime, { onlyCpuAndMemory: true }).summary()
    this.#ofNode('/metrics', async (node, _request, reply) =>
      reply.type(EXPOSITION_CONTENT_TYPE).send(await exposition(kubeletMetrics(node))),
    )
    serve('/metrics/slis', () => sliMetrics(CHECKS))
    serve('/metrics/resource', (node, host) => resourceMetrics(summary(node, host)))
    serve('/metrics/cadvisor', (node, host) => cadvisorMetrics(node, summary(node, host)))
    serve('/metrics/probes', (node) => probeMetrics(node))
  }

  /** What concerns one node: of several that a port serves, the request has to name it. */
  #ofNode(url: string, handle: NodeHandler): void {
    this.#app.route({
      method: url === '/stats/summary' ? ['GET', 'POST'] : ['GET'],
      url,
      handler: async (request, reply) => {
        const nodes = this.#options.host()?.fleet.nodes
        if (!nodes) return await sendText(reply, 503, 'the nodes run in another process')
        const name = this.#options.nodeName(request.raw)
        const node = name === undefined && nodes.size === 1 ? [...nodes.values()][0] : nodes.get(name ?? '')
        if (node) return await handle(node, request, reply)
        if (name !== undefined) return await sendText(reply, 404, `node ${goQuote(name)} does not run here`)
        const how = `the header ${NODE_HEADER} has to name one`
        return await sendText(reply, 400, `${nodes.size} nodes share this port: ${how}`)
      },
    })
  }

  #ofPod(
    method: readonly ('GET' | 'POST')[],
    url: string,
    handle: (pod: Pod, parameters: PodParameters, request: FastifyRequest, reply: FastifyReply) => unknown,
  ): void {
    this.#app.route<{ Params: PodParameters & { readonly uid?: string } }>({
      method: [...method],
      url,
      handler: async (request, reply) => {
        const { namespace, pod: name, uid } = request.params
        const nodeName = this.#options.nodeName(request.raw)
        const pod = this.#options.host()?.fleet.pod(namespace, name)
        const isHere = pod && (nodeName === undefined || pod.spec?.nodeName === nodeName)
        if (!isHere) {
          const isLog = url.startsWith('/containerLogs/')
          return await sendPlain(reply, 404, isLog ? `pod ${goQuote(name)} does not exist` : 'pod does not exist')
        }
        if (uid !== undefined && uid !== pod.metadata.uid) return await sendPlain(reply, 404, 'pod not found')
        await handle(pod, request.params, request, reply)
        return reply
      },
    })
  }

  #stream(method: readonly ('GET' | 'POST')[], url: string, action: Action): void {
    this.#ofPod(method, url, async (pod, { container }, request, reply) => {
      if (action === 'logs' && !specOf(pod, container)) {
        const why = `container ${goQuote(container)} not found in pod ${goQuote(pod.metadata.name ?? '')}`
        return sendPlain(reply, 404, why)
      }
      return await this.#options.host()!.connector[action]({ call: callOf(request, reply), pod, container })
    })
  }
}

/** Names the node that a request is for, where a port serves several. */
export const NODE_HEADER = 'Kubemu-Node'

function queryOf({ raw }: FastifyRequest): QueryParameters {
  const url = raw.url ?? '/'
  const at = url.indexOf('?')
  return at < 0 ? QueryParameters.EMPTY : QueryParameters.parse(fromKubelet(url.slice(at + 1)))
}

function callOf(request: FastifyRequest, reply: FastifyReply): Call {
  return new Call({
    request,
    reply,
    query: queryOf(request),
    info: NO_RESOURCE,
    auditId: '',
    startedAt: performance.now(),
  })
}

/** The kubelet's names of parameters as the API's. */
function fromKubelet(query: string): string {
  return query.replace(
    /(^|&)([a-z]+)(?==)/g,
    (_match, start: string, name: string) => start + (API_PARAMETERS[name] ?? name),
  )
}

const API_PARAMETERS: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(KUBELET_PARAMETERS).map(([ofApi, ofKubelet]) => [ofKubelet, ofApi]),
)

const NO_RESOURCE = nonResourceInfo('get', '/')

function sendJson(reply: FastifyReply, value: unknown): FastifyReply {
  return reply.type('application/json').send(`${JSON.stringify(value)}\n`)
}

/** A text without a newline, as go-restful sends it. */
export function sendPlain(reply: FastifyReply, code: number, text: string): FastifyReply {
  return reply.code(code).type('text/plain; charset=utf-8').send(text)
}

function podList(items: readonly object[]): object {
  return { kind: 'PodList', apiVersion: 'v1', metadata: {}, items }
}

/** A pod as its kubelet has it. */
function ownPod({ pod }: { readonly pod: Typed<Pod> }): object {
  const { kind: _kind, apiVersion: _apiVersion, ...rest } = pod
  const annotations = {
    ...pod.metadata.annotations,
    'kubernetes.io/config.seen': pod.status?.startTime ?? pod.metadata.creationTimestamp ?? '',
    'kubernetes.io/config.source': 'api',
  }
  return { ...rest, metadata: { ...pod.metadata, annotations } }
}

/** What a runtime knows of pods. @see kubernetes pkg/kubelet/container/runtime.go ToAPIPod */
function runningPods({ workers }: SimulatedNode): object[] {
  return [...workers.values()].flatMap(({ pod, containers }) => {
    const running = containers.filter((run) => run.isRunning)
    if (running.length === 0) return []
    const { name, namespace, uid } = pod.metadata
    return [
      {
        metadata: { name, namespace, uid },
        spec: { containers: running.map((run) => ({ name: run.name, image: run.status().imageID, resources: {} })) },
        status: {},
      },
    ]
  })
}

function configurationOf({ object }: SimulatedNode): object {
  const { daemonEndpoints, capacity } = object?.status ?? {}
  return kubeletConfiguration({
    port: daemonEndpoints?.kubeletEndpoint?.Port ?? 10250,
    maxPods: Number(capacity?.['pods'] ?? 110),
  })
}

/** A file, or a folder as Go's file server lists it. */
function serveLog(node: SimulatedNode, path: string, reply: FastifyReply): FastifyReply {
  const found = systemLog(node, cleanPath(path))
  if (!found) return sendText(reply, 404, '404 page not found')
  if ('text' in found) return reply.type('text/plain; charset=utf-8').send(found.text)
  const links = found.folder.map((name) => `<a href="${encodeURI(name)}">${name}</a>\n`).join('')
  return reply
    .type('text/html; charset=utf-8')
    .send(`<!doctype html>\n<meta name="viewport" content="width=device-width">\n<pre>\n${links}</pre>\n`)
}

function specOf({ spec }: Pod, container: string): object | undefined {
  const { containers = [], initContainers = [], ephemeralContainers = [] } = spec ?? {}
  return [...containers, ...initContainers, ...ephemeralContainers].find(({ name }) => name === container)
}

/** Nothing is kept of a simulated process: the answer names the archive that a runtime would have written. */
function checkpoint(
  pod: Pod,
  container: string,
  request: FastifyRequest,
  reply: FastifyReply,
  nowMs: number,
): FastifyReply {
  if (!specOf(pod, container)) return sendPlain(reply, 404, `container ${container} does not exist`)
  const timeout = queryOf(request).all('timeout').at(-1)
  if (timeout !== undefined && !/^[+-]?\d+$/.test(timeout)) {
    return sendPlain(reply, 404, 'cannot parse value of timeout parameter')
  }
  const { name, namespace } = pod.metadata
  const isRunning = pod.status?.containerStatuses?.some((s) => s.name === container && s.state?.running)
  if (!isRunning) {
    const why = `container ${container} is not running`
    return sendPlain(reply, 500, `checkpointing of ${namespace}/${name}/${container} failed (${why})`)
  }
  const time = new Date(nowMs).toISOString().replace(/\.\d+Z$/, 'Z')
  const file = `/var/lib/kubelet/checkpoints/checkpoint-${name}_${namespace}-${container}-${time}.tar`
  return reply.type('application/json').send(JSON.stringify({ items: [file] }))
}

/** A text, as a kubelet's; a Status where a client waits for an upgrade, which it shows as it is. */
function answerError(error: unknown, reply: FastifyReply): FastifyReply {
  const known = asApiError(error)
  if (!known) return sendPlain(reply, 500, 'internal error')
  if (reply.request.headers.upgrade === undefined) return sendPlain(reply, known.code, known.message)
  return reply.code(known.code).send(known.toStatus())
}
