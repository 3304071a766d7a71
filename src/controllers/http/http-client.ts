import { asApiError, isExpired } from '../../apimachinery/api-error.ts'
import { CAUSE_HEADER, type Cause, formatCause } from '../../apimachinery/cause.ts'
import type { Clock } from '../../apimachinery/clock.ts'
import { apiVersionOf, parseApiVersion } from '../../apimachinery/group-version.ts'
import type { JsonObject, KubeObject } from '../../apimachinery/kube-object.ts'
import type { APIGroupList, APIResourceList, Status } from '../../apimachinery/types/meta-v1.ts'
import type {
  Client,
  DeleteOptions,
  ListQuery,
  ObjectKey,
  ObjectList,
  PatchType,
  ResourceRef,
  WatchQuery,
  WatchReceiver,
  WriteOptions,
} from '../runtime/client.ts'
import { apiErrorOfStatus, HttpConnection, type HttpRequest, type RequestHeaders } from './http-connection.ts'
import type { ClusterAccess } from './kubeconfig-access.ts'
import { RequestLimiter, type RequestRate } from './request-limiter.ts'
import type { RequestMetrics } from './request-metrics.ts'
import type { ServiceAccountTokens } from './service-account-tokens.ts'

export interface HttpClientOptions {
  readonly access: ClusterAccess
  readonly clock: Clock
  /** `kube-controller-manager/v1.36.2`: the part before the slash owns the fields that are written. */
  readonly userAgent: string
  /**
   * How {@link Client.as} becomes the other user: by impersonation, or with a token where it is one of these service
   * accounts. Otherwise everything is done as the kubeconfig's user, as kube-controller-manager does without
   * `--use-service-account-credentials`.
   */
  readonly impersonate?: boolean
  readonly serviceAccounts?: (client: Client) => ServiceAccountTokens
  readonly metrics?: RequestMetrics
  /** Of each identity; undefined: no limit. */
  readonly rate?: RequestRate | undefined
}

/** Who makes the requests of a client. */
interface Identity {
  readonly connection: HttpConnection
  /** Whose token goes along; undefined: the connection's own credentials. */
  readonly account?: string
  readonly limiter: RequestLimiter | undefined
}

/** What the clients of one server share. */
interface Shared {
  readonly options: HttpClientOptions
  readonly own: HttpConnection
  /** Without the credentials of the kubeconfig. */
  readonly bare: HttpConnection
  readonly tokens: ServiceAccountTokens | undefined
  readonly limiters: Map<string, RequestLimiter>
}

const PATCH_CONTENT_TYPES: Readonly<Record<PatchType, string>> = {
  json: 'application/json-patch+json',
  merge: 'application/merge-patch+json',
  strategic: 'application/strategic-merge-patch+json',
  apply: 'application/apply-patch+yaml',
}

/** Lists come in pages of so many, as client-go's pager asks for. */
const PAGE_SIZE = 500

/** Watches end by themselves after between this and twice as long, as client-go's reflectors ask for. */
const MIN_WATCH_SECONDS = 300

interface RawEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR'
  readonly object: KubeObject
}

/** The API of any kube-apiserver over HTTP(S), in JSON. */
export class HttpClient implements Client {
  readonly #shared: Shared
  readonly #identity: Identity
  readonly #headers: RequestHeaders
  readonly #timeoutMs: number | undefined

  private constructor(shared: Shared, identity: Identity, headers: RequestHeaders, timeoutMs?: number) {
    this.#shared = shared
    this.#identity = identity
    this.#headers = headers
    this.#timeoutMs = timeoutMs
  }

  static connect(options: HttpClientOptions): HttpClient {
    const { access, clock, metrics, rate } = options
    const common = { clock, ...(metrics ? { metrics } : {}) }
    const own = new HttpConnection({ access, ...common })
    const { authorization: _, clientCertificate: __, clientKey: ___, ...bareAccess } = access
    const bare = new HttpConnection({ access: bareAccess, ...common })
    const limiter = rate && new RequestLimiter(rate, clock)
    const shared: Shared = { options, own, bare, tokens: undefined, limiters: new Map() }
    const client = new HttpClient(shared, { connection: own, limiter }, { 'user-agent': options.userAgent })
    if (!options.serviceAccounts) return client
    return new HttpClient({ ...shared, tokens: options.serviceAccounts(client) }, client.#identity, client.#headers)
  }

  /** Closes the connections, those of clients made of it by {@link as} too. */
  close(): void {
    this.#shared.own.close()
    this.#shared.bare.close()
  }

  /** The same client, whose answers have to be there within a time, and whose requests are not held back by others. */
  within(timeoutMs: number): HttpClient {
    const { connection } = this.#identity
    return new HttpClient(this.#shared, { connection, limiter: undefined }, this.#headers, timeoutMs)
  }

  async get<T extends KubeObject>(resource: ResourceRef<T>, key: ObjectKey): Promise<T> {
    return await this.#json<T>({ method: 'GET', path: pathOf(resource, key) })
  }

  /**
   * The whole list, page by page, unless the query asks for one page, or for a revision that only a cache has.
   *
   * @see client-go tools/pager/pager.go
   */
  async getSubresource(resource: ResourceRef, key: ObjectKey, subresource: string): Promise<KubeObject> {
    return await this.#json({ method: 'GET', path: pathOf(resource, key, subresource) })
  }

  async list<T extends KubeObject>(resource: ResourceRef<T>, query: ListQuery = {}): Promise<ObjectList<T>> {
    const { limit, continueToken, resourceVersion = '' } = query
    const wantsAll = limit === undefined && continueToken === undefined
    if (!wantsAll || (resourceVersion !== '' && resourceVersion !== '0')) return await this.#page(resource, query)
    const first = await this.#page(resource, { ...query, limit: PAGE_SIZE })
    const items = [...first.items]
    for (let next = first.continueToken; next !== undefined; ) {
      try {
        const rest = { ...query, resourceVersion: '', limit: PAGE_SIZE, continueToken: next }
        const page = await this.#page(resource, rest)
        for (const item of page.items) items.push(item)
        next = page.continueToken
      } catch (error) {
        // The snapshot is gone: only the whole list at once shows one state.
        if (isExpired(error)) return await this.#page(resource, query)
        throw error
      }
    }
    return { items, resourceVersion: first.resourceVersion }
  }

  async #page<T extends KubeObject>(resource: ResourceRef<T>, query: ListQuery): Promise<ObjectList<T>> {
    const path = pathOf(resource, { namespace: query.namespace ?? '', name: '' })
    const parameters = queryText({
      labelSelector: query.labelSelector,
      fieldSelector: query.fieldSelector,
      resourceVersion: query.resourceVersion,
      limit: query.limit,
      continue: query.continueToken,
    })
    const list = await this.#json<{ items: T[] | null; metadata: { resourceVersion?: string; continue?: string } }>({
      method: 'GET',
      path: path + parameters,
    })
    const { kind } = resource
    const apiVersion = apiVersionOf(resource)
    // Items of a list carry neither: what reads them must not have to care where they came from.
    const items = (list.items ?? []).map((item) => ({ ...item, kind, apiVersion }))
    return {
      items,
      resourceVersion: list.metadata.resourceVersion ?? '',
      ...(list.metadata.continue ? { continueToken: list.metadata.continue } : {}),
    }
  }

  watch<T extends KubeObject>(resource: ResourceRef<T>, query: WatchQuery, receiver: WatchReceiver<T>): () => void {
    const path = pathOf(resource, { namespace: query.namespace ?? '', name: '' })
    const parameters = queryText({
      watch: 'true',
      allowWatchBookmarks: 'true',
      labelSelector: query.labelSelector,
      fieldSelector: query.fieldSelector,
      resourceVersion: query.resourceVersion,
      timeoutSeconds: Math.round(MIN_WATCH_SECONDS * (1 + Math.random())),
    })
    let isStopped = false
    let stop = (): void => {}
    const end = (error?: Error): void => {
      if (!isStopped) receiver.end(error)
      isStopped = true
    }
    const open = (authorization: RequestHeaders): void => {
      if (isStopped) return
      const began = this.#now()
      stop = this.#identity.connection.stream(
        path + parameters,
        { ...this.#headers, ...authorization },
        {
          line: (line) => {
            const { type, object } = JSON.parse(line) as RawEvent
            if (type === 'ERROR') {
              stop()
              end(apiErrorOfStatus(object as unknown as Status))
            } else if (type === 'BOOKMARK') {
              const { resourceVersion = '', annotations } = object.metadata
              const initialEventsEnd = annotations?.['k8s.io/initial-events-end'] === 'true'
              receiver.event({ type, resourceVersion, initialEventsEnd })
            } else receiver.event({ type, object: object as T })
          },
          end: (error) => {
            this.#refused(error, began)
            end(error)
          },
        },
      )
    }
    this.#turn('GET').then(open, end)
    return () => {
      isStopped = true
      stop()
    }
  }

  async create<T extends KubeObject>(resource: ResourceRef<T>, object: T, options: WriteOptions = {}): Promise<T> {
    const path = pathOf(resource, { namespace: object.metadata.namespace ?? '', name: '' })
    return await this.#write<T>('POST', path, object, options)
  }

  async update<T extends KubeObject>(resource: ResourceRef<T>, object: T, options: WriteOptions = {}): Promise<T> {
    return await this.updateSubresource(resource, '', object, options)
  }

  async updateSubresource<T extends KubeObject>(
    resource: ResourceRef<T>,
    subresource: string,
    object: T,
    options: WriteOptions = {},
  ): Promise<T> {
    const { namespace = '', name = '' } = object.metadata
    return await this.#write<T>('PUT', pathOf(resource, { namespace, name }, subresource), object, options)
  }

  async patch<T extends KubeObject>(
    resource: ResourceRef<T>,
    key: ObjectKey,
    type: PatchType,
    patch: JsonObject | readonly JsonObject[],
    options: WriteOptions & { readonly subresource?: string; readonly force?: boolean } = {},
  ): Promise<T> {
    const path = pathOf(resource, key, options.subresource)
    return await this.#write<T>('PATCH', path, patch, options, PATCH_CONTENT_TYPES[type])
  }

  async createSubresource(
    resource: ResourceRef,
    key: ObjectKey,
    subresource: string,
    body: KubeObject,
    options: WriteOptions = {},
  ): Promise<KubeObject> {
    return await this.#write<KubeObject>('POST', pathOf(resource, key, subresource), body, options)
  }

  async delete(resource: ResourceRef, key: ObjectKey, options: DeleteOptions = {}): Promise<KubeObject> {
    const { gracePeriodSeconds, propagationPolicy, preconditions, dryRun } = options
    const body = {
      kind: 'DeleteOptions',
      apiVersion: 'v1',
      gracePeriodSeconds,
      propagationPolicy,
      preconditions,
      ...(dryRun ? { dryRun: ['All'] } : {}),
    }
    return await this.#write<KubeObject>('DELETE', pathOf(resource, key), body, {})
  }

  async resources(): Promise<readonly ResourceRef[]> {
    const { groups } = await this.#json<APIGroupList>({ method: 'GET', path: '/apis' })
    const versions = ['v1', ...groups.map((g) => g.preferredVersion?.groupVersion ?? g.versions[0]!.groupVersion)]
    const found: ResourceRef[] = []
    for (const groupVersion of versions) {
      const { group, version } = parseApiVersion(groupVersion)!
      const path = group === '' ? `/api/${version}` : `/apis/${groupVersion}`
      const { resources } = await this.#json<APIResourceList>({ method: 'GET', path })
      for (const { name, kind, namespaced, verbs } of resources) {
        const isObject = !name.includes('/') && ['list', 'watch', 'delete'].every((verb) => verbs.includes(verb))
        if (isObject) found.push({ group, version, resource: name, kind, namespaced })
      }
    }
    return found
  }

  as(userName: string, groups: readonly string[] = []): Client {
    const { options, bare, tokens } = this.#shared
    const account = tokens?.accountOf(userName)
    const userAgent = `${options.userAgent}/${userName}`
    if (account !== undefined) {
      const identity = { connection: bare, account, limiter: this.#limiter(userName) }
      return new HttpClient(this.#shared, identity, { ...this.#headers, 'user-agent': userAgent }, this.#timeoutMs)
    }
    if (!options.impersonate) return this
    const headers = {
      ...this.#headers,
      'impersonate-user': userName,
      ...(groups.length > 0 ? { 'impersonate-group': groups } : {}),
    }
    const identity = { ...this.#identity, limiter: this.#limiter(userName) }
    return new HttpClient(this.#shared, identity, headers, this.#timeoutMs)
  }

  causedBy(cause: Cause): Client {
    const headers = { ...this.#headers, [CAUSE_HEADER]: formatCause(cause) }
    return new HttpClient(this.#shared, this.#identity, headers, this.#timeoutMs)
  }

  #limiter(userName: string): RequestLimiter | undefined {
    const { options, limiters } = this.#shared
    if (!options.rate) return undefined
    let limiter = limiters.get(userName)
    if (!limiter) {
      limiter = new RequestLimiter(options.rate, options.clock)
      limiters.set(userName, limiter)
    }
    return limiter
  }

  #now(): number {
    return this.#shared.options.clock.now()
  }

  /** Resolves when a request may be sent, with the header that says who sends it. Errors: there is no token. */
  async #turn(method: string): Promise<RequestHeaders> {
    const { limiter, account, connection } = this.#identity
    if (limiter) connection.metrics.limited(method, connection.host, await limiter.turn())
    if (account === undefined) return {}
    return { authorization: `Bearer ${await this.#shared.tokens!.token(account)}` }
  }

  /** A token that is not known any more must not be used again. */
  #refused(error: unknown, beganAt: number): void {
    const { account } = this.#identity
    if (account !== undefined && asApiError(error)?.code === 401) this.#shared.tokens!.refused(account, beganAt)
  }

  async #write<T>(
    method: HttpRequest['method'],
    path: string,
    body: unknown,
    options: WriteOptions & { readonly force?: boolean },
    contentType?: string,
  ): Promise<T> {
    const { dryRun, fieldManager, force } = options
    const parameters = queryText({
      dryRun: dryRun ? 'All' : undefined,
      fieldManager,
      force: force ? 'true' : undefined,
    })
    return await this.#json<T>({
      method,
      path: path + parameters,
      body: JSON.stringify(body),
      ...(contentType === undefined ? {} : { contentType }),
    })
  }

  async #json<T>(request: HttpRequest): Promise<T> {
    const { connection } = this.#identity
    const authorization = await this.#turn(request.method)
    const beganAt = this.#now()
    const headers = { ...this.#headers, ...authorization }
    try {
      return parsed<T>(await connection.send({ ...request, headers, timeoutMs: this.#timeoutMs }), request)
    } catch (error) {
      this.#refused(error, beganAt)
      throw error
    }
  }
}

/** Errors: what came is no JSON, as where the address is not that of an API server. */
function parsed<T>(body: string, { method, path }: HttpRequest): T {
  try {
    return JSON.parse(body) as T
  } catch (error) {
    throw new Error(`the answer to ${method} ${path} is no JSON: ${body.slice(0, 200)}`, { cause: error })
  }
}

function pathOf({ group, version, resource, namespaced }: ResourceRef, key: ObjectKey, subresource = ''): string {
  const root = group === '' ? `/api/${version}` : `/apis/${group}/${version}`
  const namespace = namespaced && key.namespace !== '' ? `/namespaces/${encodeURIComponent(key.namespace)}` : ''
  const name = key.name === '' ? '' : `/${encodeURIComponent(key.name)}`
  return `${root}${namespace}/${resource}${name}${subresource === '' ? '' : `/${subresource}`}`
}

function queryText(parameters: Readonly<Record<string, string | number | undefined>>): string {
  const given = Object.entries(parameters).filter(([, value]) => value !== undefined && value !== '')
  if (given.length === 0) return ''
  return `?${given.map(([name, value]) => `${name}=${encodeURIComponent(String(value))}`).join('&')}`
}
