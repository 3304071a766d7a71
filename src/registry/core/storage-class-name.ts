import type { ObjectMeta } from '../../apimachinery/types/meta-v1.ts'

/** Named the storage class before the field did; where it stands, it wins. */
export const BETA_STORAGE_CLASS_ANNOTATION = 'volume.beta.kubernetes.io/storage-class'

/** Storage class of a claim or a volume; '' where there is none. */
export function storageClassOf({
  metadata,
  spec,
}: {
  readonly metadata: ObjectMeta
  readonly spec?: { readonly storageClassName?: string }
}): string {
  return metadata.annotations?.[BETA_STORAGE_CLASS_ANNOTATION] ?? spec?.storageClassName ?? ''
}
