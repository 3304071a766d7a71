import { type FieldError, forbidden, invalid, notSupported, required } from '../../apimachinery/field-error.ts'
import type { FieldPath } from '../../apimachinery/field-path.ts'
import type {
  NonResourcePolicyRule,
  PolicyRulesWithSubjects,
  ResourcePolicyRule,
  ServiceAccountSubject,
  Subject,
} from '../../apimachinery/types/flowcontrol-v1.ts'
import { invalidEach, prefixEach } from '../../apimachinery/validation/names.ts'
import { validateNamespaceName, validateServiceAccountName } from '../../apimachinery/validation/object-meta.ts'

const VERBS = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'proxy', 'update', 'watch']
const NAMESPACE_ERROR_INTRO = "each member of this list must be '*' or a DNS-1123 label; "

/** @see kubernetes pkg/apis/flowcontrol/validation/validation.go ValidateFlowSchemaPolicyRulesWithSubjects */
export function validatePolicyRules(rule: PolicyRulesWithSubjects, path: FieldPath): FieldError[] {
  const errors: FieldError[] = []
  if (!rule.subjects?.length) {
    errors.push(required(path.child('subjects'), 'subjects must contain at least one value'))
  }
  rule.subjects?.forEach((subject, i) => {
    errors.push(...validateSubject(subject, path.child('subjects').index(i)))
  })
  if (!rule.resourceRules?.length && !rule.nonResourceRules?.length) {
    errors.push(required(path, 'at least one of resourceRules and nonResourceRules has to be non-empty'))
  }
  rule.resourceRules?.forEach((resourceRule, i) => {
    errors.push(...validateResourceRule(resourceRule, path.child('resourceRules').index(i)))
  })
  rule.nonResourceRules?.forEach((nonResourceRule, i) => {
    errors.push(...validateNonResourceRule(nonResourceRule, path.child('nonResourceRules').index(i)))
  })
  return errors
}

const SUBJECT_FIELDS = { ServiceAccount: 'serviceAccount', User: 'user', Group: 'group' } as const
type SubjectKind = keyof typeof SUBJECT_FIELDS

/** Order in which the fields that belong to other kinds are refused. */
const OTHER_FIELDS: Readonly<Record<SubjectKind, readonly SubjectKind[]>> = {
  ServiceAccount: ['User', 'Group'],
  User: ['ServiceAccount', 'Group'],
  Group: ['ServiceAccount', 'User'],
}

function validateSubject(subject: Subject, path: FieldPath): FieldError[] {
  const kind = (subject.kind ?? '') as SubjectKind
  if (!Object.hasOwn(SUBJECT_FIELDS, kind)) {
    return [notSupported(path.child('kind'), kind, ['Group', 'ServiceAccount', 'User'])]
  }
  const errors =
    kind === 'ServiceAccount'
      ? validateServiceAccount(subject.serviceAccount, path.child('serviceAccount'))
      : validateNamed(subject[SUBJECT_FIELDS[kind]], kind, path.child(SUBJECT_FIELDS[kind]))
  for (const other of OTHER_FIELDS[kind]) {
    const field = SUBJECT_FIELDS[other]
    if (subject[field] === undefined) continue
    errors.push(forbidden(path.child(field), `${field} is forbidden when subject kind is not '${other}'`))
  }
  return errors
}

function validateServiceAccount(account: ServiceAccountSubject | undefined, path: FieldPath): FieldError[] {
  if (!account) return [required(path, "serviceAccount is required when subject kind is 'ServiceAccount'")]
  const { name = '', namespace = '' } = account
  const errors: FieldError[] = []
  if (name === '') errors.push(required(path.child('name'), ''))
  else if (name !== '*') errors.push(...invalidEach(path.child('name'), name, validateServiceAccountName(name, false)))
  if (namespace === '') errors.push(required(path.child('namespace'), 'must specify namespace for service account'))
  else errors.push(...invalidEach(path.child('namespace'), namespace, validateNamespaceName(namespace, false)))
  return errors
}

function validateNamed(subject: { name?: string } | undefined, kind: string, path: FieldPath): FieldError[] {
  if (!subject) return [required(path, `${kind.toLowerCase()} is required when subject kind is '${kind}'`)]
  return subject.name ? [] : [required(path.child('name'), '')]
}

function validateVerbs(verbs: readonly string[], path: FieldPath): FieldError[] {
  if (verbs.length === 0) return [required(path, 'verbs must contain at least one value')]
  if (verbs.includes('*')) return validateLoneWildcard(verbs, 'verbs', path)
  return verbs.every((verb) => VERBS.includes(verb)) ? [] : [notSupported(path, verbs, VERBS)]
}

/** `*` takes in everything: nothing may stand beside it. */
function validateLoneWildcard(values: readonly string[], what: string, path: FieldPath): FieldError[] {
  if (values.length <= 1 || !values.includes('*')) return []
  return [invalid(path, values, `if '*' is present, must not specify other ${what}`)]
}

function validateResourceRule(rule: ResourcePolicyRule, path: FieldPath): FieldError[] {
  const { verbs, apiGroups, resources } = rule
  const errors = validateVerbs(verbs ?? [], path.child('verbs'))
  if (!apiGroups?.length) {
    errors.push(required(path.child('apiGroups'), 'resource rules must supply at least one api group'))
  } else errors.push(...validateLoneWildcard(apiGroups, 'api groups', path.child('apiGroups')))
  if (!resources?.length) {
    errors.push(required(path.child('resources'), 'resource rules must supply at least one resource'))
  } else errors.push(...validateLoneWildcard(resources, 'resources', path.child('resources')))
  return errors.concat(validateNamespaces(rule, path.child('namespaces')))
}

function validateNamespaces({ namespaces, clusterScope }: ResourcePolicyRule, path: FieldPath): FieldError[] {
  const list = namespaces ?? []
  if (list.length === 0 && !clusterScope) {
    return [required(path, 'resource rules that are not cluster scoped must supply at least one namespace')]
  }
  if (list.includes('*')) return validateLoneWildcard(list, 'namespaces', path)
  return list.flatMap((namespace, i) =>
    invalidEach(path.index(i), namespace, prefixEach(validateNamespaceName(namespace, false), NAMESPACE_ERROR_INTRO)),
  )
}

function validateNonResourceRule(rule: NonResourcePolicyRule, path: FieldPath): FieldError[] {
  const errors = validateVerbs(rule.verbs ?? [], path.child('verbs'))
  const urls = rule.nonResourceURLs ?? []
  const urlsPath = path.child('nonResourceURLs')
  if (urls.length === 0) return [...errors, required(urlsPath, 'nonResourceURLs must contain at least one value')]
  if (urls.includes('*')) return [...errors, ...validateLoneWildcard(urls, 'non-resource URLs', urlsPath)]
  urls.forEach((url, i) => {
    const why = urlPathProblem(url)
    if (why) errors.push(invalid(urlsPath.index(i), url, why))
  })
  return errors
}

function urlPathProblem(url: string): string | undefined {
  if (url === '') return 'must not be empty'
  if (url === '/') return undefined
  if (!url.startsWith('/')) return 'must start with slash'
  if (url.includes(' ')) return 'must not contain white-space'
  if (url.includes('//')) return 'must not contain double slash'
  const wildcards = url.split('*').length - 1
  if (wildcards > 1 || (wildcards === 1 && !url.endsWith('/*'))) return 'wildcard can only do suffix matching'
  return undefined
}
