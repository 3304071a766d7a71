import { notFound, unknownError } from '../../apimachinery/api-error.ts'
import { fieldErrorMessage } from '../../apimachinery/field-error.ts'
import { FieldPath } from '../../apimachinery/field-path.ts'
import { isJsonObject, type KubeObject } from '../../apimachinery/kube-object.ts'
import type { Pod, Toleration } from '../../apimachinery/types/core-v1.ts'
import { goJsonError } from '../../apimachinery/validation/go-json.ts'
import { getPodQOS } from '../../registry/core/pod/pod-resources.ts'
import { validateTolerations } from '../../registry/core/pod/scheduling-validation.ts'
import type { AdmissionAttributes, AdmissionPlugin } from '../admission.ts'
import { isForPods } from '../attribute-tests.ts'
import type { ObjectReader } from '../object-reader.ts'
import { areAllowed, mergeTolerations } from './tolerations.ts'

const DEFAULTS_ANNOTATION = 'scheduler.alpha.kubernetes.io/defaultTolerations'
const ALLOWED_ANNOTATION = 'scheduler.alpha.kubernetes.io/tolerationsWhitelist'
const MEMORY_PRESSURE: Toleration = {
  key: 'node.kubernetes.io/memory-pressure',
  operator: 'Exists',
  effect: 'NoSchedule',
}

interface ClusterTolerations {
  readonly defaults: readonly Toleration[]
  readonly allowed: readonly Toleration[]
}

/**
 * Gives pods the tolerations of their namespace, or of the cluster, and keeps them to those that are allowed there.
 *
 * @see kubernetes plugin/pkg/admission/podtolerationrestriction/admission.go
 */
export class PodTolerationRestriction implements AdmissionPlugin {
  readonly name = 'PodTolerationRestriction'
  readonly #reader: ObjectReader
  readonly #cluster: ClusterTolerations

  /** Errors: a configuration that is not one. */
  constructor(reader: ObjectReader, configuration: unknown) {
    this.#reader = reader
    this.#cluster = readConfiguration(configuration)
  }

  handles(operation: string): boolean {
    return operation === 'CREATE' || operation === 'UPDATE'
  }

  async admit(attributes: AdmissionAttributes): Promise<void> {
    if (!isForPods(attributes)) return
    const pod = attributes.object as unknown as Pod
    const namespace = await this.#namespace(attributes.namespace)
    const isNew = attributes.operation === 'CREATE'
    const extra = isNew ? [...(tolerationsOf(namespace, DEFAULTS_ANNOTATION) ?? this.#cluster.defaults)] : []
    if (getPodQOS(pod) !== 'BestEffort') extra.push(MEMORY_PRESSURE)
    if (pod.spec && extra.length > 0) pod.spec.tolerations = mergeTolerations(pod.spec.tolerations ?? [], extra)
    this.#check(pod, namespace)
  }

  async validate(attributes: AdmissionAttributes): Promise<void> {
    if (!isForPods(attributes)) return
    this.#check(attributes.object as unknown as Pod, await this.#namespace(attributes.namespace))
  }

  #check({ spec }: Pod, namespace: KubeObject): void {
    const tolerations = spec?.tolerations ?? []
    if (tolerations.length === 0) return
    const own = tolerationsOf(namespace, ALLOWED_ANNOTATION)
    if (areAllowed(tolerations, own ?? this.#cluster.allowed)) return
    const scope = own ? 'namespace' : 'cluster'
    const why = `pod tolerations (possibly merged with namespace default tolerations) conflict with its ${scope} whitelist`
    throw unknownError(why)
  }

  async #namespace(name: string): Promise<KubeObject> {
    const found = await this.#reader.get('', 'namespaces', '', name)
    if (!found) throw notFound({ group: '', resource: 'namespaces' }, name)
    return found
  }
}

/** Undefined where the annotation is missing; empty where it is. Errors: 500 for an annotation that is no list. */
function tolerationsOf({ metadata }: KubeObject, annotation: string): readonly Toleration[] | undefined {
  const text = metadata.annotations?.[annotation]
  if (text === undefined) return undefined
  if (text === '') return []
  const problem = goJsonError(Buffer.from(text), 'array', '[]v1.Toleration')
  if (problem !== undefined) throw unknownError(problem)
  return (JSON.parse(text) as readonly Toleration[] | null) ?? []
}

function readConfiguration(configuration: unknown): ClusterTolerations {
  if (configuration === undefined) return { defaults: [], allowed: [] }
  if (!isJsonObject(configuration) || configuration['kind'] !== 'Configuration') {
    throw new Error('PodTolerationRestriction needs a Configuration of podtolerationrestriction.admission.k8s.io')
  }
  const listOf = (name: string): readonly Toleration[] => {
    const list = configuration[name]
    return Array.isArray(list) ? (list as Toleration[]) : []
  }
  const cluster = { defaults: listOf('default'), allowed: listOf('whitelist') }
  const path = FieldPath.of('podtolerationrestriction')
  const options = { allowTaintTolerationComparisonOperators: false }
  const errors = [
    ...validateTolerations(cluster.defaults, path.child('default'), options),
    ...validateTolerations(cluster.allowed, path.child('whitelist'), options),
  ]
  if (errors.length > 0) throw new Error(`invalid config: [${errors.map(fieldErrorMessage).join(', ')}]`)
  return cluster
}
