import type { ControlPlane } from '../control-plane.ts'
import { ensureApiServices } from './api-services.ts'
import { ensureFlowControl } from './flow-control.ts'
import { ensureKubernetesService } from './kubernetes-service.ts'
import { ensureRbac } from './rbac.ts'
import { ensureSystemNamespaces } from './system-namespaces.ts'

/** Where the Service of a server leads that has no port of its own, or any that is free. */
const DEFAULT_SECURE_PORT = 6443

/** Makes what every cluster has, before the first request is served. */
export async function bootstrap(
  { registry, catalog, serviceRepair }: ControlPlane,
  securePort = DEFAULT_SECURE_PORT,
): Promise<void> {
  await serviceRepair.run()
  await Promise.all([ensureSystemNamespaces(registry), ensureFlowControl(registry), ensureRbac(registry, catalog)])
  await Promise.all([ensureKubernetesService(registry, securePort), ensureApiServices(registry, catalog)])
}
