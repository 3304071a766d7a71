import { duplicate, type FieldError, required } from '../../apimachinery/field-error.ts'
import { FieldPath } from '../../apimachinery/field-path.ts'
import type { ObjectMeta } from '../../apimachinery/types/meta-v1.ts'

interface StatusWithConditions {
  readonly conditions?: readonly { readonly type?: string }[]
}

/** One condition of each type, and no condition without a type. */
export function validateStatus(status: StatusWithConditions | undefined): FieldError[] {
  const errors: FieldError[] = []
  const path = FieldPath.of('status', 'conditions')
  const types = new Set<string>()
  status?.conditions?.forEach(({ type = '' }, i) => {
    if (types.has(type)) errors.push(duplicate(path.index(i).child('type'), type))
    types.add(type)
    if (type === '') errors.push(required(path.index(i).child('type'), ''))
  })
  return errors
}

/** A write to status of this group changes nothing of the metadata but the record of the write. */
export function metadataOfStatusWrite(metadata: ObjectMeta, old: ObjectMeta): ObjectMeta {
  const { managedFields: _, ...kept } = old
  return metadata.managedFields === undefined ? kept : { ...kept, managedFields: metadata.managedFields }
}
