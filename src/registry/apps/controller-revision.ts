import { type FieldError, required } from '../../apimachinery/field-error.ts'
import { FieldPath } from '../../apimachinery/field-path.ts'
import { parseApiVersion, qualifiedKind } from '../../apimachinery/group-version.ts'
import { isJsonObject } from '../../apimachinery/kube-object.ts'
import type { ControllerRevision } from '../../apimachinery/types/apps-v1.ts'
import {
  nameIsDNSSubdomain,
  validateImmutableField,
  validateNonnegativeField,
} from '../../apimachinery/validation/object-meta.ts'
import { validateObjectMeta, validateObjectMetaUpdate } from '../core/core-object-meta.ts'
import { defineResource, type TableDefinition } from '../resource.ts'
import { age, ageColumn, column, nameColumn } from '../table-cells.ts'

const METADATA = FieldPath.of('metadata')
const DATA = FieldPath.of('data')

function validateRevision(revision: ControllerRevision): FieldError[] {
  return [
    ...validateObjectMeta(revision.metadata, true, nameIsDNSSubdomain, METADATA),
    ...validateNonnegativeField(revision.revision ?? 0, FieldPath.of('revision')),
  ]
}

function validateData(data: unknown): FieldError[] {
  if (data === undefined || data === null) return [required(DATA, 'data is mandatory')]
  return isJsonObject(data) ? [] : [required(DATA, 'data must be a valid JSON object')]
}

/** `deployment.apps/name` of the owner that controls the object. */
function controllerName(revision: ControllerRevision): string {
  const owner = revision.metadata.ownerReferences?.find((reference) => reference.controller)
  if (!owner) return '<none>'
  const group = parseApiVersion(owner.apiVersion)?.group ?? ''
  return `${qualifiedKind({ group, kind: owner.kind }).toLowerCase()}/${owner.name}`
}

const table: TableDefinition<ControllerRevision> = {
  columns: [nameColumn, column('Controller'), column('Revision'), ageColumn],
  cells: (revision, now) => [
    revision.metadata.name ?? '',
    controllerName(revision),
    revision.revision ?? 0,
    age(revision, now),
  ],
}

/** @see pkg/registry/apps/controllerrevision/strategy.go, pkg/apis/apps/validation/validation.go */
export const controllerRevisions = defineResource<ControllerRevision>({
  group: 'apps',
  resource: 'controllerrevisions',
  hubVersion: 'v1',
  strategy: {
    validate: (revision) => [...validateRevision(revision), ...validateData(revision.data)],
    validateUpdate: (revision, old) => [
      ...validateObjectMetaUpdate(revision.metadata, old.metadata, METADATA),
      ...validateRevision(revision),
      ...validateImmutableField(revision.data, old.data, DATA),
    ],
  },
  table,
})
