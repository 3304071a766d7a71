import type { ResourceFact, SubresourceFact } from '../../../openapi/data.ts'
import type { GroupVersionKind } from '../../apimachinery/group-version.ts'
import { definitionOf } from '../../apimachinery/schema/builtin-types.ts'

type HttpMethod = 'get' | 'put' | 'post' | 'delete' | 'options' | 'head' | 'patch'

export interface Parameter {
  readonly name: string
  readonly in: 'path' | 'query'
  readonly type: 'string' | 'integer' | 'boolean'
  readonly description?: string
}

/** Media types that an operation answers in; `watchable` adds the streaming ones, `any` is a proxied answer. */
export type Produces = 'object' | 'watchable' | 'text' | 'any'

/** One operation, in neither dialect yet. */
export interface Operation {
  readonly method: HttpMethod
  readonly operationId: string
  readonly description: string
  /** x-kubernetes-action; undefined for discovery. */
  readonly action: string | undefined
  readonly kind: GroupVersionKind | undefined
  readonly parameters: readonly Parameter[]
  /** Definition of the body; `Patch` for the patch types, undefined where there is none. */
  readonly body: string | undefined
  readonly bodyIsOptional?: boolean
  /** status code → definition of the answer (undefined: a string). */
  readonly responses: Readonly<Record<string, string | undefined>>
  readonly produces: Produces
}

export interface PathItem {
  readonly path: string
  readonly tag: string
  readonly parameters: readonly Parameter[]
  readonly operations: readonly Operation[]
}

const META = 'io.k8s.apimachinery.pkg.apis.meta.v1'
const STATUS = `${META}.Status`
const DELETE_OPTIONS = `${META}.DeleteOptions`
export const PATCH = `${META}.Patch`

const query = (type: Parameter['type'], ...names: string[]): Parameter[] =>
  names.map((name) => ({ name, in: 'query', type }))
const sorted = (...parameters: Parameter[][]): Parameter[] =>
  parameters.flat().sort((a, b) => (a.name < b.name ? -1 : 1))

const PRETTY = query('string', 'pretty')
const NAMESPACE: Parameter = {
  name: 'namespace',
  in: 'path',
  type: 'string',
  description: 'object name and auth scope, such as for teams and projects',
}
const WRITE = query('string', 'dryRun', 'fieldManager', 'fieldValidation')
const SELECT = [
  ...query('string', 'continue', 'fieldSelector', 'labelSelector', 'resourceVersion', 'resourceVersionMatch'),
  ...query('integer', 'limit', 'timeoutSeconds'),
  ...query('boolean', 'sendInitialEvents'),
]
const LIST = sorted(SELECT, query('boolean', 'allowWatchBookmarks', 'watch'))
const DELETE = sorted(
  query('string', 'dryRun', 'propagationPolicy'),
  query('integer', 'gracePeriodSeconds'),
  query('boolean', 'ignoreStoreReadErrorWithClusterBreakingPotential', 'orphanDependents'),
)

/** Parameters of subresources that are streams or proxies. */
const CONNECT: Readonly<Record<string, readonly Parameter[]>> = {
  attach: sorted(query('string', 'container'), query('boolean', 'stderr', 'stdin', 'stdout', 'tty')),
  exec: sorted(query('string', 'command', 'container'), query('boolean', 'stderr', 'stdin', 'stdout', 'tty')),
  portforward: query('integer', 'ports'),
  proxy: query('string', 'path'),
}
const LOG = sorted(
  query('string', 'container', 'stream'),
  query('boolean', 'follow', 'insecureSkipTLSVerifyBackend', 'previous', 'timestamps'),
  query('integer', 'limitBytes', 'sinceSeconds', 'tailLines'),
)

/** Resources whose delete answers with the object (`ReturnDeletedObject` of upstream's registries). */
const RETURNS_DELETED: ReadonlySet<string> = new Set([
  'namespaces',
  'persistentvolumeclaims',
  'persistentvolumes',
  'pods',
  'podtemplates',
  'resourcequotas',
  'serviceaccounts',
  'services',
  'deviceclasses.resource.k8s.io',
  'devicetaintrules.resource.k8s.io',
  'resourceclaims.resource.k8s.io',
  'resourceclaimtemplates.resource.k8s.io',
  'resourceslices.resource.k8s.io',
  'csidrivers.storage.k8s.io',
  'csinodes.storage.k8s.io',
  'storageclasses.storage.k8s.io',
  'volumeattachments.storage.k8s.io',
  'volumeattributesclasses.storage.k8s.io',
])

/** `/api/v1` or `/apis/apps/v1`. */
function rootOf({ group, version }: { readonly group: string; readonly version: string }): string {
  return group === '' ? `/api/${version}` : `/apis/${group}/${version}`
}

/** `AppsV1`, `RbacAuthorizationV1`: how operation ids name a group version. */
function groupPart(group: string): string {
  const trimmed = (group === '' ? 'core' : group).replace(/\.k8s\.io$/, '')
  return trimmed
    .split(/[.-]/)
    .map((part) => capital(part))
    .join('')
}

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1)

function tagOf(group: string, version?: string): string {
  const name = groupPart(group)
  const head = name.charAt(0).toLowerCase() + name.slice(1)
  return version ? `${head}_${version}` : head
}

/** Makes the operations of one resource; ids follow upstream's endpoints/installer.go. */
class ResourcePaths {
  readonly #resource: ResourceFact
  readonly #kind: GroupVersionKind
  readonly #definition: string
  readonly #list: string
  readonly #idHead: string
  readonly #scope: string
  readonly #tag: string
  readonly #base: string
  readonly #verbs: ReadonlySet<string>

  constructor(resource: ResourceFact) {
    const { group, version, kind } = resource
    this.#resource = resource
    this.#kind = { group, version, kind }
    this.#definition = definitionOf(this.#kind) ?? ''
    this.#list = definitionOf({ group, version, kind: `${kind}List` }) ?? ''
    this.#idHead = groupPart(group) + capital(version)
    this.#scope = resource.namespaced ? 'Namespaced' : ''
    this.#tag = tagOf(group, version)
    const root = rootOf(resource)
    this.#base = resource.namespaced
      ? `${root}/namespaces/{namespace}/${resource.resource}`
      : `${root}/${resource.resource}`
    this.#verbs = new Set(resource.verbs)
  }

  all(): PathItem[] {
    const { resource, namespaced, subresources } = this.#resource
    const item = `${this.#base}/{name}`
    const paths = [this.#path(this.#base, false, this.#collection()), this.#path(item, true, this.#item())]
    if (namespaced) paths.push(...this.#allNamespaces())
    if (this.#verbs.has('watch')) paths.push(...this.#watchPaths(resource))
    for (const sub of subresources) paths.push(...this.#subresource(item, sub))
    return paths.filter((path) => path.operations.length > 0)
  }

  #path(path: string, named: boolean, operations: Operation[], more: readonly Parameter[] = []): PathItem {
    const parameters = [
      ...(named ? [this.#nameParameter()] : []),
      ...(path.includes('{namespace}') ? [NAMESPACE] : []),
      ...PRETTY,
      ...more,
    ]
    return { path, tag: this.#tag, parameters, operations }
  }

  #nameParameter(): Parameter {
    return { name: 'name', in: 'path', type: 'string', description: `name of the ${this.#kind.kind}` }
  }

  #id(verb: string, suffix = '', scope = this.#scope): string {
    return `${verb}${this.#idHead}${scope}${this.#kind.kind}${suffix}`
  }

  #operation(
    verb: string,
    operation: Pick<Operation, 'method' | 'operationId' | 'description'> & Partial<Operation>,
  ): Operation[] {
    if (!this.#verbs.has(verb)) return []
    return [
      {
        action: operation.method,
        kind: this.#kind,
        parameters: [],
        body: undefined,
        responses: { 200: this.#definition },
        produces: 'object',
        ...operation,
      },
    ]
  }

  #collection(): Operation[] {
    const { kind } = this.#kind
    const listed = { 200: this.#list }
    return [
      ...this.#operation('deletecollection', {
        method: 'delete',
        action: 'deletecollection',
        operationId: `delete${this.#idHead}Collection${this.#scope}${kind}`,
        description: `Delete a collection of ${kind}`,
        parameters: sorted(SELECT, DELETE),
        body: DELETE_OPTIONS,
        bodyIsOptional: true,
        responses: { 200: STATUS },
      }),
      ...this.#operation('list', {
        method: 'get',
        action: 'list',
        operationId: this.#id('list'),
        description: `List or watch ${kind}`,
        parameters: LIST,
        responses: listed,
        produces: 'watchable',
      }),
      ...this.#operation('create', {
        method: 'post',
        operationId: this.#id('create'),
        description: `Create a ${kind}`,
        parameters: WRITE,
        body: this.#definition,
        responses: { 200: this.#definition, 201: this.#definition, 202: this.#definition },
      }),
    ]
  }

  #item(): Operation[] {
    const { kind } = this.#kind
    const { group, resource } = this.#resource
    const deleted = RETURNS_DELETED.has(group === '' ? resource : `${resource}.${group}`) ? this.#definition : STATUS
    return [
      ...this.#operation('delete', {
        method: 'delete',
        operationId: this.#id('delete'),
        description: `Delete a ${kind}`,
        parameters: DELETE,
        body: DELETE_OPTIONS,
        bodyIsOptional: true,
        responses: { 200: deleted, 202: deleted },
      }),
      ...this.#operation('get', { method: 'get', operationId: this.#id('read'), description: `Read a ${kind}` }),
      ...this.#operation('patch', this.#patch(this.#id('patch'), `Patch a ${kind}`)),
      ...this.#operation('update', this.#replace(this.#id('replace'), `Replace a ${kind}`)),
    ]
  }

  #patch(operationId: string, description: string, answer = this.#definition): Operation {
    return {
      method: 'patch',
      action: 'patch',
      kind: this.#kind,
      operationId,
      description,
      parameters: sorted(WRITE, query('boolean', 'force')),
      body: PATCH,
      responses: { 200: answer, 201: answer },
      produces: 'object',
    }
  }

  #replace(operationId: string, description: string, answer = this.#definition): Operation {
    return {
      method: 'put',
      action: 'put',
      kind: this.#kind,
      operationId,
      description,
      parameters: WRITE,
      body: answer,
      responses: { 200: answer, 201: answer },
      produces: 'object',
    }
  }

  #allNamespaces(): PathItem[] {
    const { kind } = this.#kind
    const operations = this.#operation('list', {
      method: 'get',
      action: 'list',
      operationId: this.#id('list', 'ForAllNamespaces', ''),
      description: `List or watch ${kind} of all namespaces`,
      responses: { 200: this.#list },
      produces: 'watchable',
    })
    const path = `${rootOf(this.#resource)}/${this.#resource.resource}`
    return [{ path, tag: this.#tag, parameters: sorted(LIST, PRETTY), operations }]
  }

  /** The old `/watch/` paths; in v3 and v2 alike they carry their parameters on the path. */
  #watchPaths(resource: string): PathItem[] {
    const root = rootOf(this.#resource)
    const { kind } = this.#kind
    const parameters = (...own: Parameter[]): Parameter[] => [...own, ...sorted(LIST, PRETTY)]
    const watched = (path: string, operationId: string, action: string, own: Parameter[]): PathItem => ({
      path: `${root}/watch/${path}`,
      tag: this.#tag,
      parameters: parameters(...own),
      operations: this.#operation('watch', {
        method: 'get',
        action,
        operationId,
        description: `Watch ${kind}; use the watch parameter of list instead`,
        responses: { 200: `${META}.WatchEvent` },
        produces: 'watchable',
      }),
    })
    const name = this.#nameParameter()
    if (!this.#resource.namespaced) {
      return [
        watched(resource, this.#id('watch', 'List'), 'watchlist', []),
        watched(`${resource}/{name}`, this.#id('watch'), 'watch', [name]),
      ]
    }
    const inNamespace = `namespaces/{namespace}/${resource}`
    return [
      watched(resource, this.#id('watch', 'ListForAllNamespaces', ''), 'watchlist', []),
      watched(inNamespace, this.#id('watch', 'List'), 'watchlist', [NAMESPACE]),
      watched(`${inNamespace}/{name}`, this.#id('watch'), 'watch', [name, NAMESPACE]),
    ]
  }

  #subresource(item: string, sub: SubresourceFact): PathItem[] {
    if (CONNECT[sub.name]) return this.#connect(item, sub)
    const definition = definitionOf(sub) ?? this.#definition
    const suffix = capital(sub.name)
    const kind = { group: sub.group, version: sub.version, kind: sub.kind }
    const of = `${sub.name} of a ${this.#kind.kind}`
    const verbs = new Set(sub.verbs)
    const isLog = sub.name === 'log'
    const operations: Operation[] = []
    if (verbs.has('get')) {
      operations.push({
        method: 'get',
        action: 'get',
        kind,
        operationId: this.#id('read', suffix),
        description: `Read ${of}`,
        parameters: isLog ? LOG : [],
        body: undefined,
        responses: { 200: isLog ? undefined : definition },
        produces: isLog ? 'text' : 'object',
      })
    }
    if (verbs.has('patch')) {
      operations.push({ ...this.#patch(this.#id('patch', suffix), `Patch ${of}`, definition), kind })
    }
    if (verbs.has('create')) {
      operations.push({
        ...this.#replace(this.#id('create', suffix), `Create ${of}`, definition),
        method: 'post',
        action: 'post',
        kind,
        responses: { 200: definition, 201: definition, 202: definition },
      })
    }
    if (verbs.has('update')) {
      operations.push({ ...this.#replace(this.#id('replace', suffix), `Replace ${of}`, definition), kind })
    }
    return [this.#path(`${item}/${sub.name}`, true, operations)]
  }

  #connect(item: string, sub: SubresourceFact): PathItem[] {
    const methods: readonly HttpMethod[] =
      sub.name === 'proxy' ? ['delete', 'get', 'head', 'options', 'patch', 'post', 'put'] : ['get', 'post']
    const kind = { group: sub.group, version: sub.version, kind: sub.kind }
    const operations = (suffix: string): Operation[] =>
      methods.map((method) => ({
        method,
        action: 'connect',
        kind,
        operationId: `connect${this.#idHead}${capital(method)}${this.#scope}${this.#kind.kind}${suffix}`,
        description: `Connect ${method.toUpperCase()} requests to ${sub.name} of ${this.#kind.kind}`,
        parameters: [],
        body: undefined,
        responses: { 200: undefined },
        produces: 'any',
      }))
    const suffix = capital(sub.name)
    const path = `${item}/${sub.name}`
    const first = this.#path(path, true, operations(suffix), CONNECT[sub.name])
    if (!sub.proxiesPath) return [first]
    const rest: Parameter = { name: 'path', in: 'path', type: 'string', description: 'path to the resource' }
    const restQuery: Parameter = { name: 'path', in: 'query', type: 'string' }
    return [first, this.#path(`${path}/{path}`, true, operations(`${suffix}WithPath`), [rest, restQuery])]
  }
}

/** Paths of a resource and its subresources. */
export function resourcePaths(resource: ResourceFact): PathItem[] {
  return new ResourcePaths(resource).all()
}

/** The path that a group version's discovery document lies at. */
export function discoveryPath(group: string, version: string): PathItem {
  return simpleGet(`${rootOf({ group, version })}/`, {
    operationId: `get${groupPart(group)}${capital(version)}APIResources`,
    description: 'Read the resources of this group version',
    tag: tagOf(group, version),
    definition: `${META}.APIResourceList`,
  })
}

/** The path that says which versions a group has: `/apis/apps/`, `/api/` for the core group. */
export function groupPath(group: string): PathItem {
  return simpleGet(group === '' ? '/api/' : `/apis/${group}/`, {
    operationId: group === '' ? 'getCoreAPIVersions' : `get${groupPart(group)}APIGroup`,
    description: 'Read the versions of this group',
    tag: tagOf(group),
    definition: group === '' ? `${META}.APIVersions` : `${META}.APIGroup`,
  })
}

/** `/apis/` and `/version/`. */
export const GENERAL_PATHS: Readonly<Record<'apis' | 'version', PathItem>> = {
  apis: simpleGet('/apis/', {
    operationId: 'getAPIVersions',
    description: 'Read the groups that are served',
    tag: 'apis',
    definition: `${META}.APIGroupList`,
  }),
  version: simpleGet('/version/', {
    operationId: 'getCodeVersion',
    description: 'Read the version of the server',
    tag: 'version',
    definition: 'io.k8s.apimachinery.pkg.version.Info',
  }),
}

function simpleGet(
  path: string,
  { operationId, description, tag, definition }: Record<'operationId' | 'description' | 'tag' | 'definition', string>,
): PathItem {
  const operation: Operation = {
    method: 'get',
    operationId,
    description,
    action: undefined,
    kind: undefined,
    parameters: [],
    body: undefined,
    responses: { 200: definition },
    produces: 'object',
  }
  return { path, tag, parameters: [], operations: [operation] }
}
