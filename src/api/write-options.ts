import { badRequest, invalid as invalidObject } from '../apimachinery/api-error.ts'
import type { FieldError } from '../apimachinery/field-error.ts'
import { isJsonObject, type JsonObject } from '../apimachinery/kube-object.ts'
import {
  validateCreateOptions,
  validateDeleteOptions,
  validatePatchOptions,
} from '../apimachinery/validation/object-meta.ts'
import type { DeleteOptions } from '../registry/generic/deletion.ts'
import { boolParameter, intParameter, type QueryParameters } from './query-parameters.ts'

/** metav1.CreateOptions, UpdateOptions or PatchOptions, validated. */
export interface WriteOptions {
  readonly dryRun: boolean
  /** '' where the client named none. */
  readonly fieldManager: string
  readonly fieldValidation: 'Ignore' | 'Warn' | 'Strict'
  readonly force: boolean
}

type Kind = 'CreateOptions' | 'UpdateOptions' | 'PatchOptions'

/** Decodes the options of a write. Errors: 422. */
export function parseWriteOptions(query: QueryParameters, kind: Kind, { apply = false } = {}): WriteOptions {
  const dryRun = query.all('dryRun')
  const fieldManager = query.get('fieldManager') ?? ''
  const fieldValidation = query.get('fieldValidation') ?? ''
  const force = kind === 'PatchOptions' ? boolParameter(query, 'force') : undefined
  const errors =
    kind === 'PatchOptions'
      ? validatePatchOptions({ dryRun, fieldManager, fieldValidation, force }, { apply })
      : validateCreateOptions({ dryRun, fieldManager, fieldValidation })
  throwInvalid(kind, errors)
  return {
    dryRun: dryRun.length > 0,
    fieldManager,
    fieldValidation: fieldValidation === 'Ignore' || fieldValidation === 'Strict' ? fieldValidation : 'Warn',
    force: force ?? false,
  }
}

/** Options as admission plugins and webhooks see them. */
export function optionsObject(kind: Kind, options: WriteOptions, query: QueryParameters): JsonObject {
  return {
    kind,
    apiVersion: 'meta.k8s.io/v1',
    ...(options.dryRun ? { dryRun: ['All'] } : {}),
    ...(options.fieldManager ? { fieldManager: options.fieldManager } : {}),
    ...(query.get('fieldValidation') ? { fieldValidation: options.fieldValidation } : {}),
    ...(kind === 'PatchOptions' && query.has('force') ? { force: options.force } : {}),
  }
}

/** Delete options with whether the delete is only tried. */
export interface DeleteRequestOptions extends DeleteOptions {
  readonly dryRun: boolean
  /** As admission sees them. */
  readonly object: JsonObject
}

/** Options of a delete from its query, where it has no body. */
export function deleteOptionsOfQuery(query: QueryParameters): JsonObject {
  const gracePeriodSeconds = intParameter(query, 'gracePeriodSeconds')
  const orphanDependents = boolParameter(query, 'orphanDependents')
  const propagationPolicy = query.get('propagationPolicy')
  const dryRun = query.all('dryRun')
  return {
    ...(gracePeriodSeconds === undefined ? {} : { gracePeriodSeconds }),
    ...(orphanDependents === undefined ? {} : { orphanDependents }),
    ...(propagationPolicy === undefined ? {} : { propagationPolicy }),
    ...(dryRun.length === 0 ? {} : { dryRun }),
  }
}

/** Validates decoded metav1.DeleteOptions. Errors: 400, 422. */
export function deleteOptionsOf(object: JsonObject): DeleteRequestOptions {
  const dryRun = (object['dryRun'] as readonly string[] | undefined) ?? []
  const gracePeriodSeconds = object['gracePeriodSeconds'] as number | undefined
  const orphanDependents = object['orphanDependents'] as boolean | undefined
  const propagationPolicy = object['propagationPolicy'] as string | undefined
  const given = object['preconditions']
  if (given !== undefined && !isJsonObject(given)) throw badRequest('preconditions must be an object')
  const preconditions = given as DeleteOptions['preconditions']
  throwInvalid('DeleteOptions', validateDeleteOptions({ dryRun: [...dryRun], orphanDependents, propagationPolicy }))
  return {
    dryRun: dryRun.length > 0,
    ...(gracePeriodSeconds === undefined ? {} : { gracePeriodSeconds }),
    ...(orphanDependents === undefined ? {} : { orphanDependents }),
    ...(propagationPolicy === undefined ? {} : { propagationPolicy }),
    ...(preconditions === undefined ? {} : { preconditions }),
    object: { ...object, kind: 'DeleteOptions', apiVersion: 'meta.k8s.io/v1' },
  }
}

function throwInvalid(kind: string, errors: readonly FieldError[]): void {
  if (errors.length > 0) throw invalidObject({ group: 'meta.k8s.io', kind }, '', errors)
}
