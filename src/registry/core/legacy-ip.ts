import type { LegacyFieldOptions } from '../../apimachinery/validation/ip.ts'
import type { RegistryConfig } from '../resource.ts'

/** How this cluster reads addresses in fields older than strict validation (feature gate StrictIPCIDRValidation). */
export function legacyIpOptions(
  config: Pick<RegistryConfig, 'featureGates'>,
  validOld: readonly string[] = [],
): Required<LegacyFieldOptions> {
  return { strict: config.featureGates['StrictIPCIDRValidation'] ?? true, validOld }
}
