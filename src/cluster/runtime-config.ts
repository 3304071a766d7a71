import { groupFacts } from '../../openapi/data.ts'
import { parseApiVersion } from '../apimachinery/group-version.ts'

/** What `--runtime-config` says: `group/version`, `group/version/resource` or a class of versions → served. */
export type RuntimeConfig = ReadonlyMap<string, boolean>

/** Classes of versions, the later over the earlier. */
const CLASSES: readonly (readonly [key: string, pattern: RegExp])[] = [
  ['api/all', /^/],
  ['api/ga', /^v\d+$/],
  ['api/beta', /^v\d+beta\d+$/],
  ['api/alpha', /^v\d+alpha\d+$/],
]

/** Reads the flag's text. Errors: what is wrong with it. */
export function parseRuntimeConfig(text: string | undefined): RuntimeConfig {
  const config = new Map<string, boolean>()
  for (const pair of text ? text.split(',') : []) {
    const [key = '', value = ''] = pair.split('=', 2)
    if (value !== '' && value !== 'true' && value !== 'false') throw new Error(`invalid value of ${key}: ${value}`)
    config.set(key, value !== 'false')
  }
  const problems = problemsOf(config)
  if (problems.length > 0) throw new Error(problems.join('; '))
  return config
}

/** @see apiserver pkg/server/options/api_enablement.go Validate */
function problemsOf(config: RuntimeConfig): string[] {
  if (config.size === 1 && config.get('api/all') === false) return ['invalid runtime-config with only api/all=false']
  return [...config.keys()].filter((key) => !CLASSES.some(([name]) => name === key)).flatMap(problemOf)
}

function problemOf(key: string): string[] {
  const target = targetOf(key)
  if (!target) return [`runtime-config invalid key ${key}`]
  const { group, version, resource } = target
  const fact = groupFacts().find((g) => g.name === group)
  if (!fact) return [`unknown api groups ${group}/${version}`]
  if (![...fact.versions, ...fact.optionalVersions].includes(version)) {
    return [`group version ${group}/${version} that has not been registered`]
  }
  return resource === resource?.toLowerCase()
    ? []
    : [
        `invalid key ${key}: group/version/resource and resource is always lowercase plural, not ${JSON.stringify(resource)}`,
      ]
}

/** The core group goes as `v1` or `/v1`. */
function targetOf(key: string): { group: string; version: string; resource: string | undefined } | undefined {
  const parts = key.split('/')
  if (parts.length > 3) return undefined
  const groupVersion = parseApiVersion(parts.slice(0, 2).join('/').replace(/^\//, ''))
  return groupVersion && groupVersion.version !== '' ? { ...groupVersion, resource: parts[2] } : undefined
}

/**
 * Whether a resource is served that is, or is not, by default.
 *
 * @see apiserver pkg/server/resourceconfig/helpers.go MergeAPIResourceConfigs
 */
export function servedResources(
  config: RuntimeConfig,
): (group: string, version: string, resource: string, byDefault: boolean) => boolean {
  const said = (group: string, version: string, resource?: string): boolean | undefined => {
    const key = [group, version, ...(resource === undefined ? [] : [resource])].join('/')
    return config.get(key) ?? (group === '' ? config.get(key.slice(1)) : undefined)
  }
  return (group, version, resource, byDefault) => {
    const classes = CLASSES.filter(([key, pattern]) => config.has(key) && pattern.test(version))
    const last = classes.at(-1)?.[0]
    return (
      said(group, version, resource) ??
      said(group, version) ??
      (last === undefined ? undefined : config.get(last)) ??
      byDefault
    )
  }
}
