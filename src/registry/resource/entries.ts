import type { AnyResourceEntry } from '../resource.ts'
import { deviceClasses } from './device-class.ts'
import { type DeviceEnvironment, restrictedEnvironment } from './device-environment.ts'
import { resourceClaims } from './resource-claim.ts'
import { resourceClaimTemplates } from './resource-claim-template.ts'
import { resourceSlices } from './resource-slice.ts'

/** resource.k8s.io, with `environment` judging CEL expressions and admin access. */
export function resourceEntriesWith(environment: DeviceEnvironment): readonly AnyResourceEntry[] {
  return [deviceClasses(environment), resourceClaims(environment), resourceClaimTemplates(environment), resourceSlices]
}

/** resource.k8s.io, with any CEL expression let in and admin access nowhere. */
export const resourceEntries: readonly AnyResourceEntry[] = resourceEntriesWith(restrictedEnvironment)
