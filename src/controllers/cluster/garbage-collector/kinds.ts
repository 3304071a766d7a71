import { parseApiVersion } from '../../../apimachinery/group-version.ts'
import type { ResourceRef } from '../../runtime/client.ts'

/** An owner of a kind that is not served, now at least. */
export class UnknownKindError extends Error {
  constructor(kind: string, apiVersion: string) {
    super(`unable to get REST mapping for ${apiVersion}/${kind}.`)
    this.name = 'UnknownKindError'
  }
}

/** The resource of each kind. An owner reference may name another served version of it: the preferred one is read. */
export class KindIndex {
  #byKind: ReadonlyMap<string, ResourceRef> = new Map()

  replace(resources: readonly ResourceRef[]): void {
    this.#byKind = new Map(resources.map((r) => [`${r.group}/${r.kind}`, r]))
  }

  /** @throws {UnknownKindError} */
  resourceOf(apiVersion: string, kind: string): ResourceRef {
    const parsed = parseApiVersion(apiVersion)
    const found = parsed && this.#byKind.get(`${parsed.group}/${kind}`)
    if (!found) throw new UnknownKindError(kind, apiVersion)
    return found
  }
}
