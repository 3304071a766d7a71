import type { PodSpec, PodTemplateSpec } from '../../apimachinery/types/core-v1.ts'
import { setPodTemplateDefaults } from '../core/pod/pod-defaults.ts'

/** Makes sure that there is a template with a pod spec, as Go's structs always have them, and sets its defaults. */
export function defaultPodTemplate(owner: { template?: PodTemplateSpec }): void {
  owner.template ??= {}
  const template = owner.template
  template.spec ??= {} as PodSpec
  setPodTemplateDefaults(template)
}
