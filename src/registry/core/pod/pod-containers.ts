import type { FieldPath } from '../../../apimachinery/field-path.ts'
import type { Container, EphemeralContainer, PodSpec } from '../../../apimachinery/types/core-v1.ts'

/** What containers of all three lists have. */
export type AnyContainer = Container | EphemeralContainer

/** Init containers, containers and ephemeral containers, in this order: the order in which upstream visits them. */
export function* allContainers(spec: PodSpec): Generator<AnyContainer, void> {
  if (spec.initContainers) yield* spec.initContainers
  if (spec.containers) yield* spec.containers
  if (spec.ephemeralContainers) yield* spec.ephemeralContainers
}

/** {@link allContainers} with the path of each. */
export function visitContainersWithPath(
  spec: PodSpec,
  path: FieldPath,
  visit: (container: AnyContainer, path: FieldPath) => void,
): void {
  const walk = (name: string, containers: readonly AnyContainer[] | undefined): void => {
    if (!containers?.length) return
    const list = path.child(name)
    for (const [i, container] of containers.entries()) visit(container, list.index(i))
  }
  walk('initContainers', spec.initContainers)
  walk('containers', spec.containers)
  walk('ephemeralContainers', spec.ephemeralContainers)
}

/** An init container that runs beside the others for the pod's whole life (a sidecar). */
export function isRestartableInitContainer(container: Container | undefined): boolean {
  return container?.restartPolicy === 'Always'
}
