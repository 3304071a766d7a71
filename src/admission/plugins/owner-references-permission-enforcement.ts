import { apiVersionOf, parseApiVersion } from '../../apimachinery/group-version.ts'
import type { KubeObject } from '../../apimachinery/kube-object.ts'
import { semanticEqual } from '../../apimachinery/semantic-equal.ts'
import type { OwnerReference } from '../../apimachinery/types/meta-v1.ts'
import type { UserInfo } from '../../apimachinery/user-info.ts'
import type { AuthorizationAttributes } from '../../auth/authz/authorizer.ts'
import type { AdmissionAttributes, AdmissionPlugin } from '../admission.ts'
import type { AdmissionDependencies } from '../admission-dependencies.ts'
import { refused } from '../refusal.ts'

type Needs = Pick<AdmissionDependencies, 'authorizer' | 'resourceOf'>

/**
 * Who changes the owners of an object must have the right to delete it, and who lets it block the deletion of an owner
 * the right to the owner's finalizers.
 *
 * @see kubernetes plugin/pkg/admission/gc/gc_admission.go
 */
export class OwnerReferencesPermissionEnforcement implements AdmissionPlugin {
  readonly name = 'OwnerReferencesPermissionEnforcement'
  readonly #needs: Needs

  constructor(needs: Needs) {
    this.#needs = needs
  }

  handles(operation: string): boolean {
    return operation === 'CREATE' || operation === 'UPDATE'
  }

  async validate(attributes: AdmissionAttributes): Promise<void> {
    const { resource, subresource, operation, object, oldObject, user } = attributes
    // Old kubelets garble the owners of pods through their status, which can't change them anyway.
    if (resource.group === '' && resource.resource === 'pods' && subresource === 'status') return
    if (!user || !changesOwners(object, oldObject)) return
    if (operation !== 'CREATE') await this.#checkDelete(attributes, user)
    const blocking = newlyBlocking(object, oldObject)
    if (blocking.length === 0 || (await this.#mayFinalizeAnything(user))) return
    for (const reference of blocking) await this.#checkFinalizers(attributes, user, reference)
  }

  async #checkDelete(attributes: AdmissionAttributes, user: UserInfo): Promise<void> {
    const { resource, subresource, namespace, name } = attributes
    const refusal = await this.#refusalOf({
      user,
      verb: 'delete',
      namespace,
      apiGroup: resource.group,
      apiVersion: resource.version,
      resource: resource.resource,
      subresource,
      name,
    })
    if (refusal === undefined) return
    throw refused(attributes, `cannot set an ownerRef on a resource you can't delete: ${refusal}`)
  }

  async #mayFinalizeAnything(user: UserInfo): Promise<boolean> {
    const all = { apiGroup: '*', apiVersion: '*', resource: '*', name: '*' }
    const refusal = await this.#refusalOf({ user, verb: 'update', namespace: '', subresource: 'finalizers', ...all })
    return refusal === undefined
  }

  async #checkFinalizers(attributes: AdmissionAttributes, user: UserInfo, owner: OwnerReference): Promise<void> {
    const { apiVersion, kind, name } = owner
    const version = parseApiVersion(apiVersion)
    const served = version && this.#needs.resourceOf({ ...version, kind })
    if (!served) {
      const problem = version
        ? `no matches for kind "${kind}" in version "${apiVersionOf(version)}"`
        : `unexpected GroupVersion string: ${apiVersion}`
      const why = `cannot set blockOwnerDeletion in this case because cannot find RESTMapping for APIVersion ${apiVersion} Kind ${kind}: ${problem}`
      throw refused(attributes, why)
    }
    const refusal = await this.#refusalOf({
      user,
      verb: 'update',
      // An owner in a namespace is in that of its dependents.
      namespace: served.namespaced ? attributes.namespace : '',
      apiGroup: served.group,
      apiVersion: served.version,
      resource: served.resource,
      subresource: 'finalizers',
      name,
    })
    if (refusal === undefined) return
    const why = `cannot set blockOwnerDeletion if an ownerReference refers to a resource you can't set finalizers on: ${refusal}`
    throw refused(attributes, why)
  }

  /** Undefined where it is allowed; else the reason and the failure, as upstream prints them. */
  async #refusalOf(
    asked: Omit<AuthorizationAttributes, 'isResourceRequest' | 'path' | 'fieldSelector' | 'labelSelector'>,
  ): Promise<string | undefined> {
    const rest = { isResourceRequest: true, path: '', fieldSelector: '', labelSelector: '' }
    const { decision, reason, error } = await this.#needs.authorizer.authorize({ ...asked, ...rest })
    return decision === 'allow' ? undefined : `${reason}, ${error ?? '<nil>'}`
  }
}

const ownersOf = (object: KubeObject | undefined): readonly OwnerReference[] => object?.metadata?.ownerReferences ?? []

function changesOwners(object: KubeObject | undefined, old: KubeObject | undefined): boolean {
  const owners = ownersOf(object)
  const before = ownersOf(old)
  return owners.length !== before.length || owners.some((owner, i) => !semanticEqual(owner, before[i]))
}

/** References that block the deletion of their owner and did not before. */
function newlyBlocking(object: KubeObject | undefined, old: KubeObject | undefined): OwnerReference[] {
  const before = new Map(ownersOf(old).map((owner) => [owner.uid, owner]))
  return ownersOf(object).filter((o) => o.blockOwnerDeletion && !before.get(o.uid)?.blockOwnerDeletion)
}
