import type { UserInfo } from '../../../apimachinery/user-info.ts'
import { isDNS1123Label, isDNS1123Subdomain } from '../../../apimachinery/validation/names.ts'

const USER_PREFIX = 'system:serviceaccount:'

/** What a token says about the service account it stands for. */
interface ServiceAccountIdentity {
  readonly namespace: string
  readonly name: string
  readonly uid: string
  readonly pod?: { readonly name: string; readonly uid: string }
  readonly node?: { readonly name: string; readonly uid: string }
  /** Identifies the token in the audit log. */
  readonly credentialId?: string
}

export const serviceAccountUserName = (namespace: string, name: string): string => `${USER_PREFIX}${namespace}:${name}`

/** The groups that every service account of a namespace is in. */
export const serviceAccountGroups = (namespace: string): string[] => [
  'system:serviceaccounts',
  `system:serviceaccounts:${namespace}`,
]

/** Namespace and name of a service account's user name; undefined where it is none. */
export function parseServiceAccountUserName(
  userName: string,
): { readonly namespace: string; readonly name: string } | undefined {
  if (!userName.startsWith(USER_PREFIX)) return undefined
  const [namespace = '', name = '', ...rest] = userName.slice(USER_PREFIX.length).split(':')
  if (rest.length > 0 || isDNS1123Label(namespace).length > 0 || isDNS1123Subdomain(name).length > 0) return undefined
  return { namespace, name }
}

/** @see apiserver pkg/authentication/serviceaccount/util.go */
export function userOfServiceAccount(identity: ServiceAccountIdentity): UserInfo {
  const { namespace, name, uid, pod, node, credentialId } = identity
  const extra: Record<string, string[]> = {}
  if (pod?.name && pod.uid) {
    extra['authentication.kubernetes.io/pod-name'] = [pod.name]
    extra['authentication.kubernetes.io/pod-uid'] = [pod.uid]
  }
  if (credentialId) extra['authentication.kubernetes.io/credential-id'] = [credentialId]
  if (node?.name) {
    extra['authentication.kubernetes.io/node-name'] = [node.name]
    if (node.uid) extra['authentication.kubernetes.io/node-uid'] = [node.uid]
  }
  return { name: serviceAccountUserName(namespace, name), uid, groups: serviceAccountGroups(namespace), extra }
}
