import {
  type FieldError,
  forbidden,
  invalid,
  type LiteralValue,
  notSupported,
  required,
} from '../../apimachinery/field-error.ts'
import type { FieldPath } from '../../apimachinery/field-path.ts'
import { goLabelSelector, goStructValue } from '../../apimachinery/go-struct.ts'
import { labelSelectorAsSelector, type Selector } from '../../apimachinery/label-selector.ts'
import { semanticEqual } from '../../apimachinery/semantic-equal.ts'
import type { PodTemplateSpec } from '../../apimachinery/types/core-v1.ts'
import type { LabelSelector } from '../../apimachinery/types/meta-v1.ts'
import { FIELD_IMMUTABLE_MESSAGE, validateLabelSelector } from '../../apimachinery/validation/object-meta.ts'

/** The parsed selector; undefined where it is invalid. */
export function parseSelector(selector: LabelSelector | undefined): Selector | undefined {
  try {
    return labelSelectorAsSelector(selector)
  } catch {
    return undefined
  }
}

/** A selector as messages print it: its members in Go's order. */
export function labelSelectorValue(selector: LabelSelector | undefined): LiteralValue {
  return goStructValue(goLabelSelector, selector)
}

/** The selector of a workload stays as it is. */
export function validateSelectorKept(
  selector: LabelSelector | undefined,
  old: LabelSelector | undefined,
  path: FieldPath,
): FieldError[] {
  return semanticEqual(selector, old) ? [] : [invalid(path, labelSelectorValue(selector), FIELD_IMMUTABLE_MESSAGE)]
}

/** Neither labels nor expressions. */
export function isEmptySelector(selector: LabelSelector): boolean {
  return Object.keys(selector.matchLabels ?? {}).length + (selector.matchExpressions?.length ?? 0) === 0
}

/** The selector of a workload: required, valid, not empty. `noun` is what the message about an empty one names. */
export function validateWorkloadSelector(
  selector: LabelSelector | undefined,
  path: FieldPath,
  noun: string,
): FieldError[] {
  if (!selector) return [required(path, '')]
  const errors = validateLabelSelector(selector, {}, path)
  if (isEmptySelector(selector))
    errors.push(invalid(path, labelSelectorValue(selector), `empty selector is invalid for ${noun}`))
  return errors
}

/** The labels of the template must be among what the selector selects; a selector of everything is not looked at. */
export function validateSelectorMatchesTemplate(
  selector: Selector,
  template: PodTemplateSpec,
  path: FieldPath,
): FieldError[] {
  const labels = template.metadata?.labels
  if (selector.matches(labels ?? {})) return []
  return [invalid(path.child('metadata', 'labels'), labels ?? null, '`selector` does not match template `labels`')]
}

/** Templates of pods that are kept running: restartPolicy Always only, no deadline. */
export function validateAlwaysRunning(template: PodTemplateSpec, path: FieldPath, kind: string): FieldError[] {
  const errors: FieldError[] = []
  const restartPolicy = template.spec?.restartPolicy ?? ''
  if (restartPolicy !== 'Always') {
    errors.push(notSupported(path.child('spec', 'restartPolicy'), restartPolicy, ['Always']))
  }
  if (template.spec?.activeDeadlineSeconds !== undefined) {
    const detail = `activeDeadlineSeconds in ${kind} is not Supported`
    errors.push(forbidden(path.child('spec', 'activeDeadlineSeconds'), detail))
  }
  return errors
}
