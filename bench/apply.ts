import { systemClock } from '../src/apimachinery/clock.ts'
import { cloneJson } from '../src/apimachinery/clone.ts'
import { FieldManager } from '../src/apimachinery/field-manager/field-manager.ts'
import { mergeValues } from '../src/apimachinery/field-manager/merge-values.ts'
import type { JsonObject, KubeObject } from '../src/apimachinery/kube-object.ts'
import { typeOfKind } from '../src/apimachinery/schema/builtin-types.ts'
import { decode } from '../src/apimachinery/schema/decode.ts'
import { type Report, round, type Table } from './report.ts'

const GVK = { group: 'apps', version: 'v1', kind: 'Deployment' }

/** What someone applies: about 3 KB of JSON. */
function manifest(replicas: number, extraLabel: boolean): JsonObject {
  const labels = { app: 'web', tier: 'front', ...(extraLabel ? { extra: 'label' } : {}) }
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web', namespace: 'shop', labels, annotations: { owner: 'team-web', note: 'x'.repeat(60) } },
    spec: {
      replicas,
      selector: { matchLabels: { app: 'web' } },
      template: { metadata: { labels }, spec: { containers: [1, 2, 3].map(container), volumes: [1, 2].map(volume) } },
    },
  }
}

function container(n: number): JsonObject {
  return {
    name: `container-${n}`,
    image: `registry.example.com/shop/web-${n}:1.2.3`,
    env: Array.from({ length: 8 }, (_, i) => ({ name: `SETTING_${i}`, value: `value-${i}` })),
    ports: [{ containerPort: 8080 + n, protocol: 'TCP', name: `http-${n}` }],
    resources: { requests: { cpu: '100m', memory: '128Mi' }, limits: { cpu: '1', memory: '256Mi' } },
    volumeMounts: [1, 2].map((v) => ({ name: `volume-${v}`, mountPath: `/data/${v}` })),
    readinessProbe: { httpGet: { path: '/ready', port: 8080 + n, scheme: 'HTTP' }, periodSeconds: 10 },
  }
}

function volume(n: number): JsonObject {
  return { name: `volume-${n}`, emptyDir: {} }
}

const node = typeOfKind(GVK)

function decoded(object: JsonObject): KubeObject {
  return decode(object, node).object as KubeObject
}

const manager = new FieldManager({
  node,
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  subresource: '',
  resetFields: ['status'],
  clock: systemClock,
  complete: decoded,
})

/** The object as a store would give it back. */
function stored(object: KubeObject): KubeObject {
  return cloneJson({ ...object, metadata: { ...object.metadata, uid: '7f4c1c1e-0f5b-4f0e-9d53-0d2c9a4f3c11' } })
}

/** Microseconds per call: the median of batches and the best, after a warm-up. */
function timesOf(call: () => unknown, quick: boolean): { readonly median: number; readonly best: number } {
  const batch = 50
  for (let i = 0; i < (quick ? 500 : 5_000); i++) call()
  const samples: number[] = []
  for (let i = 0; i < (quick ? 21 : 201); i++) {
    const began = process.hrtime.bigint()
    for (let n = 0; n < batch; n++) call()
    samples.push(Number(process.hrtime.bigint() - began) / 1_000 / batch)
  }
  samples.sort((a, b) => a - b)
  return { median: samples[samples.length >> 1]!, best: samples[0]! }
}

function updates(quick: boolean): Table {
  const live = stored(manager.update(undefined, decoded(manifest(3, true)), 'creator'))
  const text = JSON.stringify(live)
  const same = JSON.parse(text) as KubeObject
  const put = JSON.parse(text) as KubeObject
  put['spec'] = { ...(put['spec'] as JsonObject), replicas: 4 }
  const patched = { ...live, spec: { ...(live['spec'] as JsonObject), replicas: 4 } }
  const cases: [string, () => unknown][] = [
    ['update of one field that shares the rest (patch)', () => manager.update(live, patched, 'editor')],
    ['update of one field, decoded anew (PUT)', () => manager.update(live, put, 'editor')],
    ['update that changes nothing, decoded anew', () => manager.update(live, same, 'editor')],
    ['create', () => manager.update(undefined, put, 'creator')],
    ['off: parse, decode and encode the same object', () => JSON.stringify(decoded(JSON.parse(text) as JsonObject))],
  ]
  return table(`Plain writes of a Deployment, ${round(text.length)} bytes with its managedFields`, cases, quick)
}

function applies(quick: boolean): Table {
  const config = manifest(3, true)
  const live = stored(manager.apply(undefined, config, 'one', false))
  const changed = manifest(4, true)
  const less = manifest(3, false)
  const cases: [string, () => unknown][] = [
    ['apply of the same again', () => manager.apply(live, config, 'one', false)],
    ['apply of one changed field', () => manager.apply(live, changed, 'one', false)],
    ['apply that gives up two fields', () => manager.apply(live, less, 'one', false)],
    ['off: merge and decode alone', () => decoded(mergeValues(node, live, changed) as JsonObject)],
  ]
  return table(`Server-side apply of a Deployment, ${round(JSON.stringify(config).length)} bytes applied`, cases, quick)
}

function table(title: string, cases: readonly [string, () => unknown][], quick: boolean): Table {
  const rows = cases.map(([what, call]) => {
    const { median, best } = timesOf(call, quick)
    return [what, round(median), round(best)]
  })
  return { title, columns: ['what', 'µs (median)', 'µs (best)'], rows }
}

/** Cost of keeping managedFields and of server-side apply, without a server around them. */
export async function measure({ quick }: { readonly quick: boolean }): Promise<Report> {
  const tables = [updates(quick), applies(quick)]
  const [plain, applied] = tables
  return {
    tables,
    headlines: [
      ['field management of an update (PUT)', `${plain!.rows[1]![1]} µs`],
      ['server-side apply of one changed field', `${applied!.rows[1]![1]} µs`],
    ],
  }
}
