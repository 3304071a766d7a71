import { afterAll, beforeAll, expect, test } from 'vitest'
import { ADMIN_TOKEN, startTestServer, type TestServer } from '../suites/server.ts'

/** Messages that a kube-apiserver v1.36.2 answered with, to objects that only differ from good ones in what is shown. */
let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server?.stop())

interface Answer {
  readonly code?: number
  readonly message?: string
  readonly spec?: Record<string, unknown>
}

async function create(path: string, body: object): Promise<Answer> {
  const response = await fetch(`${server.url}/apis/${path}?dryRun=All`, {
    method: 'POST',
    headers: { authorization: `Bearer ${ADMIN_TOKEN}`, 'content-type': 'application/json' },
    body: JSON.stringify({ metadata: { name: 'x' }, ...body }),
  })
  return (await response.json()) as Answer
}

const INGRESSES = 'networking.k8s.io/v1/namespaces/default/ingresses'
const ingressOf = (path: object) => ({ spec: { rules: [{ http: { paths: [path] } }] } })
const definitionOf = (properties: object, metadata = {}) => ({
  metadata: { name: 'bars.example.com', ...metadata },
  spec: {
    group: 'example.com',
    scope: 'Cluster',
    names: { plural: 'bars', kind: 'Bar' },
    versions: [
      { name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object', properties } } },
    ],
  },
})
const DEFINITIONS = 'apiextensions.k8s.io/v1/customresourcedefinitions'
const claim = (apiVersion: unknown) => ({ apiVersion, metadata: { name: 'c' } })

test.each([
  [
    'an empty path type is not an absent one',
    INGRESSES,
    ingressOf({ pathType: '', path: '/', backend: { service: { name: 's', port: { number: 80 } } } }),
    'Ingress.networking.k8s.io "x" is invalid: spec.rules[0].http.paths[0].pathType: Unsupported value: "": supported values: "Exact", "ImplementationSpecific", "Prefix"',
  ],
  [
    'a backend of no group needs kind and name',
    INGRESSES,
    ingressOf({ pathType: 'Prefix', path: '/', backend: { resource: {} } }),
    'Ingress.networking.k8s.io "x" is invalid: [spec.rules[0].http.paths[0].backend.resource.kind: Required value, spec.rules[0].http.paths[0].backend.resource.name: Required value]',
  ],
  [
    'an empty scope is not defaulted',
    'networking.k8s.io/v1/ingressclasses',
    { spec: { controller: 'x.io/c', parameters: { kind: 'P', name: 'n', scope: '' } } },
    'IngressClass.networking.k8s.io "x" is invalid: spec.parameters.scope: Unsupported value: "": supported values: "Cluster", "Namespace"',
  ],
  [
    'masks of IPv4 addresses in IPv6 form have 128 bits',
    'networking.k8s.io/v1/namespaces/default/networkpolicies',
    {
      spec: {
        podSelector: {},
        ingress: [{ from: [{ ipBlock: { cidr: '::ffff:1.2.3.4/100', except: ['10.1.0.0/16'] } }] }],
      },
    },
    'NetworkPolicy.networking.k8s.io "x" is invalid: [spec.ingress[0].from[0].ipBlock.cidr: Invalid value: "::ffff:1.2.3.4/100": must not have an IPv4-mapped IPv6 address, spec.ingress[0].from[0].ipBlock.except[0]: Invalid value: "10.1.0.0/16": must be a strict subset of `cidr`]',
  ],
  [
    'names of addresses are not generated',
    'networking.k8s.io/v1/ipaddresses',
    { metadata: { generateName: 'gen-' }, spec: { parentRef: { resource: 'r', name: 'n' } } },
    'IPAddress.networking.k8s.io "gen-" is invalid: [metadata.generateName: Invalid value: "gen-": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff), metadata.name: Invalid value: "gen-": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)]',
  ],
  [
    'autoscaling/v1 has no defaults for the behaviour',
    'autoscaling/v1/namespaces/default/horizontalpodautoscalers',
    {
      metadata: {
        name: 'x',
        annotations: {
          'autoscaling.alpha.kubernetes.io/behavior': '{"ScaleUp":{"StabilizationWindowSeconds":3}}',
        },
      },
      spec: { scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'd' }, maxReplicas: 3 },
    },
    'HorizontalPodAutoscaler.autoscaling "x" is invalid: spec.behavior.scaleUp.policies: Required value: must specify at least one Policy',
  ],
  [
    'inline volumes: the attributes class is not looked at',
    'storage.k8s.io/v1/volumeattachments',
    {
      spec: {
        attacher: 'a.io',
        nodeName: 'n',
        source: { inlineVolumeSpec: { capacity: { storage: '1Gi' }, volumeAttributesClassName: '' } },
      },
    },
    'VolumeAttachment.storage.k8s.io "x" is invalid: [spec.source.inlineVolumeSpec.capacity: Forbidden: may not be specified in the context of inline volumes, spec.source.inlineVolumeSpec.csi: Required value: has to be specified in the context of inline volumes, spec.source.inlineVolumeSpec.accessModes: Required value, spec.source.inlineVolumeSpec: Required value: must specify a volume type]',
  ],
  [
    'a long name in the words of declarative validation',
    'resource.k8s.io/v1/deviceclasses',
    { metadata: { name: 'x'.repeat(254) }, spec: {} },
    `DeviceClass.resource.k8s.io "${'x'.repeat(254)}" is invalid: metadata.name: Invalid value: "${'x'.repeat(254)}": must be no more than 253 bytes`,
  ],
  [
    'the kind of a claim in a template stands in an embedded struct',
    'apps/v1/namespaces/default/statefulsets',
    { spec: { volumeClaimTemplates: [claim(5)] } },
    'StatefulSet in version "v1" cannot be handled as a StatefulSet: json: cannot unmarshal number into Go struct field PersistentVolumeClaim.spec.volumeClaimTemplates.TypeMeta.apiVersion of type string',
  ],
  [
    'bytes may be a list of numbers, and of nothing else',
    'certificates.k8s.io/v1/certificatesigningrequests',
    { spec: { signerName: 'a.b/c', usages: [], request: [45, 'x'] } },
    'CertificateSigningRequest in version "v1" cannot be handled as a CertificateSigningRequest: json: cannot unmarshal string into Go struct field CertificateSigningRequestSpec.spec.request of type uint8',
  ],
  [
    'values of a named list',
    'certificates.k8s.io/v1/certificatesigningrequests',
    { spec: { extra: { a: [5] } } },
    'CertificateSigningRequest in version "v1" cannot be handled as a CertificateSigningRequest: json: cannot unmarshal number into Go struct field CertificateSigningRequestSpec.spec.extra of type string',
  ],
  [
    'schemas: an empty reference',
    DEFINITIONS,
    definitionOf({ a: { type: 'string', $ref: '' } }),
    'CustomResourceDefinition.apiextensions.k8s.io "bars.example.com" is invalid: spec.validation.openAPIV3Schema.properties[a].$ref: Forbidden: $ref is not supported',
  ],
  [
    'schemas: no dependencies',
    DEFINITIONS,
    definitionOf({ a: { type: 'string', dependencies: {} } }),
    'CustomResourceDefinition.apiextensions.k8s.io "bars.example.com" is invalid: spec.validation.openAPIV3Schema.properties[a].dependencies: Forbidden: dependencies is not supported',
  ],
  [
    'schemas: a default where a limit is of another type',
    DEFINITIONS,
    definitionOf({ a: { type: 'integer', format: 'int32', maximum: 1.5, default: 1 } }),
    'CustomResourceDefinition.apiextensions.k8s.io "bars.example.com" is invalid: spec.validation.openAPIV3Schema.properties[a].default: Invalid value: "": Maximum boundary value must be of type integer with format int32 in ',
  ],
])('%s', async (_title, path, body, message) => {
  expect((await create(path, body)).message).toBe(message)
})

test('raw parameters may be an empty object', async () => {
  const config = [{ opaque: { driver: 'd.io', parameters: {} } }]
  expect((await create('resource.k8s.io/v1/deviceclasses', { spec: { config } })).spec).toEqual({ config })
})

test('a definition: an empty list of versions, versions given twice', async () => {
  const { spec, ...rest } = definitionOf({})
  const without = await create(DEFINITIONS, { ...rest, spec: { ...spec, versions: [] } })
  expect(without.message).toContain('spec.versions: Invalid value: []: must have exactly one version marked as')
  const twice = await create(DEFINITIONS, {
    ...rest,
    spec: { ...spec, versions: [...spec.versions, ...spec.versions] },
  })
  expect(twice.message).toContain('status.storedVersions: Invalid value: ["v1"]: must have the storage version v1')
})
