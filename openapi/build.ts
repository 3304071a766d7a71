/**
 * Derives `openapi/data/*.json`, what the server reads at run time, from the facts about the API.
 *
 *     npx tsx openapi/build.ts FACTS_DIR
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type {
  AdmissionFacts,
  FieldSelectorFact,
  GroupFact,
  MessageField,
  ResourceFact,
  SubresourceFact,
  UpdateRule,
} from './data.ts'
import type { GoTypes } from './go-types.ts'
import {
  METRICS_DEFINITIONS,
  METRICS_GROUP,
  METRICS_MESSAGES,
  METRICS_READER,
  METRICS_RESOURCES,
} from './metrics-facts.ts'
import { type DefinitionFact, defaultGoType, type FieldFact } from './schema-facts.ts'

const factsDir = process.argv[2]
if (!factsDir) throw new Error('usage: build FACTS_DIR')
const outDir = join(import.meta.dirname, 'data')
mkdirSync(outDir, { recursive: true })

function facts<T>(name: string): T {
  return JSON.parse(readFileSync(join(factsDir!, `${name}.json`), 'utf8')) as T
}

/** One member or entry a line: diffs of the data stay readable. */
function write(name: string, value: object): void {
  const parts = Array.isArray(value)
    ? value.map((entry) => JSON.stringify(entry))
    : Object.entries(value).map(([key, entry]) => `${JSON.stringify(key)}:${lines(entry)}`)
  const [open, close] = Array.isArray(value) ? '[]' : '{}'
  writeFileSync(join(outDir, `${name}.json`), `${open}\n${parts.join(',\n')}\n${close}\n`)
}

function lines(value: unknown): string {
  if (!Array.isArray(value) || !value.some((v) => typeof v === 'object')) return JSON.stringify(value)
  return `[\n${value.map((entry) => JSON.stringify(entry)).join(',\n')}\n]`
}

interface RawSubresource extends Omit<SubresourceFact, 'proxiesPath'> {
  readonly http: readonly string[]
  readonly httpPath?: readonly string[]
}

interface RawResource extends Omit<ResourceFact, 'storagePrefix' | 'subresources' | 'shortNames' | 'categories'> {
  readonly etcdPrefix?: string
  readonly shortNames?: readonly string[]
  readonly categories?: readonly string[]
  readonly subresources?: readonly RawSubresource[]
}

interface RawGroup {
  readonly name: string
  readonly versions: readonly string[]
  readonly preferred: string
  readonly apiServicePriority: GroupFact['apiServicePriority']
}

/**
 * Group versions that are off by default, with [groupPriorityMinimum, versionPriority] of their APIService.
 * @see pkg/controlplane/apiserver/aggregator.go, cmd/kube-apiserver/app/aggregator.go
 */
const OPTIONAL_VERSIONS: Readonly<Record<string, GroupFact['apiServicePriority']>> = {
  'certificates.k8s.io': { v1beta1: [17300, 9], v1alpha1: [17300, 1] },
  'networking.k8s.io': { v1beta1: [17200, 9] },
  'storage.k8s.io': { v1beta1: [16800, 9] },
  'admissionregistration.k8s.io': { v1beta1: [16700, 12], v1alpha1: [16700, 9] },
  'scheduling.k8s.io': { v1alpha2: [16600, 2] },
  'coordination.k8s.io': { v1beta1: [16500, 13], v1alpha2: [16500, 12] },
  'resource.k8s.io': { v1beta2: [16200, 15], v1beta1: [16200, 9], v1alpha3: [16200, 1] },
  'internal.apiserver.k8s.io': { v1alpha1: [16000, 9] },
  'storagemigration.k8s.io': { v1beta1: [15800, 9] },
}

function buildResources(): void {
  const raw = facts<{ groups: RawGroup[]; resources: RawResource[]; disabledByDefault: RawResource[] }>('resources')
  const names = new Set([...raw.groups.map((g) => g.name), ...Object.keys(OPTIONAL_VERSIONS)])
  const groups = [...names].map((name): GroupFact => {
    const served = raw.groups.find((g) => g.name === name)
    const optional = OPTIONAL_VERSIONS[name] ?? {}
    return {
      name,
      versions: served?.versions ?? [],
      optionalVersions: Object.keys(optional),
      apiServicePriority: { ...served?.apiServicePriority, ...optional },
    }
  })
  const resources = [...raw.resources, ...raw.disabledByDefault].map(resourceFact)
  write('resources', { groups: [...groups, METRICS_GROUP], resources: [...resources, ...METRICS_RESOURCES] })
}

function resourceFact(raw: RawResource): ResourceFact {
  return {
    group: raw.group,
    version: raw.version,
    resource: raw.resource,
    singular: raw.singular,
    kind: raw.kind,
    namespaced: raw.namespaced,
    verbs: raw.verbs,
    shortNames: raw.shortNames ?? [],
    categories: raw.categories ?? [],
    storageVersionHash: raw.storageVersionHash,
    storageVersion: raw.storageVersion,
    storagePrefix: raw.etcdPrefix?.replace(/^\/registry/, '').replace(/\/\{namespace\}$/, ''),
    subresources: (raw.subresources ?? []).map(({ name, group, version, kind, verbs, httpPath }) => ({
      name,
      group,
      version,
      kind,
      verbs,
      ...(httpPath ? { proxiesPath: true } : {}),
    })),
  }
}

interface RawUpdateRule {
  readonly group: string
  readonly resource: string
  readonly allowCreateOnUpdate: boolean
  readonly allowUnconditionalUpdate: boolean
  readonly resetFields?: UpdateRule['resetFields']
  readonly generation?: readonly string[]
}

function buildUpdateRules(): void {
  const { resources } = facts<{ resources: RawUpdateRule[] }>('update-rules')
  const rules = resources
    .filter((rule) => rule.group !== '*')
    .map(
      ({ group, resource, allowCreateOnUpdate, allowUnconditionalUpdate, resetFields, generation }): UpdateRule => ({
        group,
        resource,
        allowCreateOnUpdate,
        allowUnconditionalUpdate,
        ...(resetFields ? { resetFields } : {}),
        setsGeneration: generation?.includes('1 on create') ?? false,
        raisesGeneration: generation?.includes('+1 on change') ?? false,
      }),
    )
  // The events of both groups are one resource with one strategy.
  const events = rules.find((rule) => rule.group === '' && rule.resource === 'events')!
  write('update-rules', [...rules, { ...events, group: 'events.k8s.io' }])
}

interface RawFieldSelector {
  readonly group: string
  readonly version: string
  readonly resource: string
  readonly fields: readonly string[]
  readonly aliases?: Readonly<Record<string, string>>
}

function buildFieldSelectors(): void {
  const raw = facts<{ resources: RawFieldSelector[]; disabledByDefaultVersions: RawFieldSelector[] }>('field-selectors')
  const rules = [...raw.resources, ...raw.disabledByDefaultVersions].flatMap((rule) =>
    rule.version.split(', ').map(
      (version): FieldSelectorFact => ({
        group: rule.group,
        version,
        resource: rule.resource,
        fields: rule.fields,
        ...(rule.aliases ? { aliases: rule.aliases } : {}),
      }),
    ),
  )
  write('field-selectors', rules)
}

function buildBootstrap(): void {
  const { clusterRoles, clusterRoleBindings, roles, roleBindings } = facts<Record<string, unknown>>('rbac-bootstrap')
  const optionalClusterRoles = { [METRICS_GROUP.name]: [METRICS_READER] }
  write('rbac-bootstrap', { clusterRoles, clusterRoleBindings, roles, roleBindings, optionalClusterRoles })
  const flow = facts<Record<string, unknown>>('flowcontrol-bootstrap')
  write('flowcontrol-bootstrap', {
    mandatoryPriorityLevelConfigurations: flow.mandatoryPriorityLevelConfigurations,
    suggestedPriorityLevelConfigurations: flow.suggestedPriorityLevelConfigurations,
    mandatoryFlowSchemas: flow.mandatoryFlowSchemas,
    suggestedFlowSchemas: flow.suggestedFlowSchemas,
    priorityClasses: flow.priorityclasses,
  })
  const { plugins } = facts<AdmissionFacts>('admission-defaults')
  write('admission', { plugins })
}

const goTypes = JSON.parse(readFileSync(join(import.meta.dirname, 'go-types.json'), 'utf8')) as GoTypes

const META = 'io.k8s.apimachinery.pkg.apis.meta.v1'
const TYPE_META: Readonly<Record<string, FieldFact>> = { kind: { type: 'string' }, apiVersion: { type: 'string' } }

/** Kinds that go over the wire but stand in no OpenAPI document. */
const UNPUBLISHED: Readonly<Record<string, DefinitionFact>> = {
  [`${META}.PartialObjectMetadata`]: {
    type: 'object',
    gvk: [['meta.k8s.io', 'v1', 'PartialObjectMetadata']],
    properties: { ...TYPE_META, metadata: { $ref: `${META}.ObjectMeta`, default: {} } },
  },
  [`${META}.PartialObjectMetadataList`]: {
    type: 'object',
    gvk: [['meta.k8s.io', 'v1', 'PartialObjectMetadataList']],
    required: ['items'],
    properties: {
      ...TYPE_META,
      metadata: { $ref: `${META}.ListMeta`, default: {} },
      items: { type: 'array', items: { $ref: `${META}.PartialObjectMetadata` } },
    },
  },
  [`${META}.List`]: {
    type: 'object',
    gvk: [['', 'v1', 'List']],
    required: ['items'],
    properties: {
      ...TYPE_META,
      metadata: { $ref: `${META}.ListMeta`, default: {} },
      items: { type: 'array', items: { $ref: 'io.k8s.apimachinery.pkg.runtime.RawExtension' } },
    },
  },
}

type RawDefinition = Omit<DefinitionFact, 'properties'> & { readonly properties?: Readonly<Record<string, FieldFact>> }

function buildSchema(): void {
  const raw = facts<Record<string, RawDefinition>>('schema')
  const presence = facts<Record<string, Record<string, unknown>>>('json-presence')
  const out: Record<string, DefinitionFact> = {}
  for (const [name, definition] of Object.entries(raw)) {
    if (!name.startsWith('_')) out[name] = withGoFacts(name, definition, presence[name] ?? {})
  }
  for (const [name, definition] of Object.entries(UNPUBLISHED)) {
    const always = name.endsWith('List') ? { metadata: {}, items: null } : { metadata: {} }
    out[name] = { ...withGoFacts(name, definition, always), unpublished: true }
  }
  write('schema', { ...out, ...METRICS_DEFINITIONS })
}

/** Puts the fields into Go's order and adds what JSON leaves out and what messages call the type. */
function withGoFacts(name: string, raw: RawDefinition, always: Readonly<Record<string, unknown>>): DefinitionFact {
  const go = goTypes[name]
  if (!raw.properties || !go) return raw
  const properties: Record<string, FieldFact> = {}
  for (const [json, type, flags, embedded] of go) {
    const property = raw.properties[json]
    if (!property) continue
    const never = json in always || (flags === '' && json !== 'kind' && json !== 'apiVersion')
    properties[json] = {
      ...property,
      ...(type === defaultGoType(property) ? {} : { go: type }),
      ...(embedded && embedded !== 'TypeMeta' ? { in: embedded } : {}),
      ...(never ? { omit: 'never', zero: json in always ? always[json] : zeroOf(property) } : {}),
      ...(!never && flags.includes('p') ? { omit: 'unset' } : {}),
    }
  }
  const missing = Object.keys(raw.properties).filter((json) => !(json in properties))
  if (missing.length > 0) throw new Error(`no Go field for ${name}: ${missing.join(', ')}`)
  return { ...raw, properties }
}

function zeroOf({ type }: FieldFact): unknown {
  return type === 'string' ? '' : type === 'boolean' ? false : type === 'integer' ? 0 : null
}

interface RawMessage {
  readonly fields: readonly (readonly [number: number, name: string, type: string, label: '' | 'repeated' | 'map'])[]
  /** Field name → JSON key where they differ. */
  readonly json?: Readonly<Record<string, string>>
  readonly inline?: readonly string[]
}

/** `io.k8s.api.core.v1.Pod` of `k8s.io.api.core.v1.Pod`. */
function definitionOfMessage(name: string): string {
  return name
    .replace(/^k8s\.io\./, 'io.k8s.')
    .replace('.apiextensions_apiserver.', '.apiextensions-apiserver.')
    .replace('.kube_aggregator.', '.kube-aggregator.')
}

/** The messages of all definitions, and those that these are made of. */
function buildProtobuf(): void {
  const raw = facts<Record<string, RawMessage>>('protobuf')
  const schema = JSON.parse(readFileSync(join(outDir, 'schema.json'), 'utf8')) as Record<string, unknown>
  const byDefinition = new Map(
    Object.entries(raw)
      .filter(([name]) => !name.startsWith('_'))
      .map(([name, message]) => [definitionOfMessage(name), message]),
  )
  const out: Record<string, readonly MessageField[]> = { ...METRICS_MESSAGES }
  const open = Object.keys(schema).filter((name) => byDefinition.has(name))
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    const message = byDefinition.get(name)
    if (!message || name in out) continue
    const fields = message.fields.map(([number, field, type, label]): MessageField => {
      const json = message.inline?.includes(field) ? '' : (message.json?.[field] ?? field)
      return [number, json, definitionOfMessage(type), label === 'repeated' ? 'r' : label === 'map' ? 'm' : '']
    })
    out[name] = fields
    open.push(...fields.map(([, , type]) => type).filter((type) => byDefinition.has(type)))
  }
  write('protobuf', Object.fromEntries(Object.entries(out).sort(([a], [b]) => (a < b ? -1 : 1))))
}

buildResources()
buildSchema()
buildProtobuf()
buildUpdateRules()
buildFieldSelectors()
buildBootstrap()
