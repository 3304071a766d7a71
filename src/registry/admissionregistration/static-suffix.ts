import { type FieldError, invalid } from '../../apimachinery/field-error.ts'
import { FieldPath } from '../../apimachinery/field-path.ts'
import type { ObjectMeta } from '../../apimachinery/types/meta-v1.ts'
import type { StrategyContext } from '../resource.ts'

/** @see kubernetes pkg/apis/admissionregistration/validation/static_suffix.go, KEP-5793 */
const STATIC_SUFFIX = '.static.k8s.io'
const RESERVED = `names ending with "${STATIC_SUFFIX}" are reserved for static manifest-based configurations and cannot be managed via the API`

const isReserved = ({ name }: ObjectMeta): boolean => name?.endsWith(STATIC_SUFFIX) ?? false
const isEnforced = ({ config }: StrategyContext): boolean =>
  config.featureGates['ManifestBasedAdmissionControlConfig'] ?? false

/** Names of configurations from files are refused where the server reads such files. */
export function validateStaticSuffix(metadata: ObjectMeta, context: StrategyContext): FieldError[] {
  if (!isEnforced(context) || !isReserved(metadata)) return []
  return [invalid(FieldPath.of('metadata', 'name'), metadata.name, RESERVED)]
}

export function staticSuffixWarnings(metadata: ObjectMeta): string[] {
  return isReserved(metadata) ? [`metadata.name: ${RESERVED}`] : []
}

/** Where the name is refused outright nothing needs warning of. */
export function staticSuffixWarningsOnCreate(metadata: ObjectMeta, context: StrategyContext): string[] {
  return isEnforced(context) ? [] : staticSuffixWarnings(metadata)
}
