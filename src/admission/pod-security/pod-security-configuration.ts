import { aggregateMessage } from '../../apimachinery/api-error.ts'
import { duplicate, type FieldError, fieldErrorMessage, invalid } from '../../apimachinery/field-error.ts'
import { FieldPath } from '../../apimachinery/field-path.ts'
import { isJsonObject, type JsonObject } from '../../apimachinery/kube-object.ts'
import { isDNS1123Label, isDNS1123Subdomain } from '../../apimachinery/validation/names.ts'
import type { NamespacePolicy, PolicyMode } from './namespace-policy.ts'
import { LEVEL_ERROR, type LevelVersion, parseLevel, parseVersion, VERSION_ERROR } from './policy-version.ts'

/** PodSecurityConfiguration, with defaults. */
export interface PodSecurityConfiguration {
  readonly defaults: NamespacePolicy
  readonly exemptUsers: ReadonlySet<string>
  readonly exemptNamespaces: ReadonlySet<string>
  readonly exemptRuntimeClasses: ReadonlySet<string>
}

const API_VERSIONS = ['v1', 'v1beta1', 'v1alpha1'].map((v) => `pod-security.admission.config.k8s.io/${v}`)
const DEFAULTS = ['enforce', 'enforce-version', 'audit', 'audit-version', 'warn', 'warn-version']
const EXEMPTIONS = ['usernames', 'namespaces', 'runtimeClasses']

/**
 * Reads the plugin's configuration. Errors: one that says what is wrong with it.
 *
 * @see pod-security-admission admission/api/v1/types.go, admission/api/validation/validation.go
 */
export function podSecurityConfiguration(configuration: unknown): PodSecurityConfiguration {
  const given = configuration === undefined ? {} : checkedShape(configuration)
  const errors: FieldError[] = []
  const defaults = memberOf(given, 'defaults')
  const policy = {
    enforce: levelVersionOf('enforce', defaults, errors),
    warn: levelVersionOf('warn', defaults, errors),
    audit: levelVersionOf('audit', defaults, errors),
  }
  const exemptions = memberOf(given, 'exemptions')
  const result = {
    defaults: policy,
    exemptNamespaces: exemptSet('namespaces', exemptions, isDNS1123Label, errors),
    exemptRuntimeClasses: exemptSet('runtimeClasses', exemptions, isDNS1123Subdomain, errors),
    exemptUsers: exemptSet('usernames', exemptions, (u) => (u === '' ? ['username must not be empty'] : []), errors),
  }
  if (errors.length > 0) throw new Error(`PodSecurity invalid: ${aggregateMessage(errors.map(fieldErrorMessage))}`)
  return result
}

function checkedShape(value: unknown): JsonObject {
  if (!isJsonObject(value)) throw new Error('PodSecurity needs a PodSecurityConfiguration')
  const { apiVersion = '', kind = '' } = value
  if (kind !== 'PodSecurityConfiguration' || !API_VERSIONS.includes(String(apiVersion))) {
    throw new Error(`no kind "${kind}" is registered for version "${apiVersion}"`)
  }
  const unknown = [
    ...unknownFields(value, ['apiVersion', 'kind', 'defaults', 'exemptions'], ''),
    ...unknownFields(memberOf(value, 'defaults'), DEFAULTS, 'defaults.'),
    ...unknownFields(memberOf(value, 'exemptions'), EXEMPTIONS, 'exemptions.'),
  ]
  if (unknown.length > 0) throw new Error(`strict decoding error: ${unknown.join(', ')}`)
  return value
}

const unknownFields = (object: JsonObject, known: readonly string[], prefix: string): string[] =>
  Object.keys(object)
    .filter((name) => !known.includes(name))
    .map((name) => `unknown field "${prefix}${name}"`)

function memberOf(object: JsonObject, name: string): JsonObject {
  const member = object[name]
  return isJsonObject(member) ? member : {}
}

function levelVersionOf(mode: PolicyMode, defaults: JsonObject, errors: FieldError[]): LevelVersion {
  const path = FieldPath.of('defaults')
  const levelText = String(defaults[mode] || 'privileged')
  const versionText = String(defaults[`${mode}-version`] || 'latest')
  const level = parseLevel(levelText)
  if (level === undefined) errors.push(invalid(path.child(mode), levelText, LEVEL_ERROR))
  const version = parseVersion(versionText)
  if (version === undefined) errors.push(invalid(path.child(`${mode}-version`), versionText, VERSION_ERROR))
  return { level: level ?? 'restricted', version: version ?? 'latest' }
}

function exemptSet(
  name: string,
  exemptions: JsonObject,
  problemsOf: (value: string) => readonly string[],
  errors: FieldError[],
): ReadonlySet<string> {
  const list = exemptions[name]
  const seen = new Set<string>()
  if (!Array.isArray(list)) return seen
  for (const [i, item] of list.entries()) {
    const value = String(item)
    const path = FieldPath.of('exemptions', name).index(i)
    const problems = problemsOf(value)
    if (problems.length > 0) errors.push(invalid(path, value, problems.join(', ')))
    else if (seen.has(value)) errors.push(duplicate(path, value))
    else seen.add(value)
  }
  return seen
}
