import { goQuote } from '../go-quote.ts'
import { isJsonObject } from '../kube-object.ts'
import { goFormat, goTypeName } from '../patch/go-format.ts'
import type { ScalarNode, ScalarType, SchemaNode } from '../schema/schema-node.ts'
import { type PathElement, printPathElement } from './path-element.ts'
import { associativeList, itemElement, itemNode, memberNode, shapeOf, TypedValueError } from './typed-value.ts'

interface Problem {
  readonly path: string
  readonly message: string
}

export interface ValidateOptions {
  /** Lists may hold several items with one key: live objects may, applied ones may not. */
  readonly allowDuplicates: boolean
}

/**
 * Checks that a value fits its schema.
 *
 * @throws {TypedValueError} with upstream's message
 * @see structured-merge-diff typed/validate.go
 */
export function validateTyped(node: SchemaNode, value: unknown, options: ValidateOptions): void {
  const problems: Problem[] = []
  validate(node, value, '', { problems, ...options })
  if (problems.length === 0) return
  const lines = problems.map(({ path, message }) => (path === '' ? message : `${path}: ${message}`))
  throw new TypedValueError(lines.length === 1 ? lines[0]! : ['errors:', ...lines.map((l) => `  ${l}`)].join('\n'))
}

interface Context extends ValidateOptions {
  readonly problems: Problem[]
}

function validate(node: SchemaNode, value: unknown, path: string, context: Context): void {
  switch (shapeOf(node, value)) {
    case 'map':
      validateMap(node, value, path, context)
      break
    case 'list':
      validateList(node, value, path, context)
      break
    default:
      if (node.kind === 'scalar') validateScalar(node, value, path, context)
  }
}

function validateMap(node: SchemaNode, value: unknown, path: string, context: Context): void {
  if (value === null || value === undefined) return
  if (!isJsonObject(value)) {
    context.problems.push({ path, message: `expected map, got &{${goFormat(value)}}` })
    return
  }
  for (const key of Object.keys(value)) {
    const child = memberNode(node, key)
    if (!child) {
      context.problems.push({ path: `${path}.${key}`, message: 'field not declared in schema' })
      return
    }
    validate(child, value[key], `${path}.${key}`, context)
  }
}

function validateList(node: SchemaNode, value: unknown, path: string, context: Context): void {
  if (value === null || value === undefined) return
  if (!Array.isArray(value)) {
    context.problems.push({ path, message: `expected list, got &{${goFormat(value)}}` })
    return
  }
  const list = associativeList(node)
  const seen = new Set<PathElement>()
  for (const [i, item] of value.entries()) {
    let step = `[${i}]`
    if (list) {
      const element = elementOf(() => itemElement(list, item, { zeros: false }))
      if (element instanceof TypedValueError) {
        context.problems.push({ path, message: `element ${i}: ${element.message}` })
        return
      }
      step = printPathElement(element)
      if (seen.has(element) && !context.allowDuplicates) {
        context.problems.push({ path, message: `duplicate entries for key ${step}` })
      }
      seen.add(element)
    }
    validate(itemNode(node), item, path + step, context)
  }
}

function elementOf(find: () => PathElement): PathElement | TypedValueError {
  try {
    return find()
  } catch (error) {
    if (error instanceof TypedValueError) return error
    throw error
  }
}

type Expected = 'string' | 'numeric' | 'boolean' | 'untyped'

const EXPECTED: Readonly<Record<ScalarType, Expected>> = {
  string: 'string',
  bytes: 'string',
  duration: 'string',
  int32: 'numeric',
  int64: 'numeric',
  float64: 'numeric',
  bool: 'boolean',
  quantity: 'untyped',
  'int-or-string': 'untyped',
  time: 'untyped',
  'micro-time': 'untyped',
}

function validateScalar(node: ScalarNode, value: unknown, path: string, { problems }: Context): void {
  if (value === null || value === undefined) return
  const type = typeof value
  switch (EXPECTED[node.type]) {
    case 'string':
      if (type === 'string') return
      problems.push({ path, message: `expected string, got &value.valueUnstructured{Value:${goSyntax(value)}}` })
      break
    case 'numeric':
      if (type === 'number') return
      problems.push({ path, message: `expected numeric (int or float), got ${goTypeName(value)}` })
      break
    case 'boolean':
      if (type === 'boolean') return
      problems.push({ path, message: `expected boolean, got &{${goFormat(value)}}` })
      break
    default:
      if (type !== 'object') return
      problems.push({ path, message: `expected any scalar, got &{${goFormat(value)}}` })
  }
}

/** A decoded JSON value as Go's `%#v` prints it. */
function goSyntax(value: unknown): string {
  if (value === null || value === undefined) return 'interface {}(nil)'
  if (typeof value === 'string') return goQuote(value)
  if (Array.isArray(value)) return `[]interface {}{${value.map(goSyntax).join(', ')}}`
  if (isJsonObject(value)) {
    const members = Object.keys(value).sort()
    return `map[string]interface {}{${members.map((k) => `${goQuote(k)}:${goSyntax(value[k])}`).join(', ')}}`
  }
  return goFormat(value)
}
