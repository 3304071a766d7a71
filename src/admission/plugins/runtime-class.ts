import { unknownError } from '../../apimachinery/api-error.ts'
import { goQuote } from '../../apimachinery/go-quote.ts'
import { givenEmpty } from '../../apimachinery/schema/given-empty.ts'
import { semanticEqual } from '../../apimachinery/semantic-equal.ts'
import type { Pod, PodSpec } from '../../apimachinery/types/core-v1.ts'
import type { RuntimeClass } from '../../apimachinery/types/node-v1.ts'
import type { AdmissionAttributes, AdmissionPlugin } from '../admission.ts'
import { isForPods } from '../attribute-tests.ts'
import { type ObjectReader, unaskableName } from '../object-reader.ts'
import { refused } from '../refusal.ts'
import { mergeTolerations } from './tolerations.ts'

const MISMATCH = "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead"

/**
 * A pod takes overhead, node selector and tolerations from its runtime class.
 *
 * @see kubernetes plugin/pkg/admission/runtimeclass/admission.go
 */
export function runtimeClass(reader: ObjectReader): AdmissionPlugin {
  const classOf = async (attributes: AdmissionAttributes, { spec }: Pod): Promise<RuntimeClass | undefined> => {
    const name = spec?.runtimeClassName
    if (name === undefined) return undefined
    const found = await reader.get('node.k8s.io', 'runtimeclasses', '', name)
    if (found) return found as unknown as RuntimeClass
    const nameProblem = unaskableName(name)
    if (nameProblem !== undefined) throw unknownError(nameProblem)
    throw refused(attributes, `pod rejected: RuntimeClass ${goQuote(name)} not found`)
  }
  return {
    name: 'RuntimeClass',
    handles: (operation) => operation === 'CREATE',
    admit(attributes) {
      const pod = attributes.object as unknown as Pod
      if (!isForPods(attributes) || pod.spec?.runtimeClassName === undefined) return
      return classOf(attributes, pod).then((found) => take(attributes, pod.spec!, found!))
    },
    validate(attributes) {
      if (!isForPods(attributes)) return
      const pod = attributes.object as unknown as Pod
      if (pod.spec?.runtimeClassName === undefined) return checkOverhead(attributes, pod, undefined)
      return classOf(attributes, pod).then((found) => checkOverhead(attributes, pod, found))
    },
  }
}

function take(attributes: AdmissionAttributes, spec: PodSpec, { overhead, scheduling }: RuntimeClass): void {
  if (overhead) {
    const fixed = overhead.podFixed ?? {}
    const given = Object.keys(spec.overhead ?? {}).length > 0
    if (given && !semanticEqual(fixed, spec.overhead)) throw refused(attributes, MISMATCH)
    spec.overhead = { ...fixed }
  }
  if (!scheduling) return
  const selector = { ...spec.nodeSelector }
  for (const [key, value] of Object.entries(scheduling.nodeSelector ?? {})) {
    if (Object.hasOwn(selector, key) && selector[key] !== value) {
      const why = `conflict: runtimeClass.scheduling.nodeSelector[${key}] = ${value}; pod.spec.nodeSelector[${key}] = ${selector[key]}`
      throw refused(attributes, why)
    }
    selector[key] = value
  }
  if (Object.keys(selector).length > 0) spec.nodeSelector = selector
  const tolerations = mergeTolerations(spec.tolerations ?? [], scheduling.tolerations ?? [])
  if (tolerations.length > 0) spec.tolerations = tolerations
}

function checkOverhead(attributes: AdmissionAttributes, { spec }: Pod, found: RuntimeClass | undefined): void {
  if (found?.overhead) {
    if (!semanticEqual(found.overhead.podFixed ?? {}, spec?.overhead ?? {})) throw refused(attributes, MISMATCH)
  } else if (spec?.overhead ?? givenEmpty(spec, 'overhead')) {
    const why = 'pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead'
    throw refused(attributes, why)
  }
}
