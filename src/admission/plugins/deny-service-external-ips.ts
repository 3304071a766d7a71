import type { Service } from '../../apimachinery/types/core-v1.ts'
import type { AdmissionPlugin } from '../admission.ts'
import { isFor } from '../attribute-tests.ts'
import { refused } from '../refusal.ts'

/**
 * Services take on no external addresses that they do not have already.
 *
 * @see kubernetes plugin/pkg/admission/network/denyserviceexternalips/admission.go
 */
export const denyServiceExternalIPs: AdmissionPlugin = {
  name: 'DenyServiceExternalIPs',
  handles: (operation) => operation === 'CREATE' || operation === 'UPDATE',
  validate(attributes) {
    if (attributes.subresource !== '' || !isFor(attributes, '', 'services')) return
    const ips = (attributes.object as unknown as Service).spec?.externalIPs ?? []
    const old = (attributes.oldObject as unknown as Service | undefined)?.spec?.externalIPs ?? []
    if (ips.every((ip) => old.includes(ip))) return
    throw refused(attributes, 'Use of external IPs is denied by admission control')
  },
}
