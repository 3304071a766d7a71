/** How strict a policy is, from `privileged` (anything goes) to `restricted`. */
export type PolicyLevel = 'privileged' | 'baseline' | 'restricted'

/** Minor version of Kubernetes 1.x whose standard counts. */
export type PolicyVersion = number | 'latest'

/** One level of the Pod Security Standards as of one version. */
export interface LevelVersion {
  readonly level: PolicyLevel
  readonly version: PolicyVersion
}

const LEVELS: readonly PolicyLevel[] = ['privileged', 'baseline', 'restricted']

/** `must be one of privileged, baseline, restricted` */
export const LEVEL_ERROR = `must be one of ${LEVELS.join(', ')}`
export const VERSION_ERROR = 'must be "latest" or "v1.x"'

const VERSION = /^v1\.(0|[1-9][0-9]*)$/
/** What Go's strconv.Atoi still takes. */
const MAX_INT64 = 2n ** 63n - 1n

/** Undefined for what is no level. */
export function parseLevel(text: string): PolicyLevel | undefined {
  return LEVELS.find((level) => level === text)
}

/** Undefined for what is neither `latest` nor `v1.x`. */
export function parseVersion(text: string): PolicyVersion | undefined {
  if (text === 'latest') return 'latest'
  const minor = VERSION.exec(text)?.[1]
  return minor === undefined || BigInt(minor) > MAX_INT64 ? undefined : Number(minor)
}

/** Below zero where `a` is less strict than `b`. */
export function compareLevels(a: PolicyLevel, b: PolicyLevel): number {
  return LEVELS.indexOf(a) - LEVELS.indexOf(b)
}

/** `baseline:v1.24` */
export function formatLevelVersion({ level, version }: LevelVersion): string {
  return `${level}:${version === 'latest' ? version : `v1.${version}`}`
}

/** The same level and version. */
export function sameLevelVersion(a: LevelVersion, b: LevelVersion): boolean {
  return a.level === b.level && a.version === b.version
}
