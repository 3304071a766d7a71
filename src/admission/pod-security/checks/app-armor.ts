import { goQuote } from '../../../apimachinery/go-quote.ts'
import type { PodSpec } from '../../../apimachinery/types/core-v1.ts'
import type { ObjectMeta } from '../../../apimachinery/types/meta-v1.ts'
import { badContexts, containersNamed, type PodCheck, plural, quoted, sortedSet, type Violation } from '../check.ts'

const ANNOTATION_PREFIX = 'container.apparmor.security.beta.kubernetes.io/'

/** Nobody turns AppArmor off. */
export const appArmorProfile: PodCheck = {
  id: 'appArmorProfile',
  level: 'baseline',
  versions: [{ since: 0, check: checkAppArmor }],
}

const isBad = (type: string | undefined): type is string =>
  type !== undefined && type !== 'RuntimeDefault' && type !== 'Localhost'

function checkAppArmor(spec: PodSpec, metadata: ObjectMeta): Violation | undefined {
  const setters: string[] = []
  const types: string[] = []
  const ofPod = spec.securityContext?.appArmorProfile?.type
  if (isBad(ofPod)) {
    setters.push('pod')
    types.push(ofPod)
  }
  const containers = badContexts(spec, ({ appArmorProfile: profile }) => {
    if (!isBad(profile?.type)) return false
    types.push(profile.type)
    return true
  })
  if (containers.length > 0) setters.push(containersNamed(containers))
  const values = sortedSet(types)
  const annotations = badAnnotations(metadata)
  if (annotations.length > 0) {
    values.push(...annotations)
    setters.push(plural('annotation', annotations.length))
  }
  if (setters.length === 0) return undefined
  return {
    reason: plural('forbidden AppArmor profile', values.length),
    detail: `${setters.join(' and ')} must not set AppArmor profile type to ${quoted(values)}`,
  }
}

function badAnnotations({ annotations }: ObjectMeta): string[] {
  return Object.entries(annotations ?? {})
    .filter(([key, value]) => key.startsWith(ANNOTATION_PREFIX) && !isAllowedAnnotation(value))
    .map(([key, value]) => `${key}=${goQuote(value)}`)
    .sort()
}

const isAllowedAnnotation = (value: string): boolean =>
  value === '' || value === 'runtime/default' || value.startsWith('localhost/')
