import { isAlreadyExists } from '../../apimachinery/api-error.ts'
import type { KubeObject } from '../../apimachinery/kube-object.ts'
import type { Namespace } from '../../apimachinery/types/core-v1.ts'
import type { ObjectKey, Typed } from '../runtime/client.ts'
import type { Controller } from '../runtime/controller.ts'
import { keyOf } from '../runtime/object-key.ts'
import { NAMESPACES, SERVICE_ACCOUNTS } from '../runtime/resources.ts'
import { isRefusedByNamespace } from './refused-by-namespace.ts'

const DEFAULT_NAME = 'default'

/**
 * Sees to it that every active namespace has its service account `default`.
 *
 * @see pkg/controller/serviceaccount/serviceaccounts_controller.go
 */
export const serviceAccountController: Controller<Typed<Namespace>> = {
  name: 'serviceaccount-controller',
  queueName: 'serviceaccount',
  serviceAccount: 'service-account-controller',
  for: NAMESPACES,
  watches: [{ resource: SERVICE_ACCOUNTS, enqueue: (object) => namespaceOf(object, DEFAULT_NAME) }],
  async reconcile({ name: namespace }, { cache, client }) {
    if (cache.get(NAMESPACES, { namespace: '', name: namespace })?.status?.phase !== 'Active') return
    if (cache.get(SERVICE_ACCOUNTS, { namespace, name: DEFAULT_NAME })) return
    const account = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: DEFAULT_NAME, namespace } }
    try {
      await client.create(SERVICE_ACCOUNTS, account)
    } catch (error) {
      if (!isAlreadyExists(error) && !isRefusedByNamespace(error)) throw error
    }
  },
}

/** The namespace of an object of one name; nothing for others. */
export function namespaceOf(object: KubeObject, name: string): readonly ObjectKey[] {
  const key = keyOf(object)
  return key.name === name ? [{ namespace: '', name: key.namespace }] : []
}
