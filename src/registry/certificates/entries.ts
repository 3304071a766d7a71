import type { AnyResourceEntry } from '../resource.ts'
import { certificateSigningRequests } from './certificate-signing-request.ts'

/** certificates.k8s.io. */
export const certificatesEntries: readonly AnyResourceEntry[] = [certificateSigningRequests]
