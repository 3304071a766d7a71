import { isNotFound } from '../../../apimachinery/api-error.ts'
import type { EndpointSlice } from '../../../apimachinery/types/discovery-v1.ts'
import type { Client, Typed } from '../../runtime/client.ts'
import { keyOf } from '../../runtime/object-key.ts'
import { ENDPOINT_SLICES } from '../../runtime/resources.ts'

/** Names the controller that keeps an EndpointSlice. */
export const MANAGED_BY_LABEL = 'endpointslice.kubernetes.io/managed-by'
/** Names the service of an EndpointSlice. */
export const SERVICE_LABEL = 'kubernetes.io/service-name'

/** Deletes a slice that may be gone already. */
export async function removeSlice(client: Client, slice: Typed<EndpointSlice>): Promise<void> {
  try {
    await client.delete(ENDPOINT_SLICES, keyOf(slice))
  } catch (error) {
    if (!isNotFound(error)) throw error
  }
}
