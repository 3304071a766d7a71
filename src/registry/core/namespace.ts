import { formatTime } from '../../apimachinery/clock.ts'
import type { FieldError } from '../../apimachinery/field-error.ts'
import { invalid } from '../../apimachinery/field-error.ts'
import { FieldPath } from '../../apimachinery/field-path.ts'
import type { Namespace } from '../../apimachinery/types/core-v1.ts'
import { validateFinalizerName, validateNamespaceName } from '../../apimachinery/validation/object-meta.ts'
import type { DeleteOptionsLike, StrategyContext, UpdateStrategy } from '../resource.ts'
import { defineResource } from '../resource.ts'
import { age, ageColumn, column, nameColumn } from '../table-cells.ts'
import { validateFinalizerDomain, validateObjectMeta, validateObjectMetaUpdate } from './core-object-meta.ts'

const METADATA = FieldPath.of('metadata')
const PHASE = FieldPath.of('status', 'Phase')
const FINALIZERS = FieldPath.of('spec', 'finalizers')

/** Label that every namespace carries and that selectors of other kinds match on: its name. */
const METADATA_NAME_LABEL = 'kubernetes.io/metadata.name'

/** Finalizer of the spec that stands for the contents: the namespace controller takes it off once they are gone. */
const KUBERNETES_FINALIZER = 'kubernetes'

function setNameLabel(namespace: Namespace): void {
  if (!namespace.metadata.name) return
  namespace.metadata.labels = { ...namespace.metadata.labels, [METADATA_NAME_LABEL]: namespace.metadata.name }
}

function setDefaults(namespace: Namespace): void {
  if (namespace.metadata.labels?.[METADATA_NAME_LABEL] !== namespace.metadata.name) setNameLabel(namespace)
  if (!namespace.status?.phase) namespace.status = { ...namespace.status, phase: 'Active' }
}

function prepareForCreate(namespace: Namespace): void {
  namespace.status = { phase: 'Active' }
  const finalizers = namespace.spec?.finalizers ?? []
  if (finalizers.includes(KUBERNETES_FINALIZER)) return
  namespace.spec = { ...namespace.spec, finalizers: [...finalizers, KUBERNETES_FINALIZER] }
}

/** A finalizer of the spec: a standard one, or one with a domain. */
function validateSpecFinalizer(finalizer: string, path: FieldPath): FieldError[] {
  return [...validateFinalizerName(finalizer, path), ...validateFinalizerDomain(finalizer, path)]
}

function validateNamespace(namespace: Namespace): FieldError[] {
  const errors = validateObjectMeta(namespace.metadata, false, validateNamespaceName, METADATA)
  for (const finalizer of namespace.spec?.finalizers ?? []) errors.push(...validateSpecFinalizer(finalizer, FINALIZERS))
  return errors
}

function validatePhase(namespace: Namespace): FieldError[] {
  const phase = namespace.status?.phase ?? ''
  if (!namespace.metadata.deletionTimestamp) {
    if (phase === 'Active') return []
    return [invalid(PHASE, phase, "may only be 'Active' if `deletionTimestamp` is empty")]
  }
  if (phase === 'Terminating') return []
  return [invalid(PHASE, phase, "may only be 'Terminating' if `deletionTimestamp` is not empty")]
}

const statusStrategy: UpdateStrategy<Namespace> = {
  prepareForUpdate(namespace, old) {
    namespace.spec = old.spec
  },
  validateUpdate: (namespace, old) => [
    ...validateObjectMetaUpdate(namespace.metadata, old.metadata, METADATA),
    ...validatePhase(namespace),
  ],
  canonicalize: setNameLabel,
}

const finalizeStrategy: UpdateStrategy<Namespace> = {
  prepareForUpdate(namespace, old) {
    namespace.status = old.status
  },
  validateUpdate: (namespace, old) => [
    ...validateObjectMetaUpdate(namespace.metadata, old.metadata, METADATA),
    ...(namespace.spec?.finalizers ?? []).flatMap((finalizer, i) =>
      validateSpecFinalizer(finalizer, FINALIZERS.index(i)),
    ),
  ],
  canonicalize: setNameLabel,
}

/** @see kubernetes pkg/registry/core/namespace/storage/storage.go Delete */
function beginTermination(namespace: Namespace, options: DeleteOptionsLike, { clock }: StrategyContext): void {
  namespace.metadata.deletionTimestamp ??= formatTime(clock.now())
  namespace.status = { ...namespace.status, phase: 'Terminating' }
  const finalizers = new Set(namespace.metadata.finalizers)
  const wants = { orphan: wantsFinalizer(options, true), foregroundDeletion: wantsFinalizer(options, false) }
  for (const [finalizer, wanted] of Object.entries(wants)) {
    if (wanted === true) finalizers.add(finalizer)
    if (wanted === false) finalizers.delete(finalizer)
  }
  namespace.metadata.finalizers = [...finalizers]
}

/** Undefined: the options do not say, so that what is there stays. */
function wantsFinalizer(options: DeleteOptionsLike, orphan: boolean): boolean | undefined {
  if (options.orphanDependents !== undefined) return options.orphanDependents === orphan
  if (options.propagationPolicy === undefined) return undefined
  return options.propagationPolicy === (orphan ? 'Orphan' : 'Foreground')
}

const hasNoSpecFinalizers = (namespace: Namespace): boolean => (namespace.spec?.finalizers ?? []).length === 0

/** @see kubernetes pkg/registry/core/namespace/strategy.go */
export const namespaces = defineResource<Namespace>({
  group: '',
  resource: 'namespaces',
  hubVersion: 'v1',
  defaults: setDefaults,
  strategy: {
    prepareForCreate,
    validate: validateNamespace,
    prepareForUpdate(namespace, old) {
      namespace.spec = old.spec
      namespace.status = old.status
    },
    validateUpdate: (namespace, old) => [
      ...validateNamespace(namespace),
      ...validateObjectMetaUpdate(namespace.metadata, old.metadata, METADATA),
    ],
    canonicalize: setNameLabel,
  },
  subresourceStrategies: { status: statusStrategy, finalize: finalizeStrategy },
  deletion: {
    returnsObject: true,
    beginTermination,
    isTerminated: hasNoSpecFinalizers,
    mayDeleteDuringUpdate: hasNoSpecFinalizers,
  },
  selectableFields: (namespace) => ({ 'status.phase': namespace.status?.phase ?? '' }),
  table: {
    columns: [nameColumn, column('Status'), ageColumn],
    cells: (namespace, now) => [namespace.metadata.name ?? '', namespace.status?.phase ?? '', age(namespace, now)],
  },
})
