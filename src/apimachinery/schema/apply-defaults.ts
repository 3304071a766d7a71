import { cloneJson } from '../clone.ts'
import { isJsonObject, type JsonObject } from '../kube-object.ts'
import { setMember } from './json-text.ts'
import type { SchemaNode } from './schema-node.ts'

/**
 * Fills in the schema's defaults, in place: for fields that are not there, at any depth, also inside of values that
 * are themselves defaults. Each default is copied. For custom resources; defaults of built-in kinds are code.
 *
 * @see apiextensions-apiserver pkg/apiserver/schema/defaulting/algorithm.go
 */
export function applySchemaDefaults(value: unknown, node: SchemaNode): void {
  switch (node.kind) {
    case 'struct':
      if (!isJsonObject(value)) return
      for (const field of node.fields.values()) {
        if (field.default !== undefined && value[field.name] === undefined) {
          setMember(value, field.name, cloneJson(field.default))
        }
        if (Object.hasOwn(value, field.name)) applySchemaDefaults(value[field.name], field.node)
      }
      return
    case 'list':
      if (Array.isArray(value)) for (const item of value) applySchemaDefaults(item, node.item)
      return
    case 'map':
      if (isJsonObject(value))
        for (const item of Object.values(value as JsonObject)) applySchemaDefaults(item, node.value)
  }
}
