import type { FieldError } from '../../apimachinery/field-error.ts'
import { duplicate, invalid, notSupported, required } from '../../apimachinery/field-error.ts'
import type { FieldPath } from '../../apimachinery/field-path.ts'
import { goAny, goString, goStruct, goStructValue } from '../../apimachinery/go-struct.ts'
import type { Taint } from '../../apimachinery/types/core-v1.ts'
import { goJsonError } from '../../apimachinery/validation/go-json.ts'
import { isValidLabelValue } from '../../apimachinery/validation/names.ts'
import { validateLabelName } from '../../apimachinery/validation/object-meta.ts'
import { namedString } from './pod/field-checks.ts'

const EFFECTS = ['NoSchedule', 'PreferNoSchedule', 'NoExecute']
const TAINTS_ANNOTATION = 'scheduler.alpha.kubernetes.io/taints'
const AVOID_PODS_ANNOTATION = 'scheduler.alpha.kubernetes.io/preferAvoidPods'

const goTaint = goStruct(
  ['Key', 'key', goString],
  ['Value', 'value', goString],
  ['Effect', 'effect', goString],
  ['TimeAdded', 'timeAdded', goAny],
)

/** Taints of a node or of a device, unique by key and effect. */
export function validateTaints(taints: readonly Taint[], path: FieldPath): FieldError[] {
  const errors: FieldError[] = []
  const seen = new Set<string>()
  for (const [i, taint] of taints.entries()) {
    const { key = '', value = '', effect = '' } = taint
    const at = path.index(i)
    errors.push(...validateLabelName(key, at.child('key')))
    const messages = isValidLabelValue(value)
    if (messages.length > 0) errors.push(invalid(at.child('value'), value, messages.join(';')))
    if (effect === '') errors.push(required(at.child('effect'), ''))
    else if (!EFFECTS.includes(effect)) errors.push(notSupported(at.child('effect'), namedString(effect), EFFECTS))
    const identity = `${effect}/${key}`
    if (seen.has(identity)) {
      const detail = 'taints must be unique by key and effect pair'
      errors.push({ ...duplicate(at, goStructValue(goTaint, taint)), detail })
    }
    seen.add(identity)
  }
  return errors
}

/** Annotations that meant something to early schedulers. `path` is that of the annotations. */
export function validateNodeAnnotations(
  annotations: Readonly<Record<string, string>> | undefined,
  path: FieldPath,
): FieldError[] {
  const taints = annotations?.[TAINTS_ANNOTATION]
  const avoid = annotations?.[AVOID_PODS_ANNOTATION]
  return [
    ...(taints ? validateTaintsAnnotation(taints, path) : []),
    ...(avoid ? validateAvoidPodsAnnotation(avoid, path) : []),
  ]
}

function validateTaintsAnnotation(text: string, path: FieldPath): FieldError[] {
  const problem = goJsonError(Buffer.from(text), 'array', '[]core.Taint')
  if (problem !== undefined) return [invalid(path, TAINTS_ANNOTATION, problem)]
  const taints = (JSON.parse(text) ?? []) as readonly unknown[]
  const isTaint = (taint: unknown): taint is Taint => typeof taint === 'object' && taint !== null
  return validateTaints(
    taints.map((taint) => (isTaint(taint) ? textMembers(taint) : EMPTY_TAINT)),
    path.child(TAINTS_ANNOTATION),
  )
}

const EMPTY_TAINT: Taint = { key: '', effect: '' }

/** What of a taint is text; anything else counts as absent. */
function textMembers(taint: Taint): Taint {
  const text = (value: unknown): string => (typeof value === 'string' ? value : '')
  return { key: text(taint.key), value: text(taint.value), effect: text(taint.effect) }
}

interface AvoidPods {
  readonly preferAvoidPods?: readonly {
    readonly podSignature?: { readonly podController?: { readonly controller?: boolean } }
  }[]
}

function validateAvoidPodsAnnotation(text: string, path: FieldPath): FieldError[] {
  const problem = goJsonError(Buffer.from(text), 'object', 'v1.AvoidPods')
  if (problem !== undefined) return [invalid(path.child('AvoidPods'), AVOID_PODS_ANNOTATION, problem)]
  const { preferAvoidPods } = (JSON.parse(text) ?? {}) as AvoidPods
  if (!Array.isArray(preferAvoidPods)) return []
  return (preferAvoidPods as NonNullable<AvoidPods['preferAvoidPods']>).flatMap((entry, i) => {
    const signature = path.child(AVOID_PODS_ANNOTATION).index(i).child('PodSignature')
    const controller = entry?.podSignature?.podController
    if (!controller) return [required(signature, '')]
    if (controller.controller) return []
    return [invalid(signature.child('PodController', 'Controller'), false, 'must point to a controller')]
  })
}
