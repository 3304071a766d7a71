import type { KubeObject } from '../../../apimachinery/kube-object.ts'
import type { LimitRange, LimitRangeItem, PersistentVolumeClaim, Pod } from '../../../apimachinery/types/core-v1.ts'
import type { AdmissionAttributes, AdmissionPlugin } from '../../admission.ts'
import type { ObjectReader } from '../../object-reader.ts'
import { refusedForAll } from '../../refusal.ts'
import { claimProblems, podProblems } from './limit-constraints.ts'
import { setDefaults } from './limit-defaults.ts'

interface LimitRangerOptions {
  /** Gate PodLevelResources. */
  readonly podLevelResources: boolean
}

/**
 * Keeps pods and claims within the limit ranges of their namespace, and fills in what they leave open.
 *
 * @see kubernetes plugin/pkg/admission/limitranger/admission.go
 */
export function limitRanger(reader: ObjectReader, options: LimitRangerOptions): AdmissionPlugin {
  /** Hands over the limits of each range; at once where they are at hand. */
  const withRanges = (
    { namespace, oldObject }: AdmissionAttributes,
    use: (items: readonly LimitRangeItem[]) => void,
  ): void | Promise<void> => {
    if (oldObject?.metadata.deletionTimestamp) return
    const useAll = (ranges: readonly KubeObject[]): void => {
      for (const range of ranges) use((range as unknown as LimitRange).spec?.limits ?? [])
    }
    const ranges = reader.list('', 'limitranges', namespace)
    return ranges instanceof Promise ? ranges.then(useAll) : useAll(ranges)
  }
  return {
    name: 'LimitRanger',
    handles: (operation) => operation === 'CREATE' || operation === 'UPDATE',
    admit(attributes) {
      if (attributes.kind.kind !== 'Pod' || !concerns(attributes)) return
      return withRanges(attributes, (items) => setDefaults(attributes.object as unknown as Pod, items))
    },
    validate(attributes) {
      if (!concerns(attributes)) return
      const { object, resource } = attributes
      const problems = (items: readonly LimitRangeItem[]): string[] =>
        resource.resource === 'pods'
          ? podProblems(object as unknown as Pod, items, options.podLevelResources)
          : claimProblems(object as unknown as PersistentVolumeClaim, items)
      return withRanges(attributes, (items) => {
        const error = refusedForAll(attributes, problems(items))
        if (error) throw error
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
