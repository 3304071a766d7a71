import { goQuote } from '../go-quote.ts'
import { isJsonObject } from '../kube-object.ts'
import { goFormat, goTypeName } from '../patch/go-format.ts'
import type { ScalarNode, ScalarType, SchemaNode } from '../schema/schema-node.ts'
import { fieldElement, type PathElement, printPath, printPathElement } from './path-element.ts'
import { associativeList, itemElement, itemNode, memberNode, shapeOf, TypedValueError } from './typed-value.ts'

interface Problem {
  readonly path: string
  readonly message: string
}

interface ValidateOptions {
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
  validate(node, value, { problems, path: [], ...options })
  if (problems.length === 0) return
  const lines = problems.map(({ path, message }) => (path === '' ? message : `${path}: ${message}`))
  throw new TypedValueError(lines.length === 1 ? lines[0]! : ['errors:', ...lines.map((l) => `  ${l}`)].join('\n'))
}

interface Context extends ValidateOptions {
  readonly problems: Problem[]
  /** Where the walk stands. */
  readonly path: PathElement[]
}

function report({ problems, path }: Context, message: string): void {
  problems.push({ path: printPath(path), message })
}

function validate(node: SchemaNode, value: unknown, context: Context): void {
  switch (shapeOf(node, value)) {
    case 'map':
      validateMap(node, value, context)
      break
    case 'list':
      validateList(node, value, context)
      break
    default:
      if (node.kind === 'scalar') validateScalar(node, value, context)
  }
}

function validateMap(node: SchemaNode, value: unknown, context: Context): void {
  if (value === null || value === undefined) return
  if (!isJsonObject(value)) {
    report(context, `expected map, got &{${goFormat(value)}}`)
    return
  }
  for (const key of Object.keys(value)) {
    const child = memberNode(node, key)
    context.path.push(fieldElement(key))
    if (child) validate(child, value[key], context)
    else report(context, 'field not declared in schema')
    context.path.pop()
    if (!child) return
  }
}

function validateList(node: SchemaNode, value: unknown, context: Context): void {
  if (value === null || value === undefined) return
  if (!Array.isArray(value)) {
    report(context, `expected list, got &{${goFormat(value)}}`)
    return
  }
  const list = associativeList(node)
  const seen = new Set<PathElement>()
  for (const [i, item] of value.entries()) {
    let step: PathElement = `i:${i}`
    if (list) {
      const element = elementOf(() => itemElement(list, item, { zeros: false }))
      if (element instanceof TypedValueError) {
        report(context, `element ${i}: ${element.message}`)
        return
      }
      step = element
      if (seen.has(step) && !context.allowDuplicates) {
        report(context, `duplicate entries for key ${printPathElement(step)}`)
      }
      seen.add(step)
    }
    context.path.push(step)
    validate(itemNode(node), item, context)
    context.path.pop()
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

function validateScalar(node: ScalarNode, value: unknown, context: Context): void {
  if (value === null || value === undefined) return
  const type = typeof value
  switch (EXPECTED[node.type]) {
    case 'string':
      if (type === 'string') return
      report(context, `expected string, got &value.valueUnstructured{Value:${goSyntax(value)}}`)
      break
    case 'numeric':
      if (type === 'number') return
      report(context, `expected numeric (int or float), got ${goTypeName(value)}`)
      break
    case 'boolean':
      if (type === 'boolean') return
      report(context, `expected boolean, got &{${goFormat(value)}}`)
      break
    default:
      if (type !== 'object') return
      report(context, `expected any scalar, got &{${goFormat(value)}}`)
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
