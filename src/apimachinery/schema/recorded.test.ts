import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { resourceFacts } from '../../../openapi/data.ts'
import type { JsonObject } from '../kube-object.ts'
import { definitionOf, typeOf } from './builtin-types.ts'
import { decode } from './decode.ts'
import { DecodeError, parseJsonExact } from './json-text.ts'

/** Recorded answers of a real API server; they lie beside the checkout where they exist. */
const scenarios = join(import.meta.dirname, '../../../../shared/oracle/scenarios')

interface Step {
  readonly id: string
  readonly method: string
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: unknown
  readonly bodyText?: string
  readonly answer?: { readonly status: number; readonly warnings?: readonly string[]; readonly body?: JsonObject }
}

/** Definition of what a POST or PUT on the path takes; undefined for paths of other kinds. */
function definitionAt(path: string): string | undefined {
  const m = /^\/(?:api\/(v1)|apis\/([^/]+)\/([^/]+))\/(?:namespaces\/[^/]+\/)?([a-z]+)(?:\/[^/]+)?(?:\/(\w+))?$/.exec(
    path.split('?')[0]!,
  )
  if (!m) return undefined
  const [group, version] = m[1] ? ['', m[1]] : [m[2]!, m[3]!]
  const resource = resourceFacts().find((r) => r.group === group && r.version === version && r.resource === m[4])
  const target = m[5] ? resource?.subresources.find((s) => s.name === m[5]) : resource
  return target && definitionOf(target)
}

function recorded(): [string, Step, string][] {
  if (!existsSync(scenarios)) return []
  return readdirSync(scenarios).flatMap((area) =>
    readdirSync(join(scenarios, area)).flatMap((file) => {
      const { steps } = JSON.parse(readFileSync(join(scenarios, area, file), 'utf8')) as { steps: Step[] }
      return steps.flatMap((step): [string, Step, string][] => {
        const json = Object.entries(step.headers ?? {}).every(([k, v]) => !/content-type/i.test(k) || /json/.test(v))
        const definition = definitionAt(step.path)
        const isWrite = step.method === 'POST' || step.method === 'PUT'
        if (!json || !isWrite || !definition || !step.answer?.body) return []
        return [[`${file} ${step.id}`, step, definition]]
      })
    }),
  )
}

const DECODING = /cannot be handled as a \w+: (?!converting|no kind)(?:strict decoding error: )?([\s\S]*)$/
const UNRECOGNIZED = /couldn't get version\/kind; json parse error: ((?!json: )[\s\S]*?) \([^)]*\)?\)*$/

function outcome(step: Step, definition: string): { error?: string; strict?: string } {
  const bytes = Buffer.from(step.bodyText ?? JSON.stringify(step.body))
  try {
    return { strict: decode(parseJsonExact(bytes), typeOf(definition)).strictErrors.join(', ') }
  } catch (error) {
    if (error instanceof DecodeError) return { error: error.message }
    throw error
  }
}

describe.runIf(existsSync(scenarios))('recorded requests', () => {
  const all = recorded()

  test('are many', () => expect(all.length).toBeGreaterThan(1000))

  test.each(all)('%s', (_, step, definition) => {
    const message = String(step.answer?.body?.message ?? '')
    const { error, strict } = outcome(step, definition)
    const fatal = UNRECOGNIZED.exec(message)?.[1]
    const refused = DECODING.exec(message)?.[1]
    if (fatal) expect(error).toBe(fatal)
    else if (refused && strict === undefined) expect(error).toBe(refused)
    else if (refused) expect(strict).toBe(refused)
    else if (/cannot be handled|couldn't get version/.test(message)) expect(error ?? strict).toBeDefined()
    else {
      expect(error).toBeUndefined()
      const warned = (step.answer?.warnings ?? [])
        .filter((w) => /(unknown|duplicate) field/.test(w))
        .flatMap((w) => [...w.matchAll(/299 - ("(?:[^"\\]|\\.)*")/g)].map((m) => JSON.parse(m[1]!) as string))
        .filter((w) => /^(unknown|duplicate) field/.test(w))
        .join(', ')
      if (step.answer!.status < 300 && !/fieldValidation=Ignore/.test(step.path)) expect(strict).toBe(warned)
    }
  })
})
