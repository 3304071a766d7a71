import { escapeFieldValue, FieldSelectorError, parseFieldSelector } from '../../apimachinery/field-selector.ts'
import { LabelSelectorError, newRequirement, parseLabelSelector } from '../../apimachinery/label-selector.ts'
import type { FieldSelectorAttributes, LabelSelectorAttributes } from '../../apimachinery/types/authorization-v1.ts'
import type { FieldSelectorRequirement, LabelSelectorRequirement } from '../../apimachinery/types/meta-v1.ts'

/** A selector of a review as authorizers see it. */
export interface ReviewedSelector {
  readonly text: string
  /** What could not be understood; the rest counts, as fewer requirements only ask for more. */
  readonly ignored: 'nothing' | 'part' | 'all'
}

const NO_SELECTOR: ReviewedSelector = { text: '', ignored: 'nothing' }

/** @see kubernetes pkg/registry/authorization/util/helpers.go */
export function reviewedFieldSelector(selector: FieldSelectorAttributes | undefined): ReviewedSelector {
  if (selector?.requirements?.length) return combined(selector.requirements.map(fieldRequirement))
  return selector?.rawSelector ? raw(selector.rawSelector, parseFieldSelector) : NO_SELECTOR
}

export function reviewedLabelSelector(selector: LabelSelectorAttributes | undefined): ReviewedSelector {
  if (selector?.requirements?.length) return combined(selector.requirements.map(labelRequirement))
  return selector?.rawSelector ? raw(selector.rawSelector, parseLabelSelector) : NO_SELECTOR
}

function raw(text: string, parse: (text: string) => unknown): ReviewedSelector {
  try {
    parse(text)
    return { text, ignored: 'nothing' }
  } catch (error) {
    if (error instanceof FieldSelectorError || error instanceof LabelSelectorError) return { text: '', ignored: 'all' }
    throw error
  }
}

function combined(parts: readonly (string | undefined)[]): ReviewedSelector {
  const understood = parts.filter((p) => p !== undefined)
  const ignored = understood.length === parts.length ? 'nothing' : understood.length === 0 ? 'all' : 'part'
  return { text: understood.join(','), ignored }
}

/** Field selectors know only equality with one value. */
function fieldRequirement({ key = '', operator, values = [] }: FieldSelectorRequirement): string | undefined {
  if (values.length !== 1 || (operator !== 'In' && operator !== 'NotIn')) return undefined
  return `${key}${operator === 'In' ? '=' : '!='}${escapeFieldValue(values[0]!)}`
}

function labelRequirement({ key = '', operator, values = [] }: LabelSelectorRequirement): string | undefined {
  try {
    switch (operator) {
      case 'In':
      case 'NotIn': {
        const word = operator === 'In' ? 'in' : 'notin'
        newRequirement(key, word, values)
        return `${key} ${word} (${values.toSorted().join(',')})`
      }
      case 'Exists':
        newRequirement(key, 'exists', values)
        return key
      case 'DoesNotExist':
        newRequirement(key, '!', values)
        return `!${key}`
      default:
        return undefined
    }
  } catch (error) {
    if (error instanceof LabelSelectorError) return undefined
    throw error
  }
}
