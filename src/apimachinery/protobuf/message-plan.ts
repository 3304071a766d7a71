import { type MessageField, messageFacts } from '../../../openapi/data.ts'

export type ProtoScalar = 'string' | 'int32' | 'int64' | 'bool' | 'bytes' | 'double'

/** Messages whose JSON is not an object of their fields. */
type SpecialMessage =
  | 'time'
  | 'micro-time'
  | 'duration'
  | 'quantity'
  | 'int-or-string'
  | 'raw'
  | 'schema-or-list'
  | 'schema-or-bool'
  | 'schema-or-strings'
  /** A list that is a message of its own because maps cannot hold lists (ExtraValue, Verbs). */
  | 'bare-list'

export interface MessageFieldPlan {
  readonly number: number
  /** Key in JSON; '' where the members of the field's message stand in the parent object. */
  readonly json: string
  readonly label: 'single' | 'repeated' | 'map'
  readonly scalar: ProtoScalar | undefined
  /** Plan of the message type; undefined for scalars. */
  readonly message: MessagePlan | undefined
}

const META = 'io.k8s.apimachinery.pkg.apis.meta.v1'
const EXTENSIONS = 'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1'

const SPECIAL: Readonly<Record<string, SpecialMessage>> = {
  [`${META}.Time`]: 'time',
  [`${META}.MicroTime`]: 'micro-time',
  [`${META}.Duration`]: 'duration',
  [`${META}.FieldsV1`]: 'raw',
  [`${META}.Verbs`]: 'bare-list',
  'io.k8s.apimachinery.pkg.api.resource.Quantity': 'quantity',
  'io.k8s.apimachinery.pkg.util.intstr.IntOrString': 'int-or-string',
  'io.k8s.apimachinery.pkg.runtime.RawExtension': 'raw',
  [`${EXTENSIONS}.JSON`]: 'raw',
  [`${EXTENSIONS}.JSONSchemaPropsOrArray`]: 'schema-or-list',
  [`${EXTENSIONS}.JSONSchemaPropsOrBool`]: 'schema-or-bool',
  [`${EXTENSIONS}.JSONSchemaPropsOrStringArray`]: 'schema-or-strings',
}

/** A message type as reading and writing follow it; its fields are compiled when they are first asked for. */
export class MessagePlan {
  readonly definition: string
  readonly special: SpecialMessage | undefined
  #fields: readonly MessageFieldPlan[] | undefined
  #byNumber: ReadonlyMap<number, MessageFieldPlan> | undefined
  #keys: ReadonlySet<string> | undefined

  constructor(definition: string) {
    this.definition = definition
    this.special = SPECIAL[definition] ?? (definition.endsWith('.ExtraValue') ? 'bare-list' : undefined)
  }

  get fields(): readonly MessageFieldPlan[] {
    this.#fields ??= (messageFacts()[this.definition] ?? []).map(compile)
    return this.#fields
  }

  get byNumber(): ReadonlyMap<number, MessageFieldPlan> {
    this.#byNumber ??= new Map(this.fields.map((field) => [field.number, field]))
    return this.#byNumber
  }

  /** JSON keys of the message's members, those of inlined messages included. */
  get keys(): ReadonlySet<string> {
    this.#keys ??= new Set(this.fields.flatMap((f) => (f.json === '' ? [...f.message!.keys] : [f.json])))
    return this.#keys
  }
}

const SCALARS: ReadonlySet<string> = new Set<ProtoScalar>(['string', 'int32', 'int64', 'bool', 'bytes', 'double'])

function compile([number, json, type, label]: MessageField): MessageFieldPlan {
  const scalar = SCALARS.has(type) ? (type as ProtoScalar) : undefined
  return {
    number,
    json,
    label: label === 'r' ? 'repeated' : label === 'm' ? 'map' : 'single',
    scalar,
    message: scalar ? undefined : messagePlan(type),
  }
}

const plans = new Map<string, MessagePlan>()

/** The plan of a definition's message, the same object every time. */
export function messagePlan(definition: string): MessagePlan {
  let plan = plans.get(definition)
  if (!plan) {
    plan = new MessagePlan(definition)
    plans.set(definition, plan)
  }
  return plan
}
