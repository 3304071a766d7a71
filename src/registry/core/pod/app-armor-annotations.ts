import { FieldPath } from '../../../apimachinery/field-path.ts'
import type { AppArmorProfile, Pod } from '../../../apimachinery/types/core-v1.ts'
import type { Errors } from './field-checks.ts'
import { APP_ARMOR_ANNOTATION_PREFIX } from './pod-annotation-validation.ts'
import { allContainers } from './pod-containers.ts'
import { checkAppArmorProfile } from './security-context-validation.ts'
import { specEqual } from './spec-equal.ts'

const LOCALHOST_PREFIX = 'localhost/'
const ANNOTATIONS = FieldPath.of('metadata', 'annotations')

/** The profile that the old annotation of a container asks for. */
export function appArmorFieldForAnnotation(annotation: string): AppArmorProfile | undefined {
  if (annotation === 'unconfined') return { type: 'Unconfined' }
  if (annotation === 'runtime/default') return { type: 'RuntimeDefault' }
  if (!annotation.startsWith(LOCALHOST_PREFIX) || annotation === LOCALHOST_PREFIX) return undefined
  return { type: 'Localhost', localhostProfile: annotation.slice(LOCALHOST_PREFIX.length) }
}

/** Text of the warning about the annotation of a container. */
export function appArmorAnnotationWarning(annotations: FieldPath, containerName: string): string {
  const path = annotations.key(APP_ARMOR_ANNOTATION_PREFIX + containerName)
  return `${path}: deprecated since v1.30; use the "appArmorProfile" field instead`
}

/**
 * Sets the AppArmor field of each container from its old annotation, where it has none. Gives the warnings about that.
 *
 * @see kubernetes pkg/registry/core/pod/strategy.go applyAppArmorVersionSkew
 */
export function applyAppArmorVersionSkew(pod: Pod): string[] {
  const annotations = pod.metadata?.annotations
  const spec = pod.spec
  if (!annotations || !spec || spec.os?.name === 'windows') return []
  const warnings: string[] = []
  for (const container of allContainers(spec)) {
    const name = container.name ?? ''
    const annotation = annotations[APP_ARMOR_ANNOTATION_PREFIX + name]
    if (annotation === undefined || container.securityContext?.appArmorProfile) continue
    const profile = validProfile(annotation)
    if (profile && specEqual(profile, spec.securityContext?.appArmorProfile)) continue
    if (profile) {
      container.securityContext ??= {}
      container.securityContext.appArmorProfile = profile
    }
    warnings.push(appArmorAnnotationWarning(ANNOTATIONS, name))
  }
  return warnings
}

function validProfile(annotation: string): AppArmorProfile | undefined {
  const profile = appArmorFieldForAnnotation(annotation)
  const errors: Errors = []
  checkAppArmorProfile(errors, profile, ANNOTATIONS)
  return errors.length === 0 ? profile : undefined
}
