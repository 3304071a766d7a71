import type { KubeObject } from '../apimachinery/kube-object.ts'
import type { ClusterRole, Role, RoleBinding } from '../apimachinery/types/rbac-v1.ts'
import { RbacPolicy } from '../auth/authz/rbac/rbac-policy.ts'
import type { Registry } from '../registry/generic/registry.ts'
import { ObjectFollower, type ObjectListener, tracking } from './object-follower.ts'

const GROUP = 'rbac.authorization.k8s.io'

/** The RBAC objects of a registry as a policy that is never behind a write that has been acknowledged. */
export class RbacSource {
  readonly #policy = new RbacPolicy()
  #followers: readonly ObjectFollower[] = []

  /** Begins to follow; until then the policy is empty. */
  async start(registry: Registry): Promise<void> {
    const follow = (resource: string, listener: ObjectListener): Promise<ObjectFollower> =>
      ObjectFollower.start(registry.backing(GROUP, resource)!.cache, listener)
    this.#followers = await Promise.all([
      follow('clusterroles', this.#roles()),
      follow('roles', this.#roles()),
      follow('clusterrolebindings', this.#bindings()),
      follow('rolebindings', this.#bindings()),
    ])
  }

  /** The policy, up to date. */
  readonly policy = (): RbacPolicy => {
    for (const follower of this.#followers) follower.sync()
    return this.#policy
  }

  #roles(): ObjectListener {
    return tracking({
      set: (object) => this.#policy.setRole(...keyOf(object), (object as unknown as Role | ClusterRole).rules ?? []),
      remove: (object) => this.#policy.removeRole(...keyOf(object)),
    })
  }

  #bindings(): ObjectListener {
    return tracking({
      set: (object) => {
        const [namespace, name] = keyOf(object)
        const { roleRef, subjects = [] } = object as unknown as RoleBinding
        this.#policy.setBinding({ namespace, name, roleRef, subjects })
      },
      remove: (object) => this.#policy.removeBinding(...keyOf(object)),
    })
  }
}

const keyOf = ({ metadata }: KubeObject): [namespace: string, name: string] => [
  metadata.namespace ?? '',
  metadata.name ?? '',
]
