import type { KubeObject } from '../../apimachinery/kube-object.ts'
import { keyOf, keyText } from './object-key.ts'

/** Values under which an object is found. */
export type IndexValues = (object: KubeObject) => readonly string[]

/** Objects by the values of one index. */
class Index {
  readonly values: IndexValues
  readonly #objects = new Map<string, Map<string, KubeObject>>()

  constructor(values: IndexValues) {
    this.values = values
  }

  add(key: string, object: KubeObject): void {
    for (const value of this.values(object)) {
      const found = this.#objects.get(value)
      if (found) found.set(key, object)
      else this.#objects.set(value, new Map([[key, object]]))
    }
  }

  remove(key: string, object: KubeObject): void {
    for (const value of this.values(object)) {
      const found = this.#objects.get(value)
      if (found?.delete(key) && found.size === 0) this.#objects.delete(value)
    }
  }

  get(value: string): KubeObject[] {
    return [...(this.#objects.get(value)?.values() ?? [])]
  }
}

/** The objects of one resource by namespace, name and named indexes. */
export class ObjectIndex {
  readonly #namespaces = new Map<string, Map<string, KubeObject>>()
  readonly #indexes = new Map<string, Index>()
  #size = 0

  get size(): number {
    return this.#size
  }

  get(namespace: string, name: string): KubeObject | undefined {
    return this.#namespaces.get(namespace)?.get(name)
  }

  /** All of a namespace, or of all namespaces. */
  list(namespace?: string): KubeObject[] {
    if (namespace !== undefined) return [...(this.#namespaces.get(namespace)?.values() ?? [])]
    const all: KubeObject[] = []
    for (const objects of this.#namespaces.values()) for (const object of objects.values()) all.push(object)
    return all
  }

  /** Errors: throws where nobody asked for an index of that name. */
  byIndex(name: string, value: string): KubeObject[] {
    const index = this.#indexes.get(name)
    if (!index) throw new Error(`there is no index ${name}`)
    return index.get(value)
  }

  /** Adds an index, unless there is one of that name. */
  addIndex(name: string, values: IndexValues): void {
    if (this.#indexes.has(name)) return
    const index = new Index(values)
    for (const object of this.list()) index.add(keyText(keyOf(object)), object)
    this.#indexes.set(name, index)
  }

  /** Returns the state before. */
  set(object: KubeObject): KubeObject | undefined {
    const { namespace, name } = keyOf(object)
    let objects = this.#namespaces.get(namespace)
    if (!objects) {
      objects = new Map()
      this.#namespaces.set(namespace, objects)
    }
    const old = objects.get(name)
    objects.set(name, object)
    if (!old) this.#size++
    if (this.#indexes.size > 0) this.#reindex(namespace === '' ? name : `${namespace}/${name}`, old, object)
    return old
  }

  /** Returns the state before. */
  delete(namespace: string, name: string): KubeObject | undefined {
    const objects = this.#namespaces.get(namespace)
    const old = objects?.get(name)
    if (!objects || !old) return undefined
    objects.delete(name)
    this.#size--
    if (objects.size === 0) this.#namespaces.delete(namespace)
    this.#reindex(namespace === '' ? name : `${namespace}/${name}`, old, undefined)
    return old
  }

  #reindex(key: string, old: KubeObject | undefined, object: KubeObject | undefined): void {
    for (const index of this.#indexes.values()) {
      if (old) index.remove(key, old)
      if (object) index.add(key, object)
    }
  }
}
