import { equalJson } from '../../apimachinery/clone.ts'
import type { ConfigMap, Namespace } from '../../apimachinery/types/core-v1.ts'
import type { Typed } from '../runtime/client.ts'
import type { Controller } from '../runtime/controller.ts'
import { CONFIG_MAPS, NAMESPACES } from '../runtime/resources.ts'
import { isRefusedByNamespace } from './refused-by-namespace.ts'
import { namespaceOf } from './service-account-controller.ts'

const NAME = 'kube-root-ca.crt'
const ANNOTATION = 'kubernetes.io/description'
const DESCRIPTION =
  'Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes clusters.'

/**
 * Publishes the certificates that the API server is verified with, in PEM, as a ConfigMap of every namespace.
 *
 * @see pkg/controller/certificates/rootcacertpublisher/publisher.go
 */
export function rootCaPublisher(rootCa: string): Controller<Typed<Namespace>> {
  const data = { 'ca.crt': rootCa }
  return {
    name: 'root-ca-certificate-publisher-controller',
    queueName: 'root_ca_cert_publisher',
    serviceAccount: 'root-ca-cert-publisher',
    for: NAMESPACES,
    watches: [{ resource: CONFIG_MAPS, enqueue: (object) => namespaceOf(object, NAME) }],
    async reconcile({ name: namespace }, { cache, client }) {
      const active = cache.get(NAMESPACES, { namespace: '', name: namespace })
      if (!active || active.metadata.deletionTimestamp) return
      const current = cache.get(CONFIG_MAPS, { namespace, name: NAME })
      if (!current) {
        const metadata = { name: NAME, namespace, annotations: { [ANNOTATION]: DESCRIPTION } }
        await client.create(CONFIG_MAPS, { apiVersion: 'v1', kind: 'ConfigMap', metadata, data }).catch(refused)
        return
      }
      if (equalJson(current.data, data) && current.metadata.annotations?.[ANNOTATION]) return
      await client.update(CONFIG_MAPS, described(current, data))
    },
  }
}

function described(current: Typed<ConfigMap>, data: Record<string, string>): Typed<ConfigMap> {
  const annotations = { ...current.metadata.annotations, [ANNOTATION]: DESCRIPTION }
  return { ...current, metadata: { ...current.metadata, annotations }, data }
}

function refused(error: unknown): void {
  if (!isRefusedByNamespace(error)) throw error
}
