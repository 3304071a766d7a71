import { forbidden, internalError, unknownError } from '../../apimachinery/api-error.ts'
import { fieldErrorBody, invalid } from '../../apimachinery/field-error.ts'
import { isJsonObject } from '../../apimachinery/kube-object.ts'
import { labelKeyErrors, labelValueErrors } from '../../apimachinery/label-selector.ts'
import type { Pod } from '../../apimachinery/types/core-v1.ts'
import type { AdmissionAttributes, AdmissionPlugin } from '../admission.ts'
import { isForPods } from '../attribute-tests.ts'
import type { ObjectReader } from '../object-reader.ts'

const ANNOTATION = 'scheduler.alpha.kubernetes.io/node-selector'
const CLUSTER_DEFAULT = 'clusterDefaultNodeSelector'

type Labels = Readonly<Record<string, string>>

/**
 * Pods run on the nodes that their namespace is meant for. The configuration names a node selector for all namespaces
 * that have none, and for each namespace the labels that its pods may select by.
 *
 * @see kubernetes plugin/pkg/admission/podnodeselector/admission.go
 */
export class PodNodeSelector implements AdmissionPlugin {
  readonly name = 'PodNodeSelector'
  readonly #reader: ObjectReader
  readonly #clusterSelectors: Labels

  constructor(reader: ObjectReader, configuration: unknown) {
    this.#reader = reader
    const selectors = isJsonObject(configuration) ? configuration['podNodeSelectorPluginConfig'] : undefined
    const entries = isJsonObject(selectors) ? Object.entries(selectors) : []
    this.#clusterSelectors = Object.fromEntries(entries.map(([name, text]) => [name, String(text ?? '')]))
  }

  handles(operation: string): boolean {
    return operation === 'CREATE'
  }

  async admit(attributes: AdmissionAttributes): Promise<void> {
    if (!isForPods(attributes)) return
    const { spec } = attributes.object as unknown as Pod
    const selector = await this.#namespaceSelector(attributes.namespace)
    checkConflict(attributes, selector)
    const merged = { ...selector, ...spec?.nodeSelector }
    if (spec && Object.keys(merged).length > 0) spec.nodeSelector = merged
    this.#checkAllowed(attributes)
  }

  async validate(attributes: AdmissionAttributes): Promise<void> {
    if (!isForPods(attributes)) return
    checkConflict(attributes, await this.#namespaceSelector(attributes.namespace))
    this.#checkAllowed(attributes)
  }

  async #namespaceSelector(name: string): Promise<Labels> {
    const namespace = await this.#reader.get('', 'namespaces', '', name)
    if (!namespace) throw internalError(`namespace ${name} does not exist`)
    return parseSelector(namespace.metadata.annotations?.[ANNOTATION] ?? this.#clusterSelectors[CLUSTER_DEFAULT] ?? '')
  }

  #checkAllowed(attributes: AdmissionAttributes): void {
    const allowed = parseSelector(this.#clusterSelectors[attributes.namespace] ?? '')
    if (Object.keys(allowed).length === 0) return
    const { metadata, spec } = attributes.object as unknown as Pod
    const selected = Object.entries(spec?.nodeSelector ?? {})
    if (selected.every(([key, value]) => allowed[key] === value)) return
    const why = 'pod node label selector labels conflict with its namespace whitelist'
    throw forbidden(attributes.resource, metadata.name ?? '', why)
  }
}

function checkConflict(attributes: AdmissionAttributes, selector: Labels): void {
  const { metadata, spec } = attributes.object as unknown as Pod
  const own = spec?.nodeSelector ?? {}
  if (Object.entries(selector).every(([key, value]) => !Object.hasOwn(own, key) || own[key] === value)) return
  const why = 'pod node label selector conflicts with its namespace node label selector'
  throw forbidden(attributes.resource, metadata.name ?? '', why)
}

/** `a=b,c=d` as labels. Errors: 500 with what is wrong, as upstream has no Status for it. */
function parseSelector(text: string): Labels {
  const labels: Record<string, string> = {}
  if (text === '') return labels
  for (const part of text.split(',')) {
    const pair = part.split('=')
    if (pair.length !== 2) throw unknownError(`invalid selector: [${pair.join(' ')}]`)
    const [key, value] = pair.map((p) => p.trim()) as [string, string]
    const keyErrors = labelKeyErrors(key)
    if (keyErrors.length > 0) {
      throw unknownError(`<nil>: ${fieldErrorBody(invalid(undefined, key, keyErrors.join('; ')))}`)
    }
    const valueErrors = labelValueErrors(value)
    if (valueErrors.length > 0) {
      throw unknownError(`[${key}]: ${fieldErrorBody(invalid(undefined, value, valueErrors.join('; ')))}`)
    }
    labels[key] = value
  }
  return labels
}
