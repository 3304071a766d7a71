import type { JSONSchemaProps } from '../../apimachinery/types/apiextensions-v1.ts'
import { additionalSchema } from './json-schema.ts'

interface ResolvedPath {
  /** As errors print it: `spec.host`. */
  readonly text: string
  /** First name of the path. */
  readonly root: string
  /** Schema of what the path leads to; undefined where anything may be. */
  readonly schema: JSONSchemaProps | undefined
}

/** Why a text is no path into a schema. */
export class SchemaPathError extends Error {}

const ESCAPES: Readonly<Record<string, string>> = {
  a: '\u0007',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  "'": "'",
  '\\': '\\',
}

const NO_FIELD = 'does not refer to a valid field'
const ENDED = 'unexpected end of JSON path'

/**
 * Follows `.spec.host` or `.metadata['a.b']` into a schema. Throws a {@link SchemaPathError}.
 *
 * @see apiextensions-apiserver pkg/apiserver/schema/cel/validation.go ValidFieldPath
 */
export function resolveSchemaPath(
  path: string,
  root: JSONSchemaProps,
  { allowArrayNotation }: { readonly allowArrayNotation: boolean },
): ResolvedPath {
  const tokens = tokenize(path)
  let schema: JSONSchemaProps | undefined = root
  let text = ''
  let first = ''
  for (let i = 0; i < tokens.length; i++) {
    const isArray = tokens[i] === '['
    if (!isArray && tokens[i] !== '.') throw new SchemaPathError(`expected [ or . but got: ${tokens[i]}`)
    if (isArray && !allowArrayNotation) throw new SchemaPathError('array notation is not allowed')
    const token = tokens[++i]
    if (token === undefined) throw new SchemaPathError(ENDED)
    const name = isArray ? unquote(token) : token
    const step = stepInto(schema, name)
    text = step.isNamed ? (text === '' ? name : `${text}.${name}`) : `${text}[${name}]`
    first ||= name
    schema = step.schema
    if (!isArray) continue
    const close = tokens[++i]
    if (close === undefined) throw new SchemaPathError(ENDED)
    if (close !== ']') throw new SchemaPathError(`expected ] but got ${close}`)
  }
  return { text, root: first, schema }
}

function stepInto(
  schema: JSONSchemaProps | undefined,
  name: string,
): { readonly isNamed: boolean; readonly schema: JSONSchemaProps | undefined } {
  if (schema?.properties && Object.keys(schema.properties).length > 0) {
    if (!Object.hasOwn(schema.properties, name)) throw new SchemaPathError(NO_FIELD)
    return { isNamed: true, schema: schema.properties[name] }
  }
  if (schema?.additionalProperties === undefined) throw new SchemaPathError(NO_FIELD)
  return { isNamed: false, schema: additionalSchema(schema.additionalProperties) }
}

/** Dots, brackets, and what stands between them; a quoted text is one token. */
function tokenize(path: string): string[] {
  return path.match(/'(?:[^'\\]|\\[\s\S])*'|[.[\]]|[^.[\]']+[^.[\]]*|'[\s\S]*/g) ?? []
}

function unquote(token: string): string {
  if (token.length < 2 || !token.startsWith("'") || !token.endsWith("'")) {
    throw new SchemaPathError(`expected single quoted string but got ${token}`)
  }
  return token.slice(1, -1).replace(/\\([\s\S])/g, (_, char: string) => {
    const text = ESCAPES[char]
    if (text === undefined) throw new SchemaPathError(`invalid string literal: invalid escape char ${char}`)
    return text
  })
}
