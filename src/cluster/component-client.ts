import type { Client } from '../controllers/runtime/client.ts'
import type { ControlPlane } from './control-plane.ts'
import { InProcessClient, type InProcessClientOptions } from './in-process-client.ts'

/** A part of the control plane, or a user, that works in the server's process. */
export interface Component {
  readonly user: string
  readonly groups?: readonly string[]
  /** Name of the program, as it owns the fields that it writes: `kube-scheduler`. */
  readonly program: string
}

export const CONTROLLER_MANAGER: Component = {
  user: 'system:kube-controller-manager',
  groups: ['system:authenticated'],
  program: 'kube-controller-manager',
}
export const SCHEDULER: Component = {
  user: 'system:kube-scheduler',
  groups: ['system:authenticated'],
  program: 'kube-scheduler',
}

/** A client of the API server in this process. */
export function componentClient(plane: ControlPlane, component: Component): Client {
  return new InProcessClient(componentClientOptions(plane, component))
}

export function componentClientOptions(
  { catalog, services, recorder }: ControlPlane,
  { user, groups = [], program }: Component,
): InProcessClientOptions {
  return {
    catalog,
    services,
    recorder,
    user: { name: user, uid: '', groups, extra: {} },
    userAgent: `${program}/v1.36.2`,
  }
}
