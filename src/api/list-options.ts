import { badRequest, invalid as invalidObject } from '../apimachinery/api-error.ts'
import { type FieldError, forbidden, notSupported } from '../apimachinery/field-error.ts'
import { FieldPath } from '../apimachinery/field-path.ts'
import { type FieldSelector, FieldSelectorError, parseFieldSelector } from '../apimachinery/field-selector.ts'
import { LabelSelectorError, parseLabelSelector, type Selector } from '../apimachinery/label-selector.ts'
import { boolParameter, intParameter, type QueryParameters } from './query-parameters.ts'

/** metav1.ListOptions as decoded from a query, defaulted and validated. */
export interface ListOptions {
  readonly labelSelector: Selector | undefined
  readonly fieldSelector: FieldSelector | undefined
  readonly watch: boolean
  readonly allowWatchBookmarks: boolean
  readonly resourceVersion: string
  readonly resourceVersionMatch: string
  readonly timeoutSeconds: number | undefined
  readonly limit: number
  readonly continue: string
  readonly sendInitialEvents: boolean | undefined
}

/** Rewrites a field label to the one that objects have, or throws where it can't be selected by. */
export type ConvertFieldLabel = (label: string, value: string) => readonly [string, string]

/** Decodes and validates. Errors: 400, 422. */
export function parseListOptions(
  query: QueryParameters,
  convertFieldLabel: ConvertFieldLabel,
  force?: { readonly watch?: boolean },
): ListOptions {
  const options = decode(query)
  const errors = options.watch ? watchErrors(options) : listErrors(options)
  if (errors.length > 0) throw invalidObject({ group: 'meta.k8s.io', kind: 'ListOptions' }, '', errors)
  const withWatch = force?.watch ? withDefaults({ ...options, watch: true }) : options
  const fieldSelector = options.fieldSelector?.transform(convertFieldLabel)
  return { ...withWatch, fieldSelector }
}

function decode(query: QueryParameters): ListOptions {
  // The order is upstream's, which shows the first failure: values of the query in the order of the struct, then selectors.
  const values = {
    watch: boolParameter(query, 'watch') ?? false,
    allowWatchBookmarks: boolParameter(query, 'allowWatchBookmarks') ?? false,
    resourceVersion: query.get('resourceVersion') ?? '',
    resourceVersionMatch: query.get('resourceVersionMatch') ?? '',
    timeoutSeconds: intParameter(query, 'timeoutSeconds'),
    limit: intParameter(query, 'limit') ?? 0,
    continue: query.get('continue') ?? '',
    sendInitialEvents: boolParameter(query, 'sendInitialEvents'),
  }
  const labelText = query.get('labelSelector')
  const labelSelector = labelText === undefined ? undefined : parseLabels(labelText)
  const fieldText = query.get('fieldSelector')
  const fieldSelector = fieldText === undefined ? undefined : parseFields(fieldText)
  return withDefaults({ ...values, labelSelector, fieldSelector })
}

/** A watch without a revision begins with what there is: the same as asking for initial events. */
function withDefaults(options: ListOptions): ListOptions {
  if (options.sendInitialEvents !== undefined || options.resourceVersionMatch !== '') return options
  const legacy = options.resourceVersion === '' || options.resourceVersion === '0'
  if (!options.watch || !legacy) return options
  return { ...options, sendInitialEvents: true, resourceVersionMatch: 'NotOlderThan' }
}

function parseLabels(text: string): Selector {
  try {
    return parseLabelSelector(text)
  } catch (error) {
    if (error instanceof LabelSelectorError) throw badRequest(error.message)
    throw error
  }
}

function parseFields(text: string): FieldSelector {
  try {
    return parseFieldSelector(text)
  } catch (error) {
    if (error instanceof FieldSelectorError) throw badRequest(error.message)
    throw error
  }
}

const MATCH = FieldPath.of('resourceVersionMatch')
const SEND_INITIAL = FieldPath.of('sendInitialEvents')

/** @see apimachinery pkg/apis/meta/internalversion/validation/validation.go */
function listErrors(options: ListOptions): FieldError[] {
  const errors: FieldError[] = []
  const match = options.resourceVersionMatch
  if (match !== '') {
    if (options.resourceVersion === '') {
      errors.push(forbidden(MATCH, 'resourceVersionMatch is forbidden unless resourceVersion is provided'))
    }
    if (options.continue !== '') {
      errors.push(forbidden(MATCH, 'resourceVersionMatch is forbidden when continue is provided'))
    }
    if (match !== 'Exact' && match !== 'NotOlderThan') {
      errors.push(notSupported(MATCH, match, ['Exact', 'NotOlderThan', '']))
    }
    if (match === 'Exact' && options.resourceVersion === '0') {
      errors.push(forbidden(MATCH, 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"'))
    }
  }
  if (options.sendInitialEvents !== undefined) {
    errors.push(forbidden(SEND_INITIAL, 'sendInitialEvents is forbidden for list'))
  }
  return errors
}

function watchErrors(options: ListOptions): FieldError[] {
  const errors: FieldError[] = []
  const match = options.resourceVersionMatch
  if (options.sendInitialEvents !== undefined && match !== 'NotOlderThan') {
    errors.push(forbidden(MATCH, 'sendInitialEvents requires setting resourceVersionMatch to NotOlderThan'))
  }
  if (match === '') return errors
  if (options.sendInitialEvents === undefined) {
    errors.push(forbidden(MATCH, 'resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided'))
  }
  if (match !== 'NotOlderThan') errors.push(notSupported(MATCH, match, ['NotOlderThan']))
  if (options.continue !== '') {
    errors.push(forbidden(MATCH, 'resourceVersionMatch is forbidden when continue is provided'))
  }
  return errors
}
