/**
 * kubemu as a library: a Kubernetes cluster that a program starts in its own process.
 *
 *     import { createCluster } from 'kubemu'
 *     const cluster = await createCluster({ nodes: 2 })
 */
export {
  ApiError,
  isAlreadyExists,
  isConflict,
  isExpired,
  isForbidden,
  isInvalid,
  isNotFound,
  type Status,
  type StatusReason,
} from '../apimachinery/api-error.ts'
export type { JsonObject, KubeObject } from '../apimachinery/kube-object.ts'
export { ManualClock } from '../apimachinery/manual-clock.ts'
export type { KindMap } from '../apimachinery/types/kinds.ts'
export type { Client, ResourceRef, Typed, WatchEvent } from '../controllers/runtime/client.ts'
export { createCluster } from './create-cluster.ts'
export type * from './library-api.ts'
export { WaitTimeoutError } from './wait-timeout-error.ts'
