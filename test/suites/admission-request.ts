import { resourceFacts } from '../../openapi/data.ts'
import type { AdmissionAttributes, AdmissionPlugin } from '../../src/admission/admission.ts'
import type { ObjectReader } from '../../src/admission/object-reader.ts'
import type { ApiError } from '../../src/apimachinery/api-error.ts'
import { cloneJson } from '../../src/apimachinery/clone.ts'
import { parseApiVersion } from '../../src/apimachinery/group-version.ts'
import type { JsonObject, KubeObject } from '../../src/apimachinery/kube-object.ts'
import type { ObjectMeta } from '../../src/apimachinery/types/meta-v1.ts'

/** An object in as few words as a test needs. */
export function object(kind: string, metadata: ObjectMeta, rest: JsonObject = {}, apiVersion = 'v1'): KubeObject {
  return { apiVersion, kind, metadata, ...rest }
}

/** A pod of one container in the namespace `ns`. */
export function pod(spec: JsonObject = {}, metadata: ObjectMeta = {}): KubeObject {
  const containers = [{ name: 'c', image: 'nginx' }]
  return object('Pod', { name: 'p', namespace: 'ns', ...metadata }, { spec: { containers, ...spec } })
}

/** Reads the given objects. */
export function readerOf(...objects: readonly KubeObject[]): ObjectReader {
  const of = (group: string, resource: string) => objects.filter((o) => isOf(o, group, resource))
  return {
    get: (group, resource, namespace, name) =>
      of(group, resource).find((o) => o.metadata.name === name && (o.metadata.namespace ?? '') === namespace),
    list: async (group, resource, namespace = '') =>
      of(group, resource).filter((o) => namespace === '' || o.metadata.namespace === namespace),
  }
}

/** '' for the kinds of subresources: such requests name their resource. */
const resourceOf = (kind: string, group: string): string =>
  resourceFacts().find((f) => f.kind === kind && f.group === group)?.resource ?? ''

function isOf({ kind, apiVersion }: KubeObject, group: string, resource: string): boolean {
  return parseApiVersion(apiVersion)!.group === group && resourceOf(kind, group) === resource
}

export interface AskedRequest extends Partial<Omit<AdmissionAttributes, 'object' | 'oldObject'>> {
  readonly object?: KubeObject | undefined
  /** Makes the request an update, or a delete where there is no object. */
  readonly old?: KubeObject | undefined
}

/** What a plugin did with a request. */
interface Admitted {
  /** The error that it answered with. */
  readonly error: ApiError | undefined
  readonly object: KubeObject | undefined
  readonly warnings: readonly string[]
  readonly annotations: Readonly<Record<string, string>>
}

/** Runs both phases of a plugin for a request: a create of the object unless it says otherwise. */
export async function admit(plugin: AdmissionPlugin, asked: AskedRequest): Promise<Admitted> {
  const { old, object: given, ...rest } = asked
  const subject = given ?? old!
  const { group, version } = parseApiVersion(subject.apiVersion)!
  const namespace = subject.metadata.namespace ?? (subject.kind === 'Namespace' ? subject.metadata.name! : '')
  const warnings: string[] = []
  const annotations: Record<string, string> = {}
  const attributes: AdmissionAttributes = {
    operation: old ? (given ? 'UPDATE' : 'DELETE') : 'CREATE',
    kind: { group, version, kind: subject.kind },
    resource: { group, version, resource: resourceOf(subject.kind, group) },
    subresource: '',
    namespace,
    name: subject.metadata.name ?? '',
    object: given && cloneJson(given),
    oldObject: old,
    options: undefined,
    dryRun: false,
    user: { name: 'jane', uid: 'u', groups: ['dev'], extra: {} },
    addWarning: (text) => void warnings.push(text),
    addAuditAnnotation: (key, value) => {
      annotations[key] = value
    },
    timeLeftMs: () => 34_000,
    ...rest,
  }
  let error: ApiError | undefined
  try {
    if (plugin.handles(attributes.operation)) {
      await plugin.admit?.(attributes)
      await plugin.validate?.(attributes)
    }
  } catch (thrown) {
    error = thrown as ApiError
  }
  return { error, object: attributes.object, warnings, annotations }
}

/** The message of the error that a plugin answers with; undefined where it lets the request through. */
export async function refusal(plugin: AdmissionPlugin, asked: AskedRequest): Promise<string | undefined> {
  return (await admit(plugin, asked)).error?.message
}
