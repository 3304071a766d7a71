/**
 * Texts that tables share.
 *
 * @see kubernetes pkg/printers/internalversion/printers.go, apimachinery pkg/util/duration
 */
import { parseTime } from '../apimachinery/clock.ts'
import type { LabelSelector, LabelSelectorRequirement, ObjectMeta } from '../apimachinery/types/meta-v1.ts'
import { isQualifiedName, isValidLabelValue } from '../apimachinery/validation/names.ts'
import type { Column } from './resource.ts'

const SECOND = 1000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE

/** A column; those of priority 1 appear with `-o wide`. */
export function column(name: string, type: Column['type'] = 'string', priority: 0 | 1 = 0): Column {
  return priority === 0 ? { name, type } : { name, type, priority }
}

export const nameColumn: Column = { name: 'Name', type: 'string', format: 'name' }
export const ageColumn: Column = column('Age')

/** The `Created At` of tables without an age: Go's zero time for what has none, as a bookmark. */
export function createdAt({ metadata }: { readonly metadata: ObjectMeta }): string {
  return metadata.creationTimestamp ?? '0001-01-01T00:00:00Z'
}

/** A duration in milliseconds, short and with two or three figures: `5m30s`, `7d4h`, `3y`. */
export function humanDuration(ms: number): string {
  const seconds = Math.trunc(ms / SECOND)
  if (seconds < -1) return '<invalid>'
  if (seconds < 0) return '0s'
  if (seconds < 120) return `${seconds}s`
  const minutes = Math.trunc(ms / MINUTE)
  if (minutes < 10) return pair(minutes, 'm', seconds % 60, 's')
  if (minutes < 180) return `${minutes}m`
  const hours = Math.trunc(ms / HOUR)
  if (hours < 8) return pair(hours, 'h', minutes % 60, 'm')
  if (hours < 48) return `${hours}h`
  const days = Math.trunc(hours / 24)
  if (days < 8) return pair(days, 'd', hours % 24, 'h')
  if (hours < 24 * 365 * 2) return `${days}d`
  const years = Math.trunc(days / 365)
  if (hours < 24 * 365 * 8) return pair(years, 'y', days % 365, 'd')
  return `${years}y`
}

function pair(large: number, largeUnit: string, small: number, smallUnit: string): string {
  return small === 0 ? `${large}${largeUnit}` : `${large}${largeUnit}${small}${smallUnit}`
}

/** Time since a Time or MicroTime; `<unknown>` where it is unset. `now` in milliseconds since the epoch. */
export function translateTimestampSince(timestamp: string | undefined, now: number): string {
  return timestamp ? humanDuration(now - parseTime(timestamp)) : '<unknown>'
}

/** The cell of an Age column. */
export function age(obj: { readonly metadata: ObjectMeta }, now: number): string {
  return translateTimestampSince(obj.metadata.creationTimestamp, now)
}

/** `k=v` sorted by key and joined with commas; `<none>` without any. */
export function formatLabels(labels: Readonly<Record<string, string>> | undefined): string {
  const text = Object.keys(labels ?? {})
    .sort()
    .map((key) => `${key}=${labels![key]}`)
    .join(',')
  return text || '<none>'
}

/** A label selector in string form; `<none>` where it says nothing, `<error>` where it is not valid. */
export function formatLabelSelector(selector: LabelSelector | undefined): string {
  const requirements: { key: string; text: string | undefined }[] = []
  for (const [key, value] of Object.entries(selector?.matchLabels ?? {})) {
    requirements.push({ key, text: isValidLabelValue(value).length === 0 ? `${key}=${value}` : undefined })
  }
  for (const expression of selector?.matchExpressions ?? []) {
    requirements.push({ key: expression.key, text: formatRequirement(expression) })
  }
  const valid = ({ key, text }: { key: string; text: string | undefined }): boolean =>
    text !== undefined && isQualifiedName(key).length === 0
  if (!requirements.every(valid)) return '<error>'
  requirements.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0))
  return requirements.map(({ text }) => text).join(',') || '<none>'
}

/** Undefined where the requirement is not valid. */
function formatRequirement({ key, operator, values = [] }: LabelSelectorRequirement): string | undefined {
  const isSet = operator === 'In' || operator === 'NotIn'
  if (isSet ? values.length === 0 : values.length > 0) return undefined
  if (!values.every((value) => isValidLabelValue(value).length === 0)) return undefined
  switch (operator) {
    case 'In':
    case 'NotIn':
      return `${key} ${operator.toLowerCase()} (${[...values].sort().join(',')})`
    case 'Exists':
      return key
    case 'DoesNotExist':
      return `!${key}`
    default:
      return undefined
  }
}

interface NamedImage {
  readonly name?: string
  readonly image?: string
}

/** Names of containers, joined with commas. */
export function containerNames(containers: readonly NamedImage[] | undefined): string {
  return (containers ?? []).map(({ name }) => name ?? '').join(',')
}

/** Images of containers, joined with commas. */
export function containerImages(containers: readonly NamedImage[] | undefined): string {
  return (containers ?? []).map(({ image }) => image ?? '').join(',')
}

/** The first `max` items joined with commas, then how many more there are; `empty` without any. */
export function listWithMore(items: readonly string[], max: number, empty: string): string {
  const text = items.slice(0, max).join(',')
  if (items.length > max) return `${text} + ${items.length - max} more...`
  return text || empty
}

/** Access modes of volumes in short, each once, in a fixed order. */
export function formatAccessModes(modes: readonly string[] | undefined): string {
  return ACCESS_MODES.filter(([mode]) => modes?.includes(mode))
    .map(([, short]) => short)
    .join(',')
}

const ACCESS_MODES = [
  ['ReadWriteOnce', 'RWO'],
  ['ReadOnlyMany', 'ROX'],
  ['ReadWriteMany', 'RWX'],
  ['ReadWriteOncePod', 'RWOP'],
] as const

/** Addresses of a load balancer (ip, else hostname), sorted, each once; '' without any. */
export function formatLoadBalancer(
  ingress: readonly { readonly ip?: string; readonly hostname?: string }[] | undefined,
): string {
  const addresses = (ingress ?? []).map(({ ip, hostname }) => ip || hostname || '').filter((text) => text !== '')
  return [...new Set(addresses)].sort().join(',')
}
