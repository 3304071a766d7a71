import { type FieldError, forbidden, invalid, notSupported, required } from '../../apimachinery/field-error.ts'
import type { FieldPath } from '../../apimachinery/field-path.ts'
import { goLabelSelectorText } from '../../apimachinery/label-selector.ts'
import type { MatchResources, ParamKind, ParamRef } from '../../apimachinery/types/admissionregistration-v1.ts'
import {
  invalidEach,
  isDNS1035Label,
  isDNS1123Subdomain,
  isPathSegmentName,
} from '../../apimachinery/validation/names.ts'
import { validateLabelSelector } from '../../apimachinery/validation/object-meta.ts'
import { setRuleDefaults, validateNamedRule } from './rules.ts'

const MATCH_POLICIES = ['Equivalent', 'Exact']
const FAILURE_POLICIES = ['Fail', 'Ignore']
const NOT_FOUND_ACTIONS = ['Deny', 'Allow']
/** DELETE has nothing to mutate. */
const MUTATING_OPERATIONS = ['*', 'CONNECT', 'CREATE', 'UPDATE']

/** @see kubernetes pkg/apis/admissionregistration/v1/defaults.go SetDefaults_MatchResources */
export function setMatchResourcesDefaults(match: MatchResources | undefined): void {
  if (!match) return
  match.matchPolicy ??= 'Equivalent'
  match.namespaceSelector ??= {}
  match.objectSelector ??= {}
  setRuleDefaults(match.resourceRules)
  setRuleDefaults(match.excludeResourceRules)
}

export function validateFailurePolicy(policy: string | undefined, path: FieldPath): FieldError[] {
  if (policy === undefined) return [required(path, '')]
  return FAILURE_POLICIES.includes(policy) ? [] : [notSupported(path, policy, FAILURE_POLICIES)]
}

/** @see kubernetes pkg/apis/admissionregistration/validation/validation.go validateMatchResources */
export function validateMatchResources(match: MatchResources | undefined, path: FieldPath): FieldError[] {
  if (!match) return []
  const { matchPolicy, namespaceSelector, objectSelector } = match
  const errors: FieldError[] = []
  const policyPath = path.child('matchPolicy')
  if (matchPolicy === undefined) errors.push(required(policyPath, ''))
  else if (!MATCH_POLICIES.includes(matchPolicy)) errors.push(notSupported(policyPath, matchPolicy, MATCH_POLICIES))
  if (!namespaceSelector) errors.push(required(path.child('namespaceSelector'), ''))
  else errors.push(...validateLabelSelector(namespaceSelector, {}, path.child('namespaceSelector')))
  if (!objectSelector) errors.push(required(path.child('objectSelector'), ''))
  else errors.push(...validateLabelSelector(objectSelector, {}, path.child('objectSelector')))
  match.resourceRules?.forEach((rule, i) => {
    errors.push(...validateNamedRule(rule, path.child('resourceRules').index(i)))
  })
  match.excludeResourceRules?.forEach((rule, i) => {
    errors.push(...validateNamedRule(rule, path.child('excludeResourceRules').index(i)))
  })
  return errors
}

/** What a policy matches: rules are required here. */
export function validateMatchConstraints(match: MatchResources | undefined, path: FieldPath): FieldError[] {
  if (!match) return [required(path, '')]
  const errors = validateMatchResources(match, path)
  if (!match.resourceRules?.length) errors.push(required(path.child('resourceRules'), ''))
  return errors
}

/** Operations that a mutating policy or binding may match; errors stand on a path without indexes, as upstream's do. */
export function validateMutatingOperations(match: MatchResources | undefined, path: FieldPath): FieldError[] {
  const at = path.child('resourceRules', 'operations')
  return (match?.resourceRules ?? [])
    .flatMap(({ operations }) => operations ?? [])
    .filter((operation) => !MUTATING_OPERATIONS.includes(operation))
    .map((operation) => notSupported(at, operation, MUTATING_OPERATIONS))
}

/** @see kubernetes pkg/apis/admissionregistration/validation/validation.go validateParamKind */
export function validateParamKind({ apiVersion = '', kind = '' }: ParamKind, path: FieldPath): FieldError[] {
  const errors = validateApiVersion(apiVersion, path.child('apiVersion'))
  if (kind === '') return [...errors, required(path.child('kind'), '')]
  const messages = isDNS1035Label(kind.toLowerCase())
  if (messages.length === 0) return errors
  const detail = `may have mixed case, but should otherwise match: ${messages.join(',')}`
  return [...errors, invalid(path.child('kind'), kind, detail)]
}

function validateApiVersion(apiVersion: string, path: FieldPath): FieldError[] {
  if (apiVersion === '') return [required(path, '')]
  const parts = apiVersion === '/' ? ['', ''] : apiVersion.split('/')
  if (parts.length > 2) return [invalid(path, apiVersion, `unexpected GroupVersion string: ${apiVersion}`)]
  const [group, version] = parts.length === 1 ? ['', parts[0]!] : [parts[0]!, parts[1]!]
  const errors: FieldError[] = []
  const groupMessages = group === '' ? [] : isDNS1123Subdomain(group)
  if (groupMessages.length > 0) errors.push(invalid(path, group, groupMessages.join(',')))
  if (version === '') return [...errors, invalid(path, apiVersion, 'version must be specified')]
  const versionMessages = isDNS1035Label(version)
  if (versionMessages.length > 0) errors.push(invalid(path, version, versionMessages.join(',')))
  return errors
}

/** @see kubernetes pkg/apis/admissionregistration/validation/validation.go validateParamRef */
export function validateParamRef(ref: ParamRef | undefined, path: FieldPath): FieldError[] {
  if (!ref) return []
  const { name = '', selector, parameterNotFoundAction: action } = ref
  const exclusive = 'name and selector are mutually exclusive'
  const errors: FieldError[] = []
  if (name !== '') {
    errors.push(...invalidEach(path.child('name'), name, isPathSegmentName(name)))
    if (selector) errors.push(forbidden(path.child('name'), exclusive))
  }
  if (selector) {
    errors.push(...validateLabelSelector(selector, {}, path.child('selector')))
    if (name !== '') errors.push(forbidden(path.child('selector'), exclusive))
  }
  if (name === '' && !selector) errors.push(required(path, 'one of name or selector must be specified'))
  const actionPath = path.child('parameterNotFoundAction')
  if (!action) errors.push(required(actionPath, ''))
  else if (!NOT_FOUND_ACTIONS.includes(action)) errors.push(notSupported(actionPath, action, NOT_FOUND_ACTIONS))
  return errors
}

/** Cell of a policy: what its parameters are. */
export function formatParamKind(kind: ParamKind | undefined): string {
  return kind ? `${kind.apiVersion ?? ''}/${kind.kind ?? ''}` : '<unset>'
}

/** Cell of a binding: where its parameters are. Whether they lie in a namespace cannot be told from here. */
export function formatParamRef(ref: ParamRef | undefined): string {
  if (ref?.name) return `${ref.namespace || '*'}/${ref.name}`
  return ref?.selector ? goLabelSelectorText(ref.selector) : '<unset>'
}
