import { goQuote } from '../go-quote.ts'
import type { KubeObject } from '../kube-object.ts'
import type { ManagedFieldsEntry } from '../types/meta-v1.ts'
import { type FieldSet, fieldSetOf, isEmptySet, union } from './field-set.ts'
import { PathElementError } from './path-element.ts'

/** Who owns which fields, since when, by which operation. */
export interface ManagerEntry {
  readonly manager: string
  readonly operation: 'Apply' | 'Update'
  /** Version in which the paths of the set are written. */
  readonly apiVersion: string
  readonly subresource: string
  /** RFC 3339; undefined where the manager has never changed anything. */
  readonly time: string | undefined
  readonly set: FieldSet
  /** The entry as it was decoded, as long as it still says the same. */
  readonly encoded: ManagedFieldsEntry | undefined
}

/** Entries by {@link managerId}. */
export type Managers = Map<string, ManagerEntry>

/** An object's managedFields that are malformed; the message is upstream's. */
export class ManagedFieldsError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'ManagedFieldsError'
  }
}

/**
 * What tells managers apart. The apiVersion counts for updates only: who applies with another version goes on with what
 * it applied before.
 *
 * @see apimachinery pkg/util/managedfields/internal/managedfields.go BuildManagerIdentifier
 */
export function managerId(entry: Pick<ManagerEntry, 'manager' | 'operation' | 'apiVersion' | 'subresource'>): string {
  const { manager, operation, apiVersion, subresource } = entry
  let text = manager === '' ? '{' : `{"manager":${JSON.stringify(manager)},`
  text += `"operation":"${operation}"`
  if (operation !== 'Apply') text += `,"apiVersion":${JSON.stringify(apiVersion)}`
  if (subresource !== '') text += `,"subresource":${JSON.stringify(subresource)}`
  return `${text}}`
}

/** @throws {ManagedFieldsError} for an entry that means nothing */
export function decodeManagedFields(entries: readonly ManagedFieldsEntry[] | undefined | null): Managers {
  const managers: Managers = new Map()
  for (const [i, encoded] of (entries ?? []).entries()) {
    const entry = decodeEntry(encoded, i)
    managers.set(managerId(entry), entry)
  }
  return managers
}

function decodeEntry(encoded: ManagedFieldsEntry, index: number): ManagerEntry {
  const { manager = '', operation, apiVersion = '', fieldsType = '', subresource = '', time } = encoded
  if (operation !== 'Apply' && operation !== 'Update') {
    throw new ManagedFieldsError('operation must be `Apply` or `Update`')
  }
  if (apiVersion === '') throw new ManagedFieldsError('apiVersion must not be empty')
  if (fieldsType === '') throw new ManagedFieldsError(`missing fieldsType in managed fields entry ${index}`)
  if (fieldsType !== 'FieldsV1') {
    throw new ManagedFieldsError(`invalid fieldsType ${goQuote(fieldsType)} in managed fields entry ${index}`)
  }
  const set = decodeSet(encoded)
  const same = set === encoded.fieldsV1
  return { manager, operation, apiVersion, subresource, time, set, encoded: same ? encoded : undefined }
}

function decodeSet(encoded: ManagedFieldsEntry): FieldSet {
  try {
    return fieldSetOf(encoded.fieldsV1)
  } catch (error) {
    if (!(error instanceof PathElementError)) throw error
    const { manager = '', operation, apiVersion, time, fieldsType, fieldsV1, subresource = '' } = encoded
    const shown = `{${manager} ${operation} ${apiVersion} ${time ?? '<nil>'} ${fieldsType} ${JSON.stringify(fieldsV1)} ${subresource}}`
    throw new ManagedFieldsError(`error decoding versioned set from ${shown}: error decoding set: ${error.message}`)
  }
}

/** What is wrong with an object's managedFields; undefined: nothing. */
function managedFieldsProblem(entries: readonly ManagedFieldsEntry[] | undefined): string | undefined {
  try {
    decodeManagedFields(entries)
    return undefined
  } catch (error) {
    if (error instanceof ManagedFieldsError) return error.message
    throw error
  }
}

/**
 * Puts the managedFields from before mutating admission back where admission has spoilt them; answers the warning that
 * the client gets then. Writes into `object`.
 *
 * @see apiserver pkg/endpoints/handlers/fieldmanager/admission.go
 */
export function restoreManagedFields(object: KubeObject, before: ManagedFieldsEntry[] | undefined): string | undefined {
  const { managedFields } = object.metadata
  const problem = managedFields === before ? undefined : managedFieldsProblem(managedFields)
  if (problem === undefined) return undefined
  if (before) object.metadata.managedFields = before
  else delete object.metadata.managedFields
  return `.metadata.managedFields was in an invalid state after admission; this could be caused by an outdated mutating admission controller; please fix your requests: ${problem}`
}

/** Whether a request asks to forget all ownership: an empty list, or a single empty entry. */
export function isReset(entries: readonly ManagedFieldsEntry[] | undefined | null): boolean {
  if (!entries) return false
  if (entries.length === 0) return true
  return entries.length === 1 && Object.values(entries[0]!).every((value) => value === undefined)
}

/** Entries as objects carry them: applied ones first, then by time and name; undefined where there are none. */
export function encodeManagedFields(managers: Managers): ManagedFieldsEntry[] | undefined {
  if (managers.size === 0) return undefined
  const entries = [...managers.values()]
  if (entries.length > 1) entries.sort(compareEntries)
  return entries.map(encodeEntry)
}

function encodeEntry(entry: ManagerEntry): ManagedFieldsEntry {
  if (entry.encoded) return entry.encoded
  const { manager, operation, apiVersion, time, set, subresource } = entry
  const encoded: ManagedFieldsEntry = {}
  if (manager !== '') encoded.manager = manager
  encoded.operation = operation
  encoded.apiVersion = apiVersion
  if (time !== undefined) encoded.time = time
  encoded.fieldsType = 'FieldsV1'
  encoded.fieldsV1 = set
  if (subresource !== '') encoded.subresource = subresource
  return encoded
}

/** JSON of sets by the set: most sets are those of many objects, or of one that is written again. */
const setTexts = new WeakMap<object, string>()

/** JSON of the managedFields of an object. */
export function managedFieldsJson(entries: readonly ManagedFieldsEntry[]): string {
  let text = '['
  for (const entry of entries) text += `${text.length > 1 ? ',' : ''}${entryJson(entry)}`
  return `${text}]`
}

function entryJson(entry: ManagedFieldsEntry): string {
  let text = ''
  for (const key in entry) {
    const value = entry[key as keyof ManagedFieldsEntry]
    const json = key === 'fieldsV1' ? setJson(value) : JSON.stringify(value)
    if (json !== undefined) text += `${text === '' ? '' : ','}${JSON.stringify(key)}:${json}`
  }
  return `{${text}}`
}

function setJson(set: unknown): string | undefined {
  if (typeof set !== 'object' || set === null) return JSON.stringify(set)
  let text = setTexts.get(set)
  if (text === undefined) {
    text = JSON.stringify(set)
    setTexts.set(set, text)
  }
  return text
}

function compareEntries(a: ManagerEntry, b: ManagerEntry): number {
  return (
    compareTexts(a.operation, b.operation) ||
    secondsOf(a.time) - secondsOf(b.time) ||
    compareTexts(a.manager, b.manager) ||
    compareTexts(a.apiVersion, b.apiVersion) ||
    compareTexts(a.subresource, b.subresource)
  )
}

function compareTexts(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

function secondsOf(time: string | undefined): number {
  const epochMs = time === undefined ? Number.NaN : Date.parse(time)
  return Number.isNaN(epochMs) ? 0 : Math.floor(epochMs / 1000)
}

/** Most managers that an object keeps of those that update; older ones are put together. */
const MAX_UPDATE_MANAGERS = 10

/**
 * Puts the oldest updating managers of each version together under one name, so that objects do not grow without end.
 *
 * @see apimachinery pkg/util/managedfields/internal/capmanagers.go
 */
export function capUpdateManagers(managers: Managers): void {
  if (managers.size <= MAX_UPDATE_MANAGERS) return
  const updaters = [...managers].filter(([, entry]) => entry.operation === 'Update')
  if (updaters.length <= MAX_UPDATE_MANAGERS) return
  updaters.sort(([aId, a], [bId, b]) => secondsOf(a.time) - secondsOf(b.time) || compareTexts(aId, bId))
  let length = updaters.length
  const firstOfVersion = new Map<string, string>()
  for (const [id, entry] of updaters) {
    if (length <= MAX_UPDATE_MANAGERS) return
    const { apiVersion } = entry
    const first = firstOfVersion.get(apiVersion)
    if (first === undefined) {
      firstOfVersion.set(apiVersion, id)
      continue
    }
    const bucket = { manager: 'ancient-changes', operation: 'Update', apiVersion, subresource: '' } as const
    const bucketId = managerId(bucket)
    const kept = managers.get(bucketId)?.set ?? managers.get(first)!.set
    if (!managers.has(bucketId)) managers.delete(first)
    managers.delete(id)
    managers.set(bucketId, { ...bucket, time: entry.time, set: union(entry.set, kept), encoded: undefined })
    length--
  }
}

/** The entry with another set; undefined where nothing is left of it. */
export function withSet(entry: ManagerEntry, set: FieldSet): ManagerEntry | undefined {
  if (set === entry.set) return entry
  return isEmptySet(set) ? undefined : { ...entry, set, encoded: undefined }
}
