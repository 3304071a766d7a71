import { type FieldSelectorFact, fieldSelectorFacts } from '../../openapi/data.ts'
import { badRequest } from '../apimachinery/api-error.ts'
import { goQuote } from '../apimachinery/go-quote.ts'
import type { ObjectEntry } from '../registry/generic/registry.ts'
import type { ApiResource } from './api-resource.ts'
import type { ConvertFieldLabel, ListOptions } from './list-options.ts'

const DEFAULT_FIELDS: readonly string[] = ['metadata.name', 'metadata.namespace']

/** Which fields objects of a resource can be selected by. The returned function throws 400 for others. */
export function fieldLabelConverter(resource: ApiResource): ConvertFieldLabel {
  const rule = ruleOf(resource)
  const words =
    resource.backing?.entry.unsupportedFieldLabel ?? ((label: string) => `field label not supported: ${label}`)
  return (label, value) => {
    const field = rule?.aliases?.[label] ?? label
    if ((rule?.fields ?? DEFAULT_FIELDS).includes(field)) return [field, value]
    throw rule ? badRequest(words(label)) : notSelectable(label)
  }
}

/** Field labels of resources that can be selected by names alone. Throws 400 for others. */
export const metadataFieldLabel: ConvertFieldLabel = (label, value) => {
  if (DEFAULT_FIELDS.includes(label)) return [label, value]
  throw notSelectable(label)
}

const notSelectable = (label: string): Error =>
  badRequest(`${goQuote(label)} is not a known field selector: only "metadata.name", "metadata.namespace"`)

function ruleOf({ gvr }: ApiResource): FieldSelectorFact | undefined {
  return fieldSelectorFacts().find(
    (f) => f.group === gvr.group && f.version === gvr.version && f.resource === gvr.resource,
  )
}

/** What the selectors ask of an object; undefined where they ask nothing. */
export function filterOf(
  options: Pick<ListOptions, 'labelSelector' | 'fieldSelector'>,
): ((entry: ObjectEntry) => boolean) | undefined {
  const labels = options.labelSelector?.isEmpty() === false ? options.labelSelector : undefined
  const fields = options.fieldSelector?.isEmpty() === false ? options.fieldSelector : undefined
  if (!labels && !fields) return undefined
  return ({ attributes }) =>
    (labels === undefined || labels.matches(attributes.labels)) &&
    (fields === undefined || fields.matches(attributes.fields))
}
