import type { GroupVersionKind } from '../../apimachinery/group-version.ts'
import type { KubeObject } from '../../apimachinery/kube-object.ts'
import type { AdmissionAttributes } from '../admission.ts'
import type { ReviewedObjects } from './admission-review.ts'
import type { VersionedObjects } from './versioned-objects.ts'

/** The objects of a request in the versions that webhooks ask for, each turned into JSON once. */
export class ReviewedVersions {
  readonly #attributes: AdmissionAttributes
  readonly #versions: VersionedObjects
  readonly #texts = new Map<string, ReviewedObjects>()
  #isNormal = false

  constructor(attributes: AdmissionAttributes, versions: VersionedObjects) {
    this.#attributes = attributes
    this.#versions = versions
  }

  /** The new object as webhooks of this kind see it; undefined for a DELETE. Not to be written to. */
  object(kind: GroupVersionKind): KubeObject | undefined {
    const { object, resource } = this.#attributes
    if (!object) return undefined
    if (!this.#isNormal) {
      this.#versions.normalize(object, resource)
      this.#isNormal = true
    }
    return this.#versions.toVersion(object, resource, kind)
  }

  texts(kind: GroupVersionKind): ReviewedObjects {
    const key = `${kind.group}/${kind.version}/${kind.kind}`
    let texts = this.#texts.get(key)
    if (!texts) {
      const { oldObject, resource } = this.#attributes
      const object = this.object(kind)
      texts = {
        object: object ? JSON.stringify(object) : 'null',
        oldObject: oldObject ? JSON.stringify(this.#versions.toVersion(oldObject, resource, kind)) : 'null',
      }
      this.#texts.set(key, texts)
    }
    return texts
  }

  /** To be called once the new object has changed. */
  changed(): void {
    this.#texts.clear()
    this.#isNormal = false
  }
}
