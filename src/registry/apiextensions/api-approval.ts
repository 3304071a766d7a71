import { type FieldError, invalid, required } from '../../apimachinery/field-error.ts'
import { FieldPath } from '../../apimachinery/field-path.ts'
import { GoUrlError, parseGoUrl } from '../../apimachinery/go-url.ts'
import type { CustomResourceDefinition } from '../../apimachinery/types/apiextensions-v1.ts'

const ANNOTATION = 'api-approved.kubernetes.io'
const SEE = 'see https://github.com/kubernetes/enhancements/pull/1111'
const INTRO = `protected groups must have approval annotation "${ANNOTATION}"`

export type ApprovalState = 'missing' | 'bypassed' | 'approved' | 'invalid'

/** Groups that belong to the community of Kubernetes need a word from it. */
export function isProtectedGroup(group: string): boolean {
  return /(^|\.)(k8s|kubernetes)\.io$/.test(group)
}

/** State of the approval annotation, and what to say about it. */
export function approvalOf(crd: CustomResourceDefinition): { readonly state: ApprovalState; readonly reason: string } {
  const annotation = crd.metadata.annotations?.[ANNOTATION] ?? ''
  if (annotation === '') return { state: 'missing', reason: `${INTRO}, ${SEE}` }
  if (annotation.startsWith('unapproved')) {
    return { state: 'bypassed', reason: `not approved: ${JSON.stringify(annotation)}` }
  }
  if (isAbsoluteUrl(annotation)) return { state: 'approved', reason: `approved in ${annotation}` }
  return { state: 'invalid', reason: `${INTRO} with either a URL or a reason starting with "unapproved", ${SEE}` }
}

function isAbsoluteUrl(text: string): boolean {
  try {
    const { scheme, host } = parseGoUrl(text)
    return scheme !== '' && host !== ''
  } catch (error) {
    if (error instanceof GoUrlError) return false
    throw error
  }
}

/** @see apiextensions-apiserver pkg/apihelpers/helpers.go, KEP-1111 */
export function validateApiApproval(
  crd: CustomResourceDefinition,
  old: CustomResourceDefinition | undefined,
): FieldError[] {
  if (!isProtectedGroup(crd.spec?.group ?? '')) return []
  const { state, reason } = approvalOf(crd)
  if (old && approvalOf(old).state === state) return []
  const path = FieldPath.of('metadata', 'annotations').key(ANNOTATION)
  if (state === 'missing') return [required(path, reason)]
  return state === 'invalid' ? [invalid(path, crd.metadata.annotations?.[ANNOTATION], reason)] : []
}
