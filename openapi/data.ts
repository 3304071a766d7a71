/**
 * The API's facts as the server reads them: typed, parsed when first asked for, and kept. Made by `openapi/build.ts`.
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { DefinitionFact } from './schema-facts.ts'

/** In a checkout the data lies beside this file; the bundle in `dist` finds it in the package. */
const dataDir = ['data', '../openapi/data']
  .map((path) => join(import.meta.dirname, path))
  .find((dir) => existsSync(join(dir, 'resources.json')))

/**
 * Texts about types and fields: definition → [of the type, field → of the field]. Made by each build
 * (`openapi/descriptions.ts`); empty where it has not run.
 */
export type Descriptions = Readonly<Record<string, readonly [type: string, fields: Readonly<Record<string, string>>]>>

let loadedDescriptions: Descriptions | undefined

export function descriptions(): Descriptions {
  if (!loadedDescriptions) {
    const file = dataDir && join(dataDir, '../generated/descriptions.json')
    loadedDescriptions = file && existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Descriptions) : {}
  }
  return loadedDescriptions
}

function load(name: string): unknown {
  if (!dataDir) throw new Error('openapi/data is missing from this installation')
  return JSON.parse(readFileSync(join(dataDir, `${name}.json`), 'utf8'))
}

/** Parses a data file when it is first asked for. The result is shared: nobody writes into it. */
function lazily<T>(name: string): () => T {
  let value: T | undefined
  return () => {
    value ??= load(name) as T
    return value
  }
}

export interface GroupFact {
  /** '' for the core group, which is served at /api. */
  readonly name: string
  /** Served by default, the preferred one first; empty for groups that are off by default. */
  readonly versions: readonly string[]
  /** Served on demand only (`--runtime-config`), the preferred one first; they stand behind `versions`. */
  readonly optionalVersions: readonly string[]
  /** version → [groupPriorityMinimum, versionPriority] of the APIService object; none for apiregistration.k8s.io. */
  readonly apiServicePriority: Readonly<Record<string, readonly [number, number]>>
}

export interface SubresourceFact {
  readonly name: string
  /** Group, version and kind of what this subresource takes or answers. */
  readonly group: string
  readonly version: string
  readonly kind: string
  readonly verbs: readonly string[]
  /** More path may follow (proxy), with any method. */
  readonly proxiesPath?: boolean
}

export interface ResourceFact {
  readonly group: string
  readonly version: string
  readonly resource: string
  readonly singular: string
  readonly kind: string
  readonly namespaced: boolean
  readonly verbs: readonly string[]
  readonly shortNames: readonly string[]
  readonly categories: readonly string[]
  /** Undefined where nothing is stored (reviews, bindings, componentstatuses). */
  readonly storageVersionHash: string | undefined
  /** apiVersion of the stored form. */
  readonly storageVersion: string | undefined
  /** Path below the storage prefix (`/registry`), as `/services/specs`; namespaced objects lie in a level below it. */
  readonly storagePrefix: string | undefined
  readonly subresources: readonly SubresourceFact[]
}

export interface UpdateRule {
  readonly group: string
  readonly resource: string
  /** PUT of a missing object creates it. */
  readonly allowCreateOnUpdate: boolean
  /** PUT without metadata.resourceVersion is accepted. */
  readonly allowUnconditionalUpdate: boolean
  /** endpoint ('main', 'status', 'finalize', 'approval') → fields that are reset there and never owned there. */
  readonly resetFields?: Readonly<Record<string, readonly string[]>>
  /** metadata.generation is 1 on create. */
  readonly setsGeneration: boolean
  /** metadata.generation rises when the strategy sees a change. */
  readonly raisesGeneration: boolean
}

export interface FieldSelectorFact {
  readonly group: string
  readonly version: string
  readonly resource: string
  /** All labels that are accepted, metadata.name included. */
  readonly fields: readonly string[]
  /** Accepted label → the label it stands for. */
  readonly aliases?: Readonly<Record<string, string>>
}

type AdmissionOperation = 'CREATE' | 'UPDATE' | 'DELETE' | 'CONNECT'

export interface AdmissionPluginFact {
  readonly name: string
  readonly default: boolean
  readonly phases: readonly ('mutating' | 'validating')[]
  readonly operations: readonly AdmissionOperation[]
  /** Feature gate without which the plugin does nothing. */
  readonly gate?: string
  readonly gateDefault?: boolean
}

export interface AdmissionFacts {
  /** In the order in which they run, whatever the order of the flags. */
  readonly plugins: readonly AdmissionPluginFact[]
}

interface PolicyRuleFact {
  readonly apiGroups?: readonly string[]
  readonly resources?: readonly string[]
  readonly resourceNames?: readonly string[]
  readonly nonResourceURLs?: readonly string[]
  readonly verbs: readonly string[]
}

export interface RoleFact {
  readonly name: string
  /** Roles only. */
  readonly namespace?: string
  /** Besides `kubernetes.io/bootstrapping: rbac-defaults`, which all have. */
  readonly labels?: Readonly<Record<string, string>>
  readonly rules?: readonly PolicyRuleFact[]
  readonly aggregationRule?: {
    readonly clusterRoleSelectors: readonly { readonly matchLabels: Readonly<Record<string, string>> }[]
  }
}

export interface RoleBindingFact {
  readonly name: string
  /** RoleBindings only. */
  readonly namespace?: string
  readonly roleRef: { readonly apiGroup: string; readonly kind: string; readonly name: string }
  readonly subjects?: readonly {
    readonly apiGroup?: string
    readonly kind: string
    readonly name: string
    readonly namespace?: string
  }[]
}

/** All carry the annotation `rbac.authorization.kubernetes.io/autoupdate: "true"`. */
export interface RbacBootstrap {
  readonly clusterRoles: readonly RoleFact[]
  readonly clusterRoleBindings: readonly RoleBindingFact[]
  readonly roles: readonly RoleFact[]
  readonly roleBindings: readonly RoleBindingFact[]
  /** API group → roles that clusters have which serve it. */
  readonly optionalClusterRoles: Readonly<Record<string, readonly RoleFact[]>>
}

export interface NamedSpec {
  readonly name: string
  readonly spec: Readonly<Record<string, unknown>>
}

/** Flow control objects carry the annotation `apf.kubernetes.io/autoupdate-spec: "true"`. */
interface FlowControlBootstrap {
  readonly mandatoryPriorityLevelConfigurations: readonly NamedSpec[]
  readonly suggestedPriorityLevelConfigurations: readonly NamedSpec[]
  readonly mandatoryFlowSchemas: readonly NamedSpec[]
  readonly suggestedFlowSchemas: readonly NamedSpec[]
  readonly priorityClasses: readonly {
    readonly name: string
    readonly value: number
    readonly globalDefault: boolean
    readonly preemptionPolicy: string
  }[]
}

const resources = lazily<{ groups: readonly GroupFact[]; resources: readonly ResourceFact[] }>('resources')
const updateRuleList = lazily<readonly UpdateRule[]>('update-rules')

/** API groups in the order of /apis, the core group first; groups that are off by default stand last. */
export function groupFacts(): readonly GroupFact[] {
  return resources().groups
}

/**
 * Resources of every group version in discovery order, those that are off by default included (see
 * {@link isServedByDefault}): one entry for each version in which a resource is served.
 */
export function resourceFacts(): readonly ResourceFact[] {
  return resources().resources
}

/** Whether a group version is served without `--runtime-config`. */
export function isServedByDefault({ group, version }: { readonly group: string; readonly version: string }): boolean {
  return groupFacts().some((g) => g.name === group && g.versions.includes(version))
}

let updateRules: Map<string, UpdateRule> | undefined

/** How a resource treats PUT; undefined for resources that are only created (reviews, bindings). */
export function updateRuleOf(group: string, resource: string): UpdateRule | undefined {
  updateRules ??= new Map(updateRuleList().map((rule) => [`${rule.resource}.${rule.group}`, rule]))
  return updateRules.get(`${resource}.${group}`)
}

/** Resources with field selectors beyond metadata.name and metadata.namespace. */
export const fieldSelectorFacts = lazily<readonly FieldSelectorFact[]>('field-selectors')

/** The default RBAC objects. */
export const rbacBootstrap = lazily<RbacBootstrap>('rbac-bootstrap')

/** The default flow control objects and priority classes. */
export const flowControlBootstrap = lazily<FlowControlBootstrap>('flowcontrol-bootstrap')

/** Admission plugins: order, phases, what is on by default. */
export const admissionFacts = lazily<AdmissionFacts>('admission')

/** Definitions of the OpenAPI document (`io.k8s.api.core.v1.PodSpec` → its facts), fields in Go's order. */
export const schemaFacts = lazily<Readonly<Record<string, DefinitionFact>>>('schema')

/**
 * A field of a protobuf message: number; JSON key, '' where the members of the field's message stand in the parent;
 * scalar (`string`, `int32`, `int64`, `bool`, `bytes`, `double`) or definition; `r` repeated, `m` map with string keys.
 */
export type MessageField = readonly [number: number, json: string, type: string, label: '' | 'r' | 'm']

/** Protobuf messages by definition, fields in the order of their numbers. */
export const messageFacts = lazily<Readonly<Record<string, readonly MessageField[]>>>('protobuf')

/** A field of a Go struct: its name, its type as Go prints it, its member in JSON; an embedded struct has none of its own. */
export type GoField = readonly [name: string, type: string, json?: string]

/** The Go structs of a pod template, made by `openapi/pod-template-structs.ts`. */
export interface PodTemplateStructs {
  /** `v1.PodSpec` → its fields in their order. */
  readonly structs: Readonly<Record<string, readonly GoField[]>>
  /** `v1.ResourceList` → `map[v1.ResourceName]resource.Quantity` */
  readonly named: Readonly<Record<string, string>>
}

export const podTemplateStructs = lazily<PodTemplateStructs>('pod-template-structs')
