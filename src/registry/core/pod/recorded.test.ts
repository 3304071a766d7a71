import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { systemClock } from '../../../apimachinery/clock.ts'
import { fieldErrorBody } from '../../../apimachinery/field-error.ts'
import { goQuote } from '../../../apimachinery/go-quote.ts'
import { isJsonObject, type JsonObject, type KubeObject } from '../../../apimachinery/kube-object.ts'
import { typeOfKind } from '../../../apimachinery/schema/builtin-types.ts'
import { decode } from '../../../apimachinery/schema/decode.ts'
import { parseJsonExact } from '../../../apimachinery/schema/json-text.ts'
import { normalize } from '../../../apimachinery/schema/normalize.ts'
import type { Pod, PodSpec } from '../../../apimachinery/types/core-v1.ts'
import type { AnyResourceEntry, StrategyContext } from '../../resource.ts'
import { podTemplates } from './pod-templates.ts'
import { pods } from './pods.ts'

/** Conversations with a real kube-apiserver v1.36, where they lie beside the project. */
const RECORDED = new URL('../../../../../shared/oracle/scenarios/core/', import.meta.url)

interface Step {
  readonly id: string
  readonly method?: string
  readonly path: string
  readonly body?: unknown
  readonly pick?: readonly string[]
  readonly answer?: { readonly status: number; readonly warnings: readonly string[]; readonly body: JsonObject }
}

interface Cause {
  readonly field?: string
  readonly message?: string
  readonly reason?: string
}

const CONTEXT: StrategyContext = {
  clock: systemClock,
  config: {
    allowPrivileged: false,
    serviceClusterIpRanges: ['10.0.0.0/24'],
    serviceNodePortRange: { first: 30000, last: 32767 },
    eventTtlSeconds: 3600,
    featureGates: {},
  },
  namespace: 'ns',
  user: undefined,
  newUid: () => 'uid',
  warn: () => {},
}

/** What admission plugins set; they are not part of this test. */
const SET_BY_ADMISSION = ['priority', 'preemptionPolicy', 'serviceAccount', 'serviceAccountName', 'tolerations']

function withoutAdmission(spec: unknown): unknown {
  const copy: Record<string, unknown> = { ...(spec as JsonObject) }
  for (const field of SET_BY_ADMISSION) delete copy[field]
  const isToken = (v: unknown): boolean => isJsonObject(v) && String(v['name']).startsWith('kube-api-access-')
  const clean = (list: unknown): unknown => {
    const kept = Array.isArray(list) ? list.filter((v) => !isToken(v)) : list
    return Array.isArray(kept) && kept.length === 0 ? undefined : kept
  }
  copy['volumes'] = clean(copy['volumes'])
  for (const name of ['containers', 'initContainers']) {
    const list = copy[name] as JsonObject[] | undefined
    copy[name] = list?.map((container) => ({ ...container, volumeMounts: clean(container['volumeMounts']) }))
  }
  return JSON.parse(JSON.stringify(copy))
}

interface Created {
  readonly object: KubeObject
  readonly causes: readonly Cause[]
  readonly warnings: readonly string[]
}

function create(entry: AnyResourceEntry, kind: string, body: unknown): Created {
  const node = typeOfKind({ group: '', version: 'v1', kind })
  const { object: decoded } = decode(parseJsonExact(Buffer.from(JSON.stringify(body))), node)
  const object = decoded as KubeObject
  entry.defaults?.(object)
  object.metadata.namespace ??= 'ns'
  const { strategy } = entry
  const warnings: string[] = []
  strategy.prepareForCreate?.(object, { ...CONTEXT, warn: (text) => warnings.push(text) })
  const spec = (object as unknown as Pod).spec as PodSpec | undefined
  if (kind === 'Pod' && spec) spec.serviceAccountName ||= 'default'
  const causes = strategy
    .validate(object, CONTEXT)
    .map((error) => ({ field: error.field, message: fieldErrorBody(error), reason: error.type }))
  if (causes.length === 0) warnings.push(...(strategy.warningsOnCreate?.(object, CONTEXT) ?? []))
  strategy.canonicalize?.(object)
  normalize(object, node)
  return { object, causes, warnings }
}

function stepsOf(prefix: string, path: RegExp): [name: string, step: Step][] {
  if (!existsSync(RECORDED)) return []
  return readdirSync(RECORDED)
    .filter((file) => file.startsWith(prefix))
    .flatMap((file) => {
      const { steps } = JSON.parse(readFileSync(new URL(file, RECORDED), 'utf8')) as { steps: Step[] }
      return steps
        .filter((step) => step.method === 'POST' && path.test(step.path) && isJsonObject(step.body))
        .filter((step) => !JSON.stringify(step.body).includes('$'))
        .map((step): [string, Step] => [`${file}: ${step.id}`, step])
    })
}

const CREATE_PODS = /\/pods\?fieldManager=t$/
const CREATE_TEMPLATES = /\/podtemplates\?fieldManager=t$/
const refused = ([, { answer }]: [string, Step]): boolean => answer?.status === 422
/** Some are made only to be looked at later; the answers of others show a few fields. */
const accepted = ([, { answer, pick }]: [string, Step]): boolean => answer?.status === 201 && pick === undefined

const podSteps = stepsOf('core-pod-', CREATE_PODS)
const templateSteps = stepsOf('core-podtemplate', CREATE_TEMPLATES)
/** Refused by admission upstream: their words come from there. */
const notOurs = (name: string): boolean => /core-pod-(serviceaccount|host-2)/.test(name)

describe.skipIf(podSteps.length === 0)('pods, as a real server answers', () => {
  test.each(podSteps.filter(refused).filter(([name]) => !notOurs(name)))('refused: %s', (_name, step) => {
    const wanted = (step.answer!.body['details'] as { causes: Cause[] }).causes
    expect(create(pods, 'Pod', step.body).causes).toEqual(wanted)
  })

  test.each(podSteps.filter(accepted).filter(([name]) => !notOurs(name)))('accepted: %s', (_name, step) => {
    const { object, causes, warnings } = create(pods, 'Pod', step.body)
    expect(causes).toEqual([])
    const headers = step.answer!.warnings.filter((text) => !text.includes('unknown field'))
    expect(warnings.map((text) => `299 - ${goQuote(text)}`).join(', ')).toBe(headers.join(', '))
    expect(withoutAdmission(object['spec'])).toEqual(withoutAdmission(step.answer!.body['spec']))
  })
})

describe.skipIf(templateSteps.length === 0)('pod templates, as a real server answers', () => {
  test.each(templateSteps.filter(refused))('refused: %s', (_name, step) => {
    const wanted = (step.answer!.body['details'] as { causes: Cause[] }).causes
    expect(create(podTemplates, 'PodTemplate', step.body).causes).toEqual(wanted)
  })

  test.each(templateSteps.filter(accepted))('accepted: %s', (_name, step) => {
    const { object, causes } = create(podTemplates, 'PodTemplate', step.body)
    expect(causes).toEqual([])
    expect(object['template']).toEqual(step.answer!.body['template'])
  })
})
