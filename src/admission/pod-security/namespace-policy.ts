import { type FieldError, invalid } from '../../apimachinery/field-error.ts'
import { FieldPath } from '../../apimachinery/field-path.ts'
import {
  compareLevels,
  LEVEL_ERROR,
  type LevelVersion,
  type PolicyLevel,
  type PolicyVersion,
  parseLevel,
  parseVersion,
  VERSION_ERROR,
} from './policy-version.ts'

/** Prefix of the labels of namespaces and of the audit annotations. */
export const POD_SECURITY_PREFIX = 'pod-security.kubernetes.io/'

const LABELS = FieldPath.of('metadata', 'labels')
const MODES = ['enforce', 'audit', 'warn'] as const

export type PolicyMode = (typeof MODES)[number]

/** What a namespace asks of its pods: refuse, note, or warn of those that break a policy. */
export type NamespacePolicy = Readonly<Record<PolicyMode, LevelVersion>>

interface ParsedPolicy {
  readonly policy: NamespacePolicy
  readonly errors: readonly FieldError[]
}

const NO_ERRORS: readonly FieldError[] = []

/**
 * The policy of a namespace by its labels. A bad label counts as the strictest where pods are refused, and as none
 * where they are only spoken of.
 *
 * @see pod-security-admission api/helpers.go PolicyToEvaluate
 */
export function policyOfLabels(
  labels: Readonly<Record<string, string>> | undefined,
  defaults: NamespacePolicy,
): ParsedPolicy {
  if (!labels) return { policy: defaults, errors: NO_ERRORS }
  const errors: FieldError[] = []
  const modes = MODES.map((mode) => [mode, modeOfLabels(mode, labels, defaults[mode], errors)] as const)
  const policy = Object.fromEntries(modes) as Record<PolicyMode, LevelVersion>
  const enforceLevel = labels[labelOf('enforce')]
  const enforces = enforceLevel !== undefined && parseLevel(enforceLevel) !== undefined
  const { enforce, warn } = policy
  if (enforces && labels[labelOf('warn')] === undefined && compareLevels(enforce.level, warn.level) > 0) {
    const version = labels[versionLabelOf('warn')] === undefined ? enforce.version : warn.version
    policy.warn = { level: enforce.level, version }
  }
  return { policy, errors }
}

function modeOfLabels(
  mode: PolicyMode,
  labels: Readonly<Record<string, string>>,
  defaults: LevelVersion,
  errors: FieldError[],
): LevelVersion {
  let level: PolicyLevel = defaults.level
  let version: PolicyVersion = defaults.version
  const levelText = labels[labelOf(mode)]
  if (levelText !== undefined) {
    const parsed = parseLevel(levelText)
    if (parsed === undefined) errors.push(invalid(LABELS.key(labelOf(mode)), levelText, LEVEL_ERROR))
    level = parsed ?? (mode === 'enforce' ? 'restricted' : 'privileged')
  }
  const versionText = labels[versionLabelOf(mode)]
  if (versionText !== undefined) {
    const parsed = parseVersion(versionText)
    if (parsed === undefined) errors.push(invalid(LABELS.key(versionLabelOf(mode)), versionText, VERSION_ERROR))
    version = parsed ?? 'latest'
  }
  return { level, version }
}

const labelOf = (mode: PolicyMode): string => POD_SECURITY_PREFIX + mode
const versionLabelOf = (mode: PolicyMode): string => `${POD_SECURITY_PREFIX}${mode}-version`

/** Modes that a namespace sets itself, by level or by version. */
export function modesSetBy(labels: Readonly<Record<string, string>> | undefined): readonly PolicyMode[] {
  return MODES.filter((m) => labels?.[labelOf(m)] !== undefined || labels?.[versionLabelOf(m)] !== undefined)
}

/** Anything goes, in every mode. */
export function isFullyPrivileged(policy: NamespacePolicy): boolean {
  return MODES.every((mode) => policy[mode].level === 'privileged')
}

/** Both mean the same in every mode: the version of a privileged mode does not matter. */
export function areEquivalent(a: NamespacePolicy, b: NamespacePolicy): boolean {
  return MODES.every((mode) => {
    const [x, y] = [a[mode], b[mode]]
    return x.level === y.level && (x.level === 'privileged' || x.version === y.version)
  })
}
