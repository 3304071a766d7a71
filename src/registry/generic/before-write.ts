import { invalid as invalidObject } from '../../apimachinery/api-error.ts'
import { equalJson } from '../../apimachinery/clone.ts'
import { FieldPath } from '../../apimachinery/field-path.ts'
import type { KubeObject } from '../../apimachinery/kube-object.ts'
import type { ManagedFieldsEntry } from '../../apimachinery/types/meta-v1.ts'
import { isPathSegmentName, isPathSegmentPrefix } from '../../apimachinery/validation/names.ts'
import { validateObjectMeta, validateObjectMetaUpdate } from '../../apimachinery/validation/object-meta.ts'
import type { AnyResourceEntry, StrategyContext, UpdateStrategy } from '../resource.ts'
import { ensureNamespace } from './object-metadata.ts'
import type { RequestContext } from './request-context.ts'
import type { ResourceIdentity } from './resource-identity.ts'

const METADATA = FieldPath.of('metadata')

/** A name must be fit for a URL path, whatever else the kind asks of it. */
const validatePathSegment = (name: string, prefix: boolean): string[] =>
  prefix ? isPathSegmentPrefix(name) : isPathSegmentName(name)

/**
 * What is common to every create: namespace, the strategy's preparation and validation, metadata, warnings.
 *
 * @see apiserver pkg/registry/rest/create.go BeforeCreate
 */
export function beforeCreate(
  entry: AnyResourceEntry,
  identity: ResourceIdentity,
  object: KubeObject,
  context: StrategyContext,
  request: RequestContext,
): void {
  ensureNamespace(object, context.namespace)
  const strategy = entry.strategy
  strategy.prepareForCreate?.(object, context)
  const kind = { group: identity.group, kind: identity.kind }
  const name = (): string => object.metadata.name ?? ''
  const errors = strategy.validate(object, context)
  if (errors.length > 0) throw invalidObject(kind, name(), errors)
  const metadataErrors = validateObjectMeta(object.metadata, identity.namespaced, validatePathSegment, METADATA)
  if (metadataErrors.length > 0) throw invalidObject(kind, name(), metadataErrors)
  for (const warning of strategy.warningsOnCreate?.(object, context) ?? []) request.warn(warning)
  strategy.canonicalize?.(object)
}

/**
 * What is common to every update: namespace, what no client may change, the strategy's preparation and validation.
 *
 * @see apiserver pkg/registry/rest/update.go BeforeUpdate
 */
export function beforeUpdate(
  strategy: UpdateStrategy<KubeObject>,
  identity: ResourceIdentity,
  object: KubeObject,
  old: KubeObject,
  context: StrategyContext,
  request: RequestContext,
): void {
  ensureNamespace(object, context.namespace)
  const metadata = object.metadata
  setOrDelete(metadata, 'generation', old.metadata.generation)
  strategy.prepareForUpdate?.(object, old, context)
  keepSystemFields(object, old)
  const kind = { group: identity.group, kind: identity.kind }
  const errors = [
    ...validateObjectMeta(metadata, identity.namespaced, validatePathSegment, METADATA),
    ...validateObjectMetaUpdate(metadata, old.metadata, METADATA),
    ...strategy.validateUpdate(object, old, context),
  ]
  if (errors.length > 0) throw invalidObject(kind, metadata.name ?? '', errors)
  for (const warning of strategy.warningsOnUpdate?.(object, old, context) ?? []) request.warn(warning)
  strategy.canonicalize?.(object)
}

/** uid unless given, creation time, deletion time, and a grace period that would be lost. */
function keepSystemFields(object: KubeObject, old: KubeObject): void {
  const metadata = object.metadata
  if (!metadata.uid) setOrDelete(metadata, 'uid', old.metadata.uid)
  if (old.metadata.creationTimestamp) metadata.creationTimestamp = old.metadata.creationTimestamp
  if (old.metadata.deletionTimestamp) metadata.deletionTimestamp = old.metadata.deletionTimestamp
  if (old.metadata.deletionGracePeriodSeconds !== undefined && metadata.deletionGracePeriodSeconds === undefined) {
    metadata.deletionGracePeriodSeconds = old.metadata.deletionGracePeriodSeconds
  }
}

function setOrDelete<T extends object, K extends keyof T>(target: T, key: K, value: T[K] | undefined): void {
  if (value === undefined) delete target[key]
  else target[key] = value
}

/**
 * Where nothing but the times of managedFields differs, the old times come back, so that the write is none.
 *
 * @see apiserver pkg/endpoints/handlers/fieldmanager/equality.go
 */
export function revertTimestampOnlyChange(object: KubeObject, old: KubeObject): void {
  const now = object.metadata.managedFields
  const before = old.metadata.managedFields
  if (!now || !before || now.length !== before.length || equalJson(now, before)) return
  if (!now.every((entry, i) => sameButForTime(entry, before[i]!))) return
  const { managedFields: _now, resourceVersion: _rv, ...metadata } = object.metadata
  const { managedFields: _before, resourceVersion: _oldRv, ...oldMetadata } = old.metadata
  if (!equalJson(metadata, oldMetadata)) return
  const { metadata: _m, ...rest } = object
  const { metadata: _om, ...oldRest } = old
  if (equalJson(rest, oldRest)) object.metadata.managedFields = before
}

function sameButForTime(a: ManagedFieldsEntry, b: ManagedFieldsEntry): boolean {
  return equalJson({ ...a, time: undefined }, { ...b, time: undefined })
}
