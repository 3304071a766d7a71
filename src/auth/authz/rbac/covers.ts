import { goQuote } from '../../../apimachinery/go-quote.ts'
import type { PolicyRule } from '../../../apimachinery/types/rbac-v1.ts'
import { nonResourceUrlCovers } from './policy-rule.ts'

/**
 * What of `wanted` is not in `held`, broken down to one verb on one resource each; empty where all of it is held.
 *
 * @see component-helpers auth/rbac/validation/policy_comparator.go
 */
export function missingRules(held: readonly PolicyRule[], wanted: readonly PolicyRule[]): PolicyRule[] {
  return wanted.flatMap(breakDown).filter((part) => !held.some((rule) => covers(rule, part)))
}

function breakDown(rule: PolicyRule): PolicyRule[] {
  const parts: PolicyRule[] = []
  const names = rule.resourceNames?.length ? rule.resourceNames : undefined
  for (const group of rule.apiGroups ?? [])
    for (const resource of rule.resources ?? [])
      for (const verb of rule.verbs) {
        const part: PolicyRule = { apiGroups: [group], resources: [resource], verbs: [verb] }
        if (!names) parts.push(part)
        else for (const name of names) parts.push({ ...part, resourceNames: [name] })
      }
  for (const url of rule.nonResourceURLs ?? [])
    for (const verb of rule.verbs) parts.push({ nonResourceURLs: [url], verbs: [verb] })
  return parts
}

function covers(rule: PolicyRule, part: PolicyRule): boolean {
  return (
    holdsAll(rule.verbs, part.verbs) &&
    holdsAll(rule.apiGroups, part.apiGroups) &&
    resourcesCover(rule.resources, part.resources) &&
    (part.nonResourceURLs ?? []).every((url) => rule.nonResourceURLs?.some((own) => nonResourceUrlCovers(own, url))) &&
    namesCover(rule.resourceNames, part.resourceNames)
  )
}

function holdsAll(own: readonly string[] = [], wanted: readonly string[] = []): boolean {
  return own.includes('*') || wanted.every((w) => own.includes(w))
}

function resourcesCover(own: readonly string[] = [], wanted: readonly string[] = []): boolean {
  if (holdsAll(own, wanted)) return true
  return wanted.every((resource) => {
    const slash = resource.indexOf('/')
    return own.includes(resource) || (slash >= 0 && own.includes(`*${resource.slice(slash)}`))
  })
}

/** A rule without names is for all of them. */
function namesCover(own: readonly string[] = [], wanted: readonly string[] = []): boolean {
  return own.length === 0 || (wanted.length > 0 && wanted.every((name) => own.includes(name)))
}

/** Rules that differ only in their verbs become one again, where they are for one resource and at most one name. */
export function compactRules(rules: readonly PolicyRule[]): PolicyRule[] {
  const compacted: PolicyRule[] = []
  const simple = new Map<string, PolicyRule>()
  for (const rule of rules) {
    const key = simpleKey(rule)
    const known = key === undefined ? undefined : simple.get(key)
    if (key === undefined) compacted.push(rule)
    else if (known) known.verbs.push(...rule.verbs)
    else simple.set(key, { ...rule, verbs: [...rule.verbs] })
  }
  return [...compacted, ...simple.values()]
}

function simpleKey({ apiGroups, resources, resourceNames, nonResourceURLs }: PolicyRule): string | undefined {
  if (nonResourceURLs?.length || (resourceNames?.length ?? 0) > 1) return undefined
  if (apiGroups?.length !== 1 || resources?.length !== 1) return undefined
  return JSON.stringify([apiGroups[0], resources[0], resourceNames?.[0]])
}

/** `{APIGroups:[""], Resources:["pods"], Verbs:["get"]}` */
export function compactString(rule: PolicyRule): string {
  const fields: readonly (readonly [string, readonly string[] | undefined])[] = [
    ['APIGroups', rule.apiGroups],
    ['Resources', rule.resources],
    ['NonResourceURLs', rule.nonResourceURLs],
    ['ResourceNames', rule.resourceNames],
    ['Verbs', rule.verbs],
  ]
  const shown = fields.filter(([, list]) => list?.length).map(([name, list]) => `${name}:${quotedList(list!)}`)
  return `{${shown.join(', ')}}`
}

/** A list of strings as Go's `%q` prints it. */
export function quotedList(list: readonly string[]): string {
  return `[${list.map(goQuote).join(' ')}]`
}
