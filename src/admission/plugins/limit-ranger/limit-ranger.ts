import type { LimitRange, LimitRangeItem, PersistentVolumeClaim, Pod } from '../../../apimachinery/types/core-v1.ts'
import type { AdmissionAttributes, AdmissionPlugin } from '../../admission.ts'
import type { ObjectReader } from '../../object-reader.ts'
import { refusedForAll } from '../../refusal.ts'
import { claimProblems, podProblems } from './limit-constraints.ts'
import { setDefaults } from './limit-defaults.ts'

export interface LimitRangerOptions {
  /** Gate PodLevelResources. */
  readonly podLevelResources: boolean
}

/**
 * Keeps pods and claims within the limit ranges of their namespace, and fills in what they leave open.
 *
 * @see kubernetes plugin/pkg/admission/limitranger/admission.go
 */
export function limitRanger(reader: ObjectReader, options: LimitRangerOptions): AdmissionPlugin {
  const rangesFor = async (attributes: AdmissionAttributes): Promise<readonly (readonly LimitRangeItem[])[]> => {
    if (!concerns(attributes) || attributes.oldObject?.metadata.deletionTimestamp) return []
    const ranges = await reader.list('', 'limitranges', attributes.namespace)
    return ranges.map((range) => (range as unknown as LimitRange).spec?.limits ?? [])
  }
  return {
    name: 'LimitRanger',
    handles: (operation) => operation === 'CREATE' || operation === 'UPDATE',
    admit(attributes) {
      if (attributes.kind.kind !== 'Pod' || !concerns(attributes)) return
      return rangesFor(attributes).then((ranges) => {
        for (const items of ranges) setDefaults(attributes.object as unknown as Pod, items)
      })
    },
    validate(attributes) {
      if (!concerns(attributes)) return
      const { object, resource } = attributes
      const problems = (items: readonly LimitRangeItem[]): string[] =>
        resource.resource === 'pods'
          ? podProblems(object as unknown as Pod, items, options.podLevelResources)
          : claimProblems(object as unknown as PersistentVolumeClaim, items)
      return rangesFor(attributes).then((ranges) => {
        for (const items of ranges) {
          const error = refusedForAll(attributes, problems(items))
          if (error) throw error
        }
      })
    },
  }
}

/** Creates of pods, resizes of their containers, and writes of claims: nothing else can change what is asked for. */
function concerns({ kind, subresource, operation }: AdmissionAttributes): boolean {
  if (kind.group !== '') return false
  if (kind.kind === 'Pod') return operation === 'UPDATE' ? subresource === 'resize' : subresource === ''
  return kind.kind === 'PersistentVolumeClaim' && subresource === ''
}
