import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { isServedByDefault, resourceFacts } from '../../../openapi/data.ts'
import type { JsonObject } from '../../apimachinery/kube-object.ts'
import { OpenApiDocuments } from './documents.ts'
import { resourcePaths } from './operations.ts'

interface V3 extends JsonObject {
  readonly paths: Record<string, Record<string, JsonObject>>
  readonly components: { readonly schemas: Record<string, JsonObject> }
}

const resources = resourceFacts().filter(isServedByDefault)
const documents = new OpenApiDocuments({ resources, gitVersion: 'v1.36.2' })
const v3 = (path: string): V3 => JSON.parse(documents.v3(path)!.bytes.toString()) as V3

/** Every `$ref` of a document. */
function references(text: string): Set<string> {
  return new Set([...text.matchAll(/"\$ref":"([^"]+)"/g)].map((m) => m[1]!))
}

// The client's methods are upstream's operation ids without the group version; deprecated watches have none.
describe('operation ids are those from which @kubernetes/client-node is generated', () => {
  const apis = join(dirname(createRequire(import.meta.url).resolve('@kubernetes/client-node')), 'gen/apis')
  const classes = readdirSync(apis).filter((f) => /V\d\w*Api\.d\.ts$/.test(f))
  const groups = [...new Set(resources.map((r) => `${r.group}/${r.version}`))]

  test.each(groups)('%s', (groupVersion) => {
    const own = resources.filter((r) => `${r.group}/${r.version}` === groupVersion)
    const ids = own.flatMap(resourcePaths).flatMap((p) => p.operations.map((o) => o.operationId))
    const head = /^(?:create|list|read|patch|get)([A-Z]\w*?V\d)(?=[A-Z])/.exec(
      ids.find((id) => id.startsWith('create'))!,
    )![1]!
    const methods = ids.filter((id) => !id.startsWith('watch')).map((id) => id.replace(head, ''))
    const file = classes.find((f) => f === `${head}Api.d.ts`)
    expect(file).toBeDefined()
    const text = readFileSync(join(apis, file!), 'utf8')
    const theirs = [...text.matchAll(/^ {4}(\w+)\(/gm)].map((m) => m[1]!).filter((m) => /^[a-z]/.test(m))
    const expected = new Set(
      theirs.filter((m) => m !== 'constructor' && !m.endsWith('WithHttpInfo') && m !== 'getAPIResources'),
    )
    expect([...new Set(methods)].sort()).toEqual([...expected].sort())
  })
})

describe('v3', () => {
  test('the index names a document for each group version and group', () => {
    const { paths } = JSON.parse(documents.index.bytes.toString()) as {
      paths: Record<string, { serverRelativeURL: string }>
    }
    expect(Object.keys(paths)).toEqual(
      expect.arrayContaining(['api', 'api/v1', 'apis', 'apis/apps', 'apis/apps/v1', 'apis/autoscaling/v2', 'version']),
    )
    for (const [path, { serverRelativeURL }] of Object.entries(paths)) {
      expect(serverRelativeURL).toMatch(/^\/openapi\/v3\/\S+\?hash=[0-9A-F]{128}$/)
      expect(serverRelativeURL).toContain(documents.v3(path)!.hash)
    }
  })

  test('every reference leads somewhere', () => {
    for (const path of ['api/v1', 'apis/apps/v1', 'apis/apiextensions.k8s.io/v1', 'apis', 'version']) {
      const document = v3(path)
      for (const ref of references(JSON.stringify(document))) {
        expect(document.components.schemas).toHaveProperty([ref.replace('#/components/schemas/', '')])
      }
    }
  })

  test('a reference with siblings stands in allOf; defaults and merge keys are told', () => {
    const { schemas } = v3('apis/apps/v1').components
    expect(schemas['io.k8s.api.apps.v1.Deployment']!.properties).toMatchObject({
      spec: { default: {}, allOf: [{ $ref: '#/components/schemas/io.k8s.api.apps.v1.DeploymentSpec' }] },
    })
    expect(schemas['io.k8s.api.core.v1.PodSpec']!.properties).toMatchObject({
      containers: {
        type: 'array',
        items: { default: {}, allOf: [{ $ref: '#/components/schemas/io.k8s.api.core.v1.Container' }] },
        'x-kubernetes-list-type': 'map',
        'x-kubernetes-list-map-keys': ['name'],
        'x-kubernetes-patch-merge-key': 'name',
        'x-kubernetes-patch-strategy': 'merge',
      },
    })
    expect(schemas['io.k8s.apimachinery.pkg.api.resource.Quantity']).toMatchObject({
      oneOf: [{ type: 'string' }, { type: 'number' }],
    })
    expect(schemas['io.k8s.api.apps.v1.Deployment']!['x-kubernetes-group-version-kind']).toEqual([
      { group: 'apps', kind: 'Deployment', version: 'v1' },
    ])
  })

  test('nothing of our own facts is published', () => {
    const text = documents.v3('apis/apps/v1')!.bytes.toString() + documents.v2.bytes.toString()
    expect(text).not.toMatch(/"(omit|zero|go|in)":"(never|unset|v1\.|ProbeHandler)/)
  })

  test('kubectl finds what it asks for before a dry run or field validation', () => {
    const patch = v3('apis/apps/v1').paths['/apis/apps/v1/namespaces/{namespace}/deployments/{name}']!.patch!
    expect(patch['x-kubernetes-group-version-kind']).toEqual({ group: 'apps', version: 'v1', kind: 'Deployment' })
    const names = (patch.parameters as { name: string }[]).map((p) => p.name)
    expect(names).toEqual(['dryRun', 'fieldManager', 'fieldValidation', 'force'])
  })

  test('a path that nothing is served at has no document', () => {
    expect(documents.v3('apis/none/v1')).toBeUndefined()
  })
})

describe('v2', () => {
  let v2: JsonObject
  beforeAll(() => {
    v2 = JSON.parse(documents.v2.bytes.toString()) as JsonObject
  })

  test('is a Swagger document whose references lead somewhere', () => {
    expect(v2).toMatchObject({ swagger: '2.0', info: { title: 'Kubernetes', version: 'v1.36.2' } })
    for (const ref of references(JSON.stringify(v2))) {
      expect(v2.definitions).toHaveProperty([ref.replace('#/definitions/', '')])
    }
  })

  test('operations take their body as a parameter', () => {
    const paths = v2.paths as Record<string, Record<string, JsonObject>>
    expect(paths['/api/v1/namespaces/{namespace}/pods']!.post).toMatchObject({
      operationId: 'createCoreV1NamespacedPod',
      consumes: ['*/*'],
      'x-kubernetes-action': 'post',
    })
    expect(paths['/api/v1/namespaces/{namespace}/pods']!.post!.parameters).toContainEqual({
      in: 'body',
      name: 'body',
      required: true,
      schema: { $ref: '#/definitions/io.k8s.api.core.v1.Pod' },
    })
  })

  test('tells no defaults', () => {
    const definitions = v2.definitions as Record<string, { properties: JsonObject }>
    expect(definitions['io.k8s.api.core.v1.Container']!.properties.name).not.toHaveProperty('default')
    expect(definitions['io.k8s.api.core.v1.Pod']!.properties.spec).toMatchObject({
      $ref: '#/definitions/io.k8s.api.core.v1.PodSpec',
    })
  })
})

test('descriptions are there once the build has made them', () => {
  if (!existsSync(join(import.meta.dirname, '../../../openapi/generated/descriptions.json'))) return
  const { schemas } = v3('api/v1').components
  const pod = schemas['io.k8s.api.core.v1.Pod']!
  expect(pod.description).toMatch(/\w+ \w+/)
  expect(schemas['io.k8s.api.core.v1.Container']!.description).toMatch(/\w+ \w+/)
  // With the field alone, where kubectl explain looks for it; it shows both, one behind the other.
  const { spec } = pod.properties as Record<string, JsonObject>
  expect(spec!.description).toMatch(/PodSpec/)
  expect(schemas['io.k8s.api.core.v1.PodSpec']).not.toHaveProperty('description')
})
