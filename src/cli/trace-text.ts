import type { AdmissionView, Step, TraceNode, TraceRecordView, WriteView } from '../api/trace/trace-record.ts'

interface TraceTextOptions {
  /** With escape sequences of a terminal. */
  readonly color: boolean
  /** The steps of every write, not only of what began. */
  readonly verbose: boolean
  /** Lines are cut off there; undefined: never. */
  readonly width?: number
}

/** Where a record stands that came later. */
interface TracePlace {
  /** What its tree began with. */
  readonly root: TraceRecordView
  /** What led to it. */
  readonly parent: TraceRecordView
  /** 1 for what followed from the root. */
  readonly depth: number
}

type Change = NonNullable<WriteView['changes']>[number]

/** Changes that a line tells of. */
const SHOWN_CHANGES = 3
/** Longest value that a line tells of. */
const BRIEF_VALUE = 48
/** Members that say when, not what. */
const UNTELLING = /(?:[Tt]ime(?:stamp)?|[Gg]eneration|Probe)$/
const LABEL_WIDTH = 20

const STEP_NAMES: Readonly<Record<Step, string>> = {
  authentication: 'authentication',
  flowControl: 'flow control',
  authorization: 'authorization',
  body: 'reading the body',
  decode: 'decoding',
  fieldManager: 'field manager',
  mutatingAdmission: 'mutating admission',
  validation: 'validation',
  validatingAdmission: 'validating admission',
  store: 'store',
  response: 'answer',
}

/** Prints traces as trees: a line per write, in the order in which one led to the other. */
export class TraceText {
  readonly #options: TraceTextOptions

  constructor(options: TraceTextOptions) {
    this.#options = options
  }

  /** The tree of one request, lines ended. */
  tree(root: TraceNode): string {
    const revisions = new Map<number, string>()
    collectRevisions(root, revisions)
    return this.#lines(root, root.record, revisions, '', '').map(this.#ended).join('')
  }

  /** A record that came after the tree was printed. */
  line(record: TraceRecordView, place: TracePlace | undefined): string {
    if (!place)
      return `\n${[this.#rootHead(record), ...this.#details(record).map((d) => `   ${d}`)].map(this.#ended).join('')}`
    const { root, parent, depth } = place
    const indent = '   '.repeat(depth)
    const offsetMs = Date.parse(record.time) - Date.parse(root.time)
    const because = this.#dim(`  ← ${revisionsOf(parent)}`)
    const details = this.#options.verbose ? this.#details(record).map((line) => `${indent}   ${line}`) : []
    return [`${indent}${this.#head(record, offsetMs, root)}${because}`, ...details].map(this.#ended).join('')
  }

  #lines(
    node: TraceNode,
    root: TraceRecordView,
    revisions: ReadonlyMap<number, string>,
    first: string,
    rest: string,
  ): string[] {
    const { record, children, alsoCaused = [], omitted = 0 } = node
    const isRoot = record === root
    const lines = [first + (isRoot ? this.#rootHead(record) : this.#head(record, node.offsetMs, root))]
    const tails = [
      ...(alsoCaused.length > 0 ? [`↪ ${listOf(alsoCaused.map((id) => revisions.get(id) ?? `request ${id}`))}`] : []),
      ...(omitted > 0 ? [`… ${omitted} more below`] : []),
    ]
    const parts = children.length + tails.length
    const stem = parts > 0 ? this.#dim('│  ') : '   '
    if (isRoot || this.#options.verbose) lines.push(...this.#details(record).map((line) => rest + stem + line))
    for (const [i, child] of children.entries()) {
      const isLast = i === parts - 1
      const branch = this.#dim(isLast ? '└─ ' : '├─ ')
      lines.push(...this.#lines(child, root, revisions, rest + branch, rest + (isLast ? '   ' : this.#dim('│  '))))
    }
    for (const [i, tail] of tails.entries()) {
      lines.push(rest + this.#dim(`${children.length + i === parts - 1 ? '└─' : '├─'} ${tail}`))
    }
    return lines
  }

  #rootHead(record: TraceRecordView): string {
    const time = record.time.slice(11, 23)
    return `${this.#bold(`${time}Z`)}  ${this.#what(record, undefined)}`
  }

  #head(record: TraceRecordView, offsetMs: number, root: TraceRecordView): string {
    const trigger = record.cause?.trigger ? ` (${record.cause.trigger})` : ''
    return `${this.#dim(`+${duration(offsetMs)}${trigger}`)}  ${this.#what(record, root)}`
  }

  /** Who did what to which object, and how that went. */
  #what(record: TraceRecordView, root: TraceRecordView | undefined): string {
    const who = this.#cyan(shortUser(record.user.name))
    const object = this.#bold(objectOf(record, root))
    const { code = 0 } = record
    if (code >= 400) {
      const why = `${code} ${record.reason ?? ''}${record.message ? `: ${record.message}` : ''}`
      return `${who} ${wordOf(record)} ${object}  ${this.#red(`✗ ${why}`)}`
    }
    const summary = summaryOf(record)
    const revision = record.writes.length === 0 ? '' : this.#dim(`  ${revisionsOf(record)}`)
    return `${who} ${wordOf(record)} ${object}${summary === '' ? '' : `  ${this.#green(summary)}`}${revision}`
  }

  #details(record: TraceRecordView): string[] {
    const { steps, admission = [], durationMs, code } = record
    const total = durationMs === undefined ? 'under way' : `${code} in ${duration(durationMs)}`
    const lines = [
      `${total} · ${record.userAgent.split(' ')[0] || 'unknown client'} · audit ${record.auditID || '-'} · trace ${record.traceID}`,
    ]
    for (const { name, durationMs: ms } of steps) {
      lines.push(`${STEP_NAMES[name].padEnd(LABEL_WIDTH)} ${duration(ms).padStart(8)}${this.#stepNote(name, record)}`)
      const phase = name === 'mutatingAdmission' ? 'mutating' : name === 'validatingAdmission' ? 'validating' : ''
      for (const plugin of admission) if (plugin.phase === phase) lines.push(...this.#plugin(plugin))
    }
    const shown = steps.map(({ name }) => name as string)
    const refused = admission.filter(({ phase }) => !shown.includes(`${phase}Admission`))
    for (const plugin of refused) lines.push(...this.#plugin(plugin))
    for (const { changes = [], changesCut } of record.writes) {
      for (const change of changes) lines.push(`  ${changeText(change)}`)
      if (changesCut) lines.push('  …')
    }
    return lines.map((line) => this.#dim(line))
  }

  #stepNote(step: Step, record: TraceRecordView): string {
    switch (step) {
      case 'authentication': {
        const { authenticatedBy, impersonatedBy, user } = record
        const by = authenticatedBy === undefined ? '' : `${authenticatedBy}: `
        const actor = impersonatedBy === undefined ? user.name : `${impersonatedBy} as ${user.name}`
        return `  ${by}${actor}${user.groups.length > 0 ? ` (${user.groups.join(', ')})` : ''}`
      }
      case 'authorization':
        return record.authorization ? `  ${record.authorization.reason ?? `allowed by ${record.authorization.by}`}` : ''
      case 'store': {
        const revisions = revisionsOf(record)
        return revisions === '' ? '' : `  ${revisions}`
      }
      default:
        return ''
    }
  }

  #plugin({ plugin, webhook, configuration, durationMs, refused, changes = [], changesCut }: AdmissionView): string[] {
    const name = webhook === undefined ? plugin : `${plugin}: ${webhook} of ${configuration}`
    return [
      `  ${name}  ${duration(durationMs)}${refused ? '  refused' : ''}`,
      ...changes.map((change) => `    ${changeText(change)}`),
      ...(changesCut ? ['    …'] : []),
    ]
  }

  readonly #ended = (line: string): string => {
    const { width } = this.#options
    return `${width === undefined ? line : cutVisible(line, width)}\n`
  }

  #paint(code: number, text: string): string {
    return this.#options.color ? `\u001b[${code}m${text}\u001b[${code < 3 ? 22 : 39}m` : text
  }

  #bold = (text: string): string => this.#paint(1, text)
  #dim = (text: string): string => this.#paint(2, text)
  #red = (text: string): string => this.#paint(31, text)
  #green = (text: string): string => this.#paint(32, text)
  #cyan = (text: string): string => this.#paint(36, text)
}

function collectRevisions({ record, children }: TraceNode, found: Map<number, string>): void {
  found.set(record.id, record.writes.length === 0 ? `request ${record.id}` : revisionsOf(record))
  for (const child of children) collectRevisions(child, found)
}

/** At most eight of a list. */
function listOf(texts: readonly string[]): string {
  return texts.length > 8 ? `${texts.slice(0, 8).join(', ')} and ${texts.length - 8} more` : texts.join(', ')
}

/** `deployment-controller` of `system:serviceaccount:kube-system:deployment-controller`. */
function shortUser(name: string): string {
  if (name === '') return 'nobody'
  const node = /^system:node:(.+)$/.exec(name)
  if (node) return `kubelet of ${node[1]}`
  return /^system:serviceaccount:kube-system:(.+)$/.exec(name)?.[1] ?? name.replace(/^system:(?=kube-)/, '')
}

const WORDS: Readonly<Record<string, string>> = {
  create: 'create',
  update: 'update',
  patch: 'patch',
  delete: 'delete',
  deletecollection: 'delete all',
}

/** What was done in a word; of what failed, what was wanted. */
function wordOf({ verb, subresource, writes, code = 0 }: TraceRecordView): string {
  if (code >= 400) return subresource === undefined ? WORDS[verb]! : `${WORDS[verb]} ${subresource} of`
  if (subresource === 'binding') return 'bound'
  if (subresource === 'eviction') return 'evicted'
  if (subresource === 'scale') return 'scaled'
  const marked = writes.some(({ changes = [] }) => changes.some(isDeletionMark))
  const last = writes.at(-1)?.action ?? 'updated'
  if (marked && last === 'updated') return 'marked for deletion'
  if (last === 'unchanged') return 'left as it is'
  return subresource === undefined ? last : `${last} ${subresource} of`
}

const isDeletionMark = ({ path, op }: Change): boolean => path === 'metadata.deletionTimestamp' && op === 'add'

function objectOf(record: TraceRecordView, root: TraceRecordView | undefined): string {
  const { writes, resource, name, namespace } = record
  const [first] = writes
  const place = first?.namespace ?? namespace
  const where = place !== undefined && place !== root?.namespace ? ` in ${place}` : ''
  if (!first) return `${resource}${name === undefined ? '' : `/${name}`}${where}`
  const total = writes.length + (record.moreWrites ?? 0)
  const names = new Set(writes.map((w) => w.uid))
  const more = names.size > 1 ? ` and ${total - 1} more` : ''
  return `${first.kind.toLowerCase()}/${first.name}${more}${where}`
}

function revisionsOf({ writes, moreWrites = 0 }: TraceRecordView): string {
  const revisions = [...new Set(writes.map((w) => w.revision))]
  if (revisions.length === 0) return ''
  return revisions.length + moreWrites > 2 ? `@${revisions[0]}…` : revisions.map((r) => `@${r}`).join(' ')
}

/** The changes that say most, in few words. */
function summaryOf({ writes }: TraceRecordView): string {
  const note = writes.find((w) => w.note !== undefined)?.note
  if (note !== undefined) return note
  const changes = writes.flatMap((w) => w.changes ?? []).filter((change) => !isDeletionMark(change))
  const telling = changes.filter(({ path }) => !UNTELLING.test(path))
  const ranked = (telling.length > 0 ? telling : changes)
    .map((change) => ({ change, rank: rankOf(change) }))
    .sort((a, b) => a.rank - b.rank)
  const shown = ranked.slice(0, SHOWN_CHANGES).map(({ change }) => briefText(change))
  const more = ranked.length - shown.length
  return more > 0 ? `${shown.join(', ')}, ${more} more` : shown.join(', ')
}

/** Values that became others before those that came or went, plain ones before lists and objects, words and notes last. */
function rankOf(change: Change): number {
  const { path, op, to, from } = change
  const isPlain = typeof (to ?? from) !== 'object' || conditionOf(change) !== undefined
  const isWords = /\.(?:message|reason)$/.test(path)
  const isAside = isWords || path.startsWith('metadata.annotations')
  return (op === 'replace' ? 0 : 10) + (isPlain ? 0 : 20) + (isAside ? 100 : 0) + path.split(/[.[]/).length
}

/** `Ready True`: a condition that was added. */
function conditionOf({ path, to }: Change): string | undefined {
  const type = /conditions\[(\w+)\]$/.exec(path)?.[1]
  if (type === undefined) return undefined
  const status = /"status":"(\w+)"/.exec(typeof to === 'string' ? to : JSON.stringify(to ?? null))?.[1]
  return status === undefined ? undefined : `${type} ${status}`
}

function briefText(change: Change): string {
  const condition = conditionOf(change)
  if (condition !== undefined) return condition
  const { op, to } = change
  const path = change.path.replace(/^(?:status|spec)\./, '').replace(/^conditions\[(\w+)\]\.status$/, '$1')
  const isLong = typeof to === 'object' || String(to).length > BRIEF_VALUE
  return op !== 'remove' && isLong ? `${op === 'add' ? '+' : ''}${path}` : changeText({ ...change, path })
}

function changeText({ path, op, from, to }: Change): string {
  if (op === 'remove') return `-${path}`
  const value = to === undefined ? '' : valueText(to)
  if (op === 'add') return value === '' ? `+${path}` : `+${path}=${value}`
  return from === undefined ? path : `${path} ${valueText(from)} → ${value}`
}

function valueText(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}

/** `850 µs`, `3.2 ms`, `4.51 s`, `2m5s` */
export function duration(ms: number): string {
  if (ms < 1) return `${Math.round(ms * 1000)} µs`
  if (ms < 100) return `${ms.toFixed(1)} ms`
  if (ms < 1000) return `${Math.round(ms)} ms`
  if (ms < 60_000) return `${(ms / 1000).toFixed(2)} s`
  return `${Math.floor(ms / 60_000)}m${Math.round((ms % 60_000) / 1000)}s`
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences begin with one
const ESCAPES = /(\u001b\[\d+m)/

/** Cuts a line off at so many columns, escape sequences not counted. */
function cutVisible(line: string, width: number): string {
  let left = width
  let cut = ''
  for (const part of line.split(ESCAPES)) {
    if (ESCAPES.test(part)) cut += part
    else if (part.length <= left) {
      cut += part
      left -= part.length
    } else {
      if (left > 0) cut += `${part.slice(0, left - 1)}…`
      left = 0
    }
  }
  return cut
}
