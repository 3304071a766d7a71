import type { AnyResourceEntry } from '../resource.ts'
import { ingresses } from './ingress.ts'
import { ingressClasses } from './ingress-class.ts'
import { ipAddresses } from './ip-address.ts'
import { networkPolicies } from './network-policy.ts'
import { serviceCidrs } from './service-cidr.ts'

/** The resources of the group networking.k8s.io. */
export const networkingEntries: readonly AnyResourceEntry[] = [
  ingresses,
  ingressClasses,
  ipAddresses,
  networkPolicies,
  serviceCidrs,
]
