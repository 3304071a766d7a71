import type { Registry } from '../../registry/generic/registry.ts'
import { ensureInitialObject } from './ensure.ts'

const NAMESPACES = ['kube-system', 'kube-public', 'kube-node-lease', 'default'] as const

/** The namespaces that every cluster has (systemnamespaces_controller.go). */
export async function ensureSystemNamespaces(registry: Registry): Promise<void> {
  await Promise.all(
    NAMESPACES.map((name) =>
      ensureInitialObject(registry, '', 'namespaces', {
        kind: 'Namespace',
        apiVersion: 'v1',
        metadata: { name, labels: { 'kubernetes.io/metadata.name': name } },
      }),
    ),
  )
}
