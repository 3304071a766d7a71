import { notAcceptable } from '../../apimachinery/api-error.ts'

export type Format = 'json' | 'yaml' | 'protobuf'

/** What a media type asks the object to be turned into before it is written. */
export interface Conversion {
  readonly kind: 'Table' | 'PartialObjectMetadata' | 'PartialObjectMetadataList'
  /** Version of meta.k8s.io: v1 or v1beta1. */
  readonly version: string
}

/** How an answer is to be written. */
export interface OutputFormat {
  readonly format: Format
  readonly convert: Conversion | undefined
  readonly pretty: boolean
}

interface MediaType {
  readonly format: Format
  readonly type: string
  readonly subType: string
  readonly streams: boolean
}

const MEDIA_TYPES: readonly MediaType[] = [
  { format: 'json', type: 'application', subType: 'json', streams: true },
  { format: 'yaml', type: 'application', subType: 'yaml', streams: false },
  { format: 'protobuf', type: 'application', subType: 'vnd.kubernetes.protobuf', streams: true },
]

/** Types that objects come in, as messages list them. */
export const MEDIA_TYPE_NAMES: readonly string[] = MEDIA_TYPES.map((m) => `${m.type}/${m.subType}`)

const STREAM_MEDIA_TYPES: readonly string[] = MEDIA_TYPES.filter((m) => m.streams).map(
  (m) => `${m.type}/${m.subType};stream=watch`,
)

export const CONTENT_TYPES: Readonly<Record<Format, string>> = {
  json: 'application/json',
  yaml: 'application/yaml',
  protobuf: 'application/vnd.kubernetes.protobuf',
}

/** Content types of a watch stream; YAML has none. */
export const STREAM_CONTENT_TYPES: Readonly<Record<'json' | 'protobuf', string>> = {
  json: 'application/json',
  protobuf: 'application/vnd.kubernetes.protobuf;stream=watch',
}

export interface NegotiationOptions {
  /** The answer is a list or a watch: its stream types show in messages. */
  readonly list?: boolean
  /** The answer is a watch stream, which YAML cannot be. */
  readonly stream?: boolean
  /** Kinds other than what is served: tables exist for it. */
  readonly convertible?: boolean
  /** The path has no route that offers types of its own, so that wildcards count (`/apis`). */
  readonly unrouted?: boolean
  /** `application/vnd.kubernetes.protobuf` is not served (custom resources). */
  readonly withoutProtobuf?: boolean
}

interface Clause {
  readonly type: string
  readonly subType: string
  readonly q: number
  readonly params: ReadonlyMap<string, string>
}

const DEFAULT_OUTPUT: OutputFormat = { format: 'json', convert: undefined, pretty: false }

/** Chosen formats by Accept header: clients send the same few over and over. */
const remembered = new Map<string, OutputFormat>()
const MAX_REMEMBERED = 256

/**
 * Chooses the representation of the answer, as upstream does in two steps: the route must offer one of the types
 * (406 in go-restful's words), then the first acceptable clause that can be honoured wins.
 *
 * @see apiserver pkg/endpoints/handlers/negotiation/negotiate.go
 */
export function negotiateOutput(accept: string | undefined, options: NegotiationOptions): OutputFormat {
  if (accept === undefined || accept === '' || accept === '*/*' || accept === 'application/json') return DEFAULT_OUTPUT
  const key = `${options.list ? 'l' : ''}${options.stream ? 's' : ''}${options.convertible === false ? 'c' : ''}${options.unrouted ? 'u' : ''}${options.withoutProtobuf ? 'p' : ''} ${accept}`
  const known = remembered.get(key)
  if (known) return known
  const chosen = negotiate(accept, options)
  if (remembered.size >= MAX_REMEMBERED) remembered.clear()
  remembered.set(key, chosen)
  return chosen
}

function negotiate(accept: string, options: NegotiationOptions): OutputFormat {
  const offered = MEDIA_TYPES.filter((m) => !(options.withoutProtobuf && m.format === 'protobuf'))
  const names = offered.map((m) => `${m.type}/${m.subType}`)
  if (!options.unrouted && !routeAccepts(accept, names)) {
    throw routeNotAcceptable(options.list ? [...names, ...STREAM_MEDIA_TYPES] : names)
  }
  const chosen = firstAcceptable(accept, offered, options)
  if (!chosen) throw acceptedOnly(options.stream ? STREAM_MEDIA_TYPES : names)
  return chosen
}

function firstAcceptable(
  accept: string,
  offered: readonly MediaType[],
  options: NegotiationOptions,
): OutputFormat | undefined {
  for (const clause of parseAccept(accept)) {
    for (const mediaType of offered) {
      const output = matches(clause, mediaType) ? outputOf(clause, mediaType, options) : undefined
      if (output) return output
    }
  }
  return undefined
}

/** The format in which aggregated discovery (v2) is asked for first; it has no protobuf form here. */
export function negotiateDiscovery(accept: string | undefined): Format | undefined {
  if (!accept?.includes('APIGroupDiscoveryList')) return undefined
  for (const clause of parseAccept(accept)) {
    const { params } = clause
    const wants = params.get('as') === 'APIGroupDiscoveryList' && params.get('v') === 'v2'
    if (!wants || params.get('g') !== 'apidiscovery.k8s.io' || params.get('sv')) continue
    const mediaType = MEDIA_TYPES.find((m) => m.format !== 'protobuf' && matches(clause, m))
    if (mediaType) return mediaType.format
  }
  return undefined
}

/** What a route demands that has one answer only. Errors: 406. */
export function requireAccepted(accept: string | undefined, contentType: string): void {
  if (accept !== undefined && accept !== '' && !routeAccepts(accept, [contentType])) {
    throw routeNotAcceptable([contentType])
  }
}

/** How a Status is to be written, which nothing else can be made of; undefined where no clause will do. */
export function negotiateStatus(accept: string | undefined): OutputFormat | undefined {
  if (accept === undefined || accept === '' || accept === '*/*' || accept === 'application/json') return DEFAULT_OUTPUT
  return firstAcceptable(accept, MEDIA_TYPES, { convertible: false })
}

/** 406 as the handler words it. */
export function acceptedOnly(mediaTypes: readonly string[]): Error {
  return notAcceptable(`only the following media types are accepted: ${mediaTypes.join(', ')}`)
}

/** 406 of a stream for a format that has none. */
export function streamNotAcceptable(): Error {
  return acceptedOnly(STREAM_MEDIA_TYPES)
}

/** 406 as go-restful words it, where the route offers none of the types. */
function routeNotAcceptable(available: readonly string[]): Error {
  return notAcceptable(`406: Not Acceptable\n\nAvailable representations: ${available.join(', ')}`, {})
}

function routeAccepts(accept: string, names: readonly string[]): boolean {
  return accept.split(',').some((part) => {
    const name = part.split(';')[0]!.trim()
    return name === '*/*' || names.includes(name)
  })
}

function matches(clause: Clause, mediaType: MediaType): boolean {
  if (clause.type === '*' && clause.subType === '*') return true
  return clause.type === mediaType.type && (clause.subType === mediaType.subType || clause.subType === '*')
}

function outputOf(clause: Clause, mediaType: MediaType, options: NegotiationOptions): OutputFormat | undefined {
  const { params } = clause
  const stream = params.get('stream')
  if (stream && (!mediaType.streams || stream !== 'watch')) return undefined
  const sv = params.get('sv')
  if (sv && (sv !== 'v1' || options.convertible === false)) return undefined
  if (!params.has('as') && !params.has('g') && !params.has('v')) {
    return { format: mediaType.format, convert: undefined, pretty: params.get('pretty') === '1' }
  }
  const convert = conversionOf(params, mediaType)
  if (!convert || options.convertible === false) return undefined
  return { format: mediaType.format, convert, pretty: params.get('pretty') === '1' }
}

function conversionOf(params: ReadonlyMap<string, string>, mediaType: MediaType): Conversion | undefined {
  const kind = params.get('as') ?? ''
  const version = params.get('v') ?? ''
  if (params.get('g') !== 'meta.k8s.io' || (version !== 'v1' && version !== 'v1beta1')) return undefined
  if (kind === 'Table') return mediaType.format === 'protobuf' ? undefined : { kind, version }
  return kind === 'PartialObjectMetadata' || kind === 'PartialObjectMetadataList' ? { kind, version } : undefined
}

/** Clauses in the order of preference (github.com/munnerz/goautoneg). */
function parseAccept(header: string): Clause[] {
  const clauses: Clause[] = []
  for (const part of header.split(',')) {
    const clause = parseClause(part.trim())
    if (clause) clauses.push(clause)
  }
  // Insertion sort with goautoneg's order, which is not a total one: the steps decide.
  for (let i = 1; i < clauses.length; i++) {
    for (let j = i; j > 0 && isPreferred(clauses[j]!, clauses[j - 1]!); j--) {
      ;[clauses[j], clauses[j - 1]] = [clauses[j - 1]!, clauses[j]!]
    }
  }
  return clauses
}

function isPreferred(a: Clause, b: Clause): boolean {
  if (a.q > b.q) return true
  if (a.type !== '*' && b.type === '*') return true
  return a.subType !== '*' && b.subType === '*'
}

function parseClause(text: string): Clause | undefined {
  const [mediaRange, ...rest] = text.split(';')
  const slash = mediaRange!.split('/')
  let type = slash[0]!.trim()
  let subType = slash[1]?.trim() ?? ''
  if (slash.length === 1 && type === '*') subType = '*'
  else if (slash.length !== 2) return undefined
  if (type === '') type = '*'
  let q = 1
  const params = new Map<string, string>()
  for (const param of rest) {
    const pair = param.split('=')
    if (pair.length !== 2) continue
    const name = pair[0]!.trim()
    if (name === 'q') q = Number.parseFloat(pair[1]!) || 0
    else params.set(name, pair[1]!.trim())
  }
  return { type, subType, q, params }
}
