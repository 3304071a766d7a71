import type { KubeObject } from '../../apimachinery/kube-object.ts'
import type { Pod } from '../../apimachinery/types/core-v1.ts'
import type { PriorityClass } from '../../apimachinery/types/scheduling-v1.ts'
import type { AdmissionAttributes, AdmissionPlugin } from '../admission.ts'
import { isFor } from '../attribute-tests.ts'
import type { ObjectReader } from '../object-reader.ts'
import { refused } from '../refusal.ts'

const GROUP = 'scheduling.k8s.io'

interface PriorityRank {
  readonly name: string
  readonly value: number
  readonly preemptionPolicy: string | undefined
}

const NO_CLASS: PriorityRank = { name: '', value: 0, preemptionPolicy: 'PreemptLowerPriority' }

/**
 * Resolves a pod's priority class into numbers; there is one default class at most.
 *
 * @see kubernetes plugin/pkg/admission/priority/admission.go
 */
export function priority(reader: ObjectReader): AdmissionPlugin {
  return {
    name: 'Priority',
    handles: (operation) => operation !== 'CONNECT',
    admit(attributes) {
      const { operation, subresource, object, oldObject } = attributes
      if (subresource !== '' || operation === 'DELETE' || !isFor(attributes, '', 'pods')) return
      if (operation === 'UPDATE') return keepPriority(object, oldObject)
      return admitNewPod(attributes, reader)
    },
    validate(attributes) {
      const { operation, subresource } = attributes
      if (subresource !== '' || operation === 'DELETE' || !isFor(attributes, GROUP, 'priorityclasses')) return
      return validateClass(attributes, reader)
    },
  }
}

/** What was resolved at creation stays where a client leaves it out. */
function keepPriority(object: KubeObject | undefined, oldObject: KubeObject | undefined): void {
  const spec = (object as unknown as Pod).spec
  const old = (oldObject as unknown as Pod).spec
  if (!spec || !old) return
  if (spec.priority === undefined && old.priority !== undefined) spec.priority = old.priority
  if (spec.preemptionPolicy === undefined && old.preemptionPolicy !== undefined)
    spec.preemptionPolicy = old.preemptionPolicy
}

async function admitNewPod(attributes: AdmissionAttributes, reader: ObjectReader): Promise<void> {
  const { spec } = attributes.object as unknown as Pod
  if (!spec) return
  const { name, value, preemptionPolicy } = await rankOf(spec.priorityClassName ?? '', attributes, reader)
  if (name !== '') spec.priorityClassName = name
  if (spec.priority !== undefined && spec.priority !== value) {
    const why = `the integer value of priority (${spec.priority}) must not be provided in pod spec; priority admission controller computed ${value} from the given PriorityClass name`
    throw refused(attributes, why)
  }
  spec.priority = value
  if (preemptionPolicy === undefined) return
  if (spec.preemptionPolicy !== undefined && spec.preemptionPolicy !== preemptionPolicy) {
    const why = `the string value of PreemptionPolicy (${spec.preemptionPolicy}) must not be provided in pod spec; priority admission controller computed ${preemptionPolicy} from the given PriorityClass name`
    throw refused(attributes, why)
  }
  spec.preemptionPolicy = preemptionPolicy
}

async function rankOf(name: string, attributes: AdmissionAttributes, reader: ObjectReader): Promise<PriorityRank> {
  if (name === '') {
    const standard = await defaultClass(reader)
    return standard ? rankOfClass(standard) : NO_CLASS
  }
  const found = await reader.get(GROUP, 'priorityclasses', '', name)
  if (!found) throw refused(attributes, `no PriorityClass with name ${name} was found`)
  return rankOfClass(found as unknown as PriorityClass)
}

const rankOfClass = ({ metadata, value, preemptionPolicy }: PriorityClass): PriorityRank => ({
  name: metadata.name!,
  value: value ?? 0,
  preemptionPolicy,
})

/** The class marked as default; the one of lowest value where a race made several. */
async function defaultClass(reader: ObjectReader): Promise<PriorityClass | undefined> {
  let found: PriorityClass | undefined
  for (const object of await reader.list(GROUP, 'priorityclasses')) {
    const candidate = object as unknown as PriorityClass
    if (!candidate.globalDefault) continue
    if (!found || (found.value ?? 0) > (candidate.value ?? 0)) found = candidate
  }
  return found
}

async function validateClass(attributes: AdmissionAttributes, reader: ObjectReader): Promise<void> {
  const own = attributes.object as unknown as PriorityClass
  if (!own.globalDefault) return
  const standard = await defaultClass(reader)
  if (!standard) return
  if (attributes.operation === 'UPDATE' && standard.metadata.name === own.metadata.name) return
  const why = `PriorityClass ${standard.metadata.name} is already marked as default. Only one default can exist`
  throw refused(attributes, why)
}
