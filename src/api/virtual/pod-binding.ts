import { aggregateMessage, badRequest, notFound } from '../../apimachinery/api-error.ts'
import type { Clock } from '../../apimachinery/clock.ts'
import { fieldErrorMessage } from '../../apimachinery/field-error.ts'
import type { KubeObject } from '../../apimachinery/kube-object.ts'
import type { Binding, Pod } from '../../apimachinery/types/core-v1.ts'
import { validatePodBinding } from '../../registry/core/binding.ts'
import { bindPod, invalidBinding } from '../../registry/core/pod/pod-binding.ts'
import type { Registry } from '../../registry/generic/registry.ts'
import type { VirtualHandlers } from '../api-resource.ts'

const SUCCESS: KubeObject = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success' }

/**
 * Binds a pod to a node: `pods/binding`, and `bindings` where the pod is named in the body.
 *
 * @see kubernetes pkg/registry/core/pod/storage/storage.go BindingREST
 */
export function podBinding(registry: Registry, clock: Clock): VirtualHandlers {
  return {
    keepsSystemFields: true,
    async create(call, { name, body, dryRun, validate }) {
      const binding = body as unknown as Binding
      const podName = binding.metadata.name ?? ''
      if (name !== '' && name !== podName) throw badRequest('name in URL does not match name in Binding object')
      const errors = validatePodBinding(binding)
      if (errors.length > 0) throw invalidBinding(aggregateMessage(errors.map(fieldErrorMessage)))
      await validate()
      const { store, identity } = registry.backing('', 'pods')!
      const { uid, resourceVersion } = binding.metadata
      await store.update(call.context({ dryRun }), podName, {
        preconditions: { ...(uid ? { uid } : {}), ...(resourceVersion ? { resourceVersion } : {}) },
        strategy: { validateUpdate: () => [] },
        updatedObject: (existing) => {
          if (!existing) throw notFound(identity, podName)
          const pod = bindPod(existing as unknown as Pod, binding, { clock, config: registry.config })
          return pod as unknown as KubeObject
        },
      })
      return SUCCESS
    },
  }
}
