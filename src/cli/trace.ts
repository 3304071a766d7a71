import { homedir } from 'node:os'
import { delimiter, join } from 'node:path'
import type { TraceEvent } from '../api/trace/trace-path.ts'
import type { Trace, TraceNode, TraceRecordView } from '../api/trace/trace-record.ts'
import { TraceClient, type TraceParameters } from '../cluster/trace-client.ts'
import { failWith } from './failure.ts'
import { FlagCommand } from './flag-command.ts'
import { TraceText } from './trace-text.ts'

interface Flags {
  namespace?: string
  kubeconfig?: string
  context?: string
  follow?: boolean
  output?: string
  all?: boolean
  since?: string
  events?: boolean
  verbose?: boolean
  uid?: string
  auditId?: string
  revision?: string
}

/** `kubemu trace`: what happened to an object, and why. */
export function traceCommand(): FlagCommand {
  return new FlagCommand('trace')
    .description('Show what a write set off, from the request to the last Running pod')
    .usage('[TYPE/NAME | TYPE NAME] [options]')
    .withExamples(EXAMPLES)
    .argument('[object...]', 'TYPE/NAME or TYPE NAME; none: the last requests of all clients')
    .option('-n, --namespace <name>', "namespace of the object; default: the context's")
    .option('--kubeconfig <file>', 'how to reach the server; default: $KUBECONFIG, then ~/.kube/config')
    .option('--context <name>', 'context of the kubeconfig; default: the current one')
    .option('-f, --follow', 'go on with what comes')
    .option('-o, --output <format>', 'json: as the server answers')
    .option('--all', 'every request of clients, not only the last that worked and what failed since')
    .option('--since <duration>', 'every request of clients in the last 5m, say')
    .option('--events', 'with Events')
    .option('-v, --verbose', 'the steps of every write')
    .option('--uid <uid>', 'the object with this uid')
    .option('--audit-id <id>', 'the request with this audit ID')
    .option('--revision <number>', 'the request that wrote this resourceVersion')
    .action(async (object: string[], flags: Flags) => {
      await run(object, flags).catch(failWith)
    })
}

const EXAMPLES = `# What a Deployment set off
kubemu trace deployment/web

# The last requests of all clients, and what comes
kubemu trace --follow

# One request, by its audit ID
kubemu trace --audit-id 8e0a4a6c-1f0e-4b6f-9f0a-0123456789ab`

async function run(words: readonly string[], flags: Flags): Promise<void> {
  const { output, follow } = flags
  if (output !== undefined && output !== 'json') throw new Error(`there is no output format "${output}": use json`)
  const object = objectOf(words)
  const kubeconfig = flags.kubeconfig ?? defaultKubeconfig()
  const client = await TraceClient.connect({ kubeconfig, ...(flags.context ? { context: flags.context } : {}) })
  const parameters = parametersOf(object, flags, client.namespace)
  try {
    if (follow) await client.follow(parameters, output === 'json' ? printJson : printerOf(flags))
    else {
      const trace = await client.read(parameters)
      process.stdout.write(output === 'json' ? `${JSON.stringify(trace, undefined, 2)}\n` : textOf(trace, flags))
    }
  } finally {
    client.close()
  }
}

/** Errors: throws where the words name no object. */
function objectOf(words: readonly string[]): { readonly resource?: string; readonly name?: string } {
  if (words.length === 0) return {}
  const [resource = '', name = '', ...more] = words.length === 1 ? words[0]!.split('/') : words
  if (resource === '' || name === '' || more.length > 0) {
    throw new Error(`the object must be given as TYPE/NAME or TYPE NAME, not as "${words.join(' ')}"`)
  }
  return { resource, name }
}

/** As kubectl: the first file of $KUBECONFIG, or the one in the home folder. */
function defaultKubeconfig(): string {
  const [first] = (process.env['KUBECONFIG'] ?? '').split(delimiter).filter((path) => path !== '')
  return first ?? join(homedir(), '.kube', 'config')
}

function parametersOf(object: ReturnType<typeof objectOf>, flags: Flags, namespace: string): TraceParameters {
  const flag = (given: boolean | undefined) => (given ? 'true' : undefined)
  return {
    ...object,
    namespace: object.name === undefined ? undefined : (flags.namespace ?? namespace),
    uid: flags.uid,
    auditID: flags.auditId,
    revision: flags.revision,
    all: flag(flags.all),
    since: flags.since,
    events: flag(flags.events),
  }
}

function formatterOf({ verbose = false }: Flags): TraceText {
  const { isTTY, columns } = process.stdout
  return new TraceText({
    color: Boolean(isTTY) && !process.env['NO_COLOR'],
    verbose,
    ...(isTTY && columns ? { width: columns } : {}),
  })
}

function textOf({ roots, recorder }: Trace, flags: Flags): string {
  const text = formatterOf(flags)
  if (roots.length === 0) return `Nothing has been recorded since ${recorder.since}.\n`
  return roots.map((root) => text.tree(root)).join('\n')
}

function printJson(event: TraceEvent): void {
  process.stdout.write(`${JSON.stringify(event)}\n`)
}

/** Prints the tree that there is, then a line for each record that comes. */
function printerOf(flags: Flags): (event: TraceEvent) => void {
  const text = formatterOf(flags)
  const places = new Map<
    number,
    { readonly root: TraceRecordView; readonly own: TraceRecordView; readonly depth: number }
  >()
  const remember = ({ record, children }: TraceNode, root: TraceRecordView, depth: number): void => {
    places.set(record.id, { root, own: record, depth })
    for (const child of children) remember(child, root, depth + 1)
  }
  return (event) => {
    if (event.type === 'TRACE') {
      for (const root of event.trace.roots) remember(root, root.record, 0)
      if (event.trace.roots.length > 0) process.stdout.write(textOf(event.trace, flags))
      return
    }
    const { record, parent } = event
    const above = parent === undefined ? undefined : places.get(parent)
    const place = above && { root: above.root, parent: above.own, depth: above.depth + 1 }
    places.set(record.id, { root: above?.root ?? record, own: record, depth: place?.depth ?? 0 })
    process.stdout.write(text.line(record, place))
  }
}
