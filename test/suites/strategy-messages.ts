import { systemClock } from '../../src/apimachinery/clock.ts'
import { cloneJson } from '../../src/apimachinery/clone.ts'
import { fieldErrorMessage } from '../../src/apimachinery/field-error.ts'
import { apiVersionOf } from '../../src/apimachinery/group-version.ts'
import type { JsonObject, KubeObject } from '../../src/apimachinery/kube-object.ts'
import { applyMergePatch } from '../../src/apimachinery/patch/merge-patch.ts'
import { typeOfKind } from '../../src/apimachinery/schema/builtin-types.ts'
import { decode } from '../../src/apimachinery/schema/decode.ts'
import { parseJsonExact } from '../../src/apimachinery/schema/json-text.ts'
import type { AnyResourceEntry, StrategyContext } from '../../src/registry/resource.ts'

/** Words of name checks that many kinds share, as a kube-apiserver prints them. */
export const SUBDOMAIN =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
export const LABEL =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
export const DNS1035 =
  "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')"
export const NAME_PART =
  "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"

const NOW = Date.parse('2026-01-01T00:00:00Z')

const CONTEXT: StrategyContext = {
  clock: { ...systemClock, now: () => NOW },
  config: {
    allowPrivileged: false,
    serviceClusterIpRanges: ['10.0.0.0/24'],
    serviceNodePortRange: { first: 30000, last: 32767 },
    eventTtlSeconds: 3600,
    featureGates: {},
  },
  namespace: 'ns',
  user: { name: 'alice', uid: 'a1', groups: ['staff'], extra: {} },
  newUid: () => 'u',
  warn: () => {},
}

/** Runs a kind's strategies on what its decoder and defaults make of JSON, without a store. */
export class StrategyMessages {
  readonly #entry: AnyResourceEntry
  readonly #kind: string
  readonly #isNamespaced: boolean

  constructor(entries: readonly AnyResourceEntry[], resource: string, kind: string, isNamespaced = false) {
    this.#entry = entries.find((entry) => entry.resource === resource)!
    this.#kind = kind
    this.#isNamespaced = isNamespaced
  }

  read(manifest: JsonObject): KubeObject {
    const { group, hubVersion: version, defaults } = this.#entry
    const json = applyMergePatch(
      { apiVersion: apiVersionOf({ group, version }), kind: this.#kind, metadata: { name: 'x' } },
      {},
    )
    Object.assign(json, manifest)
    const node = typeOfKind({ group, version, kind: this.#kind })
    const object = decode(parseJsonExact(Buffer.from(JSON.stringify(json))), node).object as KubeObject
    if (this.#isNamespaced) object.metadata.namespace = 'ns'
    defaults?.(object)
    return object
  }

  /** Object and messages of a create. */
  create(manifest: JsonObject): { readonly object: KubeObject; readonly errors: string[] } {
    const { strategy } = this.#entry
    const object = this.read(manifest)
    object.metadata.uid = 'u'
    strategy.prepareForCreate?.(object, CONTEXT)
    return { object, errors: strategy.validate(object, CONTEXT).map(fieldErrorMessage) }
  }

  createErrors(manifest: JsonObject): string[] {
    return this.create(manifest).errors
  }

  /** Object and messages of a merge patch over an object that was created. */
  update(manifest: JsonObject, patch: JsonObject, subresource = '') {
    return this.patch(this.create(manifest).object, patch, subresource)
  }

  patch(stored: KubeObject, patch: JsonObject, subresource = '') {
    const { strategy, subresourceStrategies } = this.#entry
    const old = cloneJson(stored)
    old.metadata.resourceVersion = '1'
    const object = this.read(applyMergePatch(cloneJson(old) as unknown as JsonObject, patch))
    const chosen = subresource === '' ? strategy : subresourceStrategies![subresource]!
    chosen.prepareForUpdate?.(object, old, CONTEXT)
    return { object, errors: chosen.validateUpdate(object, old, CONTEXT).map(fieldErrorMessage) }
  }
}
