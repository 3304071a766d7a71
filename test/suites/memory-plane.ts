import { pino } from 'pino'
import type { AdmissionPlugin } from '../../src/admission/admission.ts'
import type { RequestAuditor } from '../../src/api/pipeline.ts'
import { accessReviews } from '../../src/api/virtual/subject-access-reviews.ts'
import type { Clock } from '../../src/apimachinery/clock.ts'
import type { UserInfo } from '../../src/apimachinery/user-info.ts'
import { alwaysAllowAuthorizer } from '../../src/auth/authz/always.ts'
import { clusterAdmission } from '../../src/cluster/admission-composition.ts'
import { type ControlPlane, type ControlPlaneParts, createControlPlane } from '../../src/cluster/control-plane.ts'
import { virtualHandlers } from '../../src/cluster/virtual-handlers.ts'
import { openMemoryStore } from '../../src/storage/memory-store.ts'

export type PluginsOf = (parts: ControlPlaneParts) => readonly AdmissionPlugin[]

interface MemoryPlaneOptions {
  /** Who everybody is that comes by HTTP. Default: nobody. */
  readonly user?: UserInfo
  /** Default: none. */
  readonly admission?: PluginsOf
  /** Default: the system's. */
  readonly clock?: Clock
  readonly auditor?: RequestAuditor | undefined
}

/** A control plane in this process on a store in memory, empty, without a socket; everybody may do everything. */
export async function memoryPlane(options: MemoryPlaneOptions = {}): Promise<ControlPlane> {
  const { user, admission = () => [], clock, auditor } = options
  return createControlPlane({
    store: await openMemoryStore(),
    sharedStore: false,
    keyPrefix: '/registry',
    ...(clock ? { clock } : {}),
    logger: pino({ level: 'silent' }),
    config: {
      allowPrivileged: true,
      serviceClusterIpRanges: ['10.0.0.0/24'],
      serviceNodePortRange: { first: 30_000, last: 32_767 },
      eventTtlSeconds: 3600,
      featureGates: {},
    },
    authenticator: () => ({ name: 'test', authenticate: () => user && { user } }),
    authorizer: () => alwaysAllowAuthorizer,
    impersonate: () => () => undefined,
    auditor,
    admission,
    virtual: (parts) =>
      new Map([...virtualHandlers(parts.registry, parts.clock), ...accessReviews(alwaysAllowAuthorizer)]),
    paths: () => [],
  })
}

/** The plugins that a server runs when it is not told otherwise. */
export const defaultAdmission: PluginsOf = (parts) =>
  clusterAdmission({ enable: [], disable: [], configurations: new Map() }, parts, alwaysAllowAuthorizer)
