import { type FieldError, invalid, notSupported, required } from '../../apimachinery/field-error.ts'
import { FieldPath } from '../../apimachinery/field-path.ts'
import { semanticEqual } from '../../apimachinery/semantic-equal.ts'
import type {
  HTTPIngressPath,
  Ingress,
  IngressLoadBalancerStatus,
  IngressRule,
  IngressSpec,
  IngressTLS,
} from '../../apimachinery/types/networking-v1.ts'
import { isValidIPForLegacyField, parseIp, warningsForIP } from '../../apimachinery/validation/ip.ts'
import { invalidEach, isDNS1123Subdomain, isWildcardDNS1123Subdomain } from '../../apimachinery/validation/names.ts'
import { nameIsDNS1035Label, nameIsDNSLabel, nameIsDNSSubdomain } from '../../apimachinery/validation/object-meta.ts'
import { validateObjectMeta, validateObjectMetaUpdate } from '../core/core-object-meta.ts'
import { legacyIpOptions } from '../core/legacy-ip.ts'
import { defineResource, type RegistryConfig, type TableDefinition } from '../resource.ts'
import { age, ageColumn, column, formatLoadBalancer, nameColumn } from '../table-cells.ts'
import { validateIngressBackend } from './ingress-backend-validation.ts'

const METADATA = FieldPath.of('metadata')
const SPEC = FieldPath.of('spec')
const LOAD_BALANCER_INGRESS = FieldPath.of('status', 'loadBalancer', 'ingress')

const CLASS_ANNOTATION = 'kubernetes.io/ingress.class'
const INVALID_SEQUENCES = ['//', '/./', '/../', '%2f', '%2F']
const INVALID_SUFFIXES = ['/..', '/.']
const NOT_AN_IP = 'must be a DNS name, not an IP address'

/** What an update may keep although it is invalid. */
interface Options {
  readonly allowInvalidSecretName: boolean
  readonly allowInvalidWildcardHostRule: boolean
  readonly relaxedServiceNames: boolean
}

function validateHostName(host: string, path: FieldPath): FieldError[] {
  const messages = host.includes('*') ? isWildcardDNS1123Subdomain(host) : isDNS1123Subdomain(host)
  return invalidEach(path, host, messages)
}

const secretNameErrors = (name: string | undefined): string[] => (name ? nameIsDNSSubdomain(name, false) : [])

function validateTls({ hosts = [], secretName }: IngressTLS, path: FieldPath, options: Options): FieldError[] {
  const errors = hosts.flatMap((host, i) => validateHostName(host, path.child('hosts').index(i)))
  if (options.allowInvalidSecretName) return errors
  return errors.concat(invalidEach(path.child('secretName'), secretName, secretNameErrors(secretName)))
}

function validatePathText(text: string, type: string, path: FieldPath): FieldError[] {
  const errors: FieldError[] = []
  const isExactOrPrefix = type !== 'ImplementationSpecific'
  if (!text.startsWith('/') && (isExactOrPrefix || text !== '')) {
    errors.push(invalid(path, text, 'must be an absolute path'))
  }
  if (!isExactOrPrefix) return errors
  for (const sequence of INVALID_SEQUENCES) {
    if (text.includes(sequence)) errors.push(invalid(path, text, `must not contain '${sequence}'`))
  }
  for (const suffix of INVALID_SUFFIXES) {
    if (text.endsWith(suffix)) errors.push(invalid(path, text, `cannot end with '${suffix}'`))
  }
  return errors
}

function validateHttpPath(httpPath: HTTPIngressPath, path: FieldPath, options: Options): FieldError[] {
  const { pathType, path: text = '', backend = {} } = httpPath
  const typePath = path.child('pathType')
  if (pathType === undefined || pathType === null) return [required(typePath, 'pathType must be specified')]
  const known = ['Exact', 'ImplementationSpecific', 'Prefix']
  const errors = known.includes(pathType)
    ? validatePathText(text, pathType, path.child('path'))
    : [notSupported(typePath, pathType, known)]
  return errors.concat(validateIngressBackend(backend, path.child('backend'), options.relaxedServiceNames))
}

function validateRuleValue({ http }: IngressRule, path: FieldPath, options: Options): FieldError[] {
  if (!http) return []
  const pathsPath = path.child('http', 'paths')
  const paths = http.paths ?? []
  if (paths.length === 0) return [required(pathsPath, '')]
  return paths.flatMap((httpPath, i) => validateHttpPath(httpPath, pathsPath.index(i), options))
}

function validateRule(rule: IngressRule, path: FieldPath, options: Options): FieldError[] {
  const host = rule.host ?? ''
  const hostPath = path.child('host')
  const errors: FieldError[] = []
  if (host !== '') {
    if (parseIp(host)) errors.push(invalid(hostPath, host, NOT_AN_IP))
    errors.push(...validateHostName(host, hostPath))
  }
  if (host.includes('*') && options.allowInvalidWildcardHostRule) return errors
  return errors.concat(validateRuleValue(rule, path, options))
}

function validateSpec(spec: IngressSpec, options: Options): FieldError[] {
  const { rules = [], tls = [], defaultBackend, ingressClassName } = spec
  const errors: FieldError[] = []
  if (rules.length === 0 && !defaultBackend) {
    errors.push(invalid(SPEC, spec.rules ?? null, 'either `defaultBackend` or `rules` must be specified'))
  }
  if (defaultBackend) {
    const path = SPEC.child('defaultBackend')
    errors.push(...validateIngressBackend(defaultBackend, path, options.relaxedServiceNames))
  }
  errors.push(
    ...rules.flatMap((rule, i) => validateRule(rule, SPEC.child('rules').index(i), options)),
    ...tls.flatMap((entry, i) => validateTls(entry, SPEC.child('tls').index(i), options)),
  )
  if (ingressClassName !== undefined) {
    const path = SPEC.child('ingressClassName')
    errors.push(...invalidEach(path, ingressClassName, nameIsDNSSubdomain(ingressClassName, false)))
  }
  return errors
}

function validateIngress(ingress: Ingress, options: Options): FieldError[] {
  return [
    ...validateObjectMeta(ingress.metadata, true, nameIsDNSSubdomain, METADATA),
    ...validateSpec(ingress.spec ?? {}, options),
  ]
}

function validateClassAnnotation({ metadata, spec }: Ingress): FieldError[] {
  const value = metadata.annotations?.[CLASS_ANNOTATION]
  const className = spec?.ingressClassName
  if (value === undefined || className === undefined || value === className) return []
  const path = FieldPath.of('annotations').child(CLASS_ANNOTATION)
  return [invalid(path, value, 'must match `ingressClassName` when both are specified')]
}

/** A Service's name that only the relaxed rule allows: it begins with a digit. */
const needsRelaxedRule = (name = ''): boolean =>
  nameIsDNSLabel(name, false).length === 0 && nameIsDNS1035Label(name, false).length > 0

function usesRelaxedServiceNames({ defaultBackend, rules = [] }: IngressSpec): boolean {
  const backends = rules.flatMap(({ http }) => (http?.paths ?? []).map(({ backend }) => backend))
  return [defaultBackend, ...backends].some((backend) => backend?.service && needsRelaxedRule(backend.service.name))
}

function createOptions(config: RegistryConfig): Options {
  const relaxedServiceNames = config.featureGates['RelaxedServiceNameValidation'] ?? true
  return { allowInvalidSecretName: false, allowInvalidWildcardHostRule: false, relaxedServiceNames }
}

function updateOptions(old: IngressSpec, config: RegistryConfig): Options {
  const options = createOptions(config)
  const strict = { ...options, relaxedServiceNames: false }
  return {
    allowInvalidSecretName: (old.tls ?? []).some(({ secretName }) => secretNameErrors(secretName).length > 0),
    allowInvalidWildcardHostRule: (old.rules ?? []).some(
      (rule) => rule.host?.includes('*') && validateRuleValue(rule, SPEC, strict).length > 0,
    ),
    relaxedServiceNames: options.relaxedServiceNames || usesRelaxedServiceNames(old),
  }
}

function validateLoadBalancer(
  status: IngressLoadBalancerStatus | undefined,
  old: IngressLoadBalancerStatus | undefined,
  config: RegistryConfig,
): FieldError[] {
  const options = legacyIpOptions(
    config,
    (old?.ingress ?? []).flatMap(({ ip }) => ip || []),
  )
  return (status?.ingress ?? []).flatMap(({ ip, hostname }, i) => {
    const path = LOAD_BALANCER_INGRESS.index(i)
    const errors = ip ? isValidIPForLegacyField(path.child('ip'), ip, options) : []
    if (!hostname) return errors
    const hostnamePath = path.child('hostname')
    errors.push(...invalidEach(hostnamePath, hostname, isDNS1123Subdomain(hostname)))
    if (parseIp(hostname)) errors.push(invalid(hostnamePath, hostname, NOT_AN_IP))
    return errors
  })
}

/** The first three hosts, then how many rules there are more. */
function hostsCell(rules: readonly IngressRule[]): string {
  const hosts: string[] = []
  let more = false
  for (const { host } of rules) {
    if (hosts.length === 3) more = true
    else if (host) hosts.push(host)
  }
  if (hosts.length === 0) return '*'
  return more ? `${hosts.join(',')} + ${rules.length - 3} more...` : hosts.join(',')
}

const table: TableDefinition<Ingress> = {
  columns: [nameColumn, column('Class'), column('Hosts'), column('Address'), column('Ports'), ageColumn],
  cells: (ingress, now) => [
    ingress.metadata.name ?? '',
    ingress.spec?.ingressClassName ?? '<none>',
    hostsCell(ingress.spec?.rules ?? []),
    formatLoadBalancer(ingress.status?.loadBalancer?.ingress),
    (ingress.spec?.tls?.length ?? 0) > 0 ? '80, 443' : '80',
    age(ingress, now),
  ],
}

/** @see pkg/registry/networking/ingress/strategy.go, pkg/apis/networking/validation/validation.go */
export const ingresses = defineResource<Ingress>({
  group: 'networking.k8s.io',
  resource: 'ingresses',
  hubVersion: 'v1',
  strategy: {
    prepareForCreate(ingress) {
      delete ingress.status
      ingress.metadata.generation = 1
    },
    validate: (ingress, { config }) => [
      ...validateIngress(ingress, createOptions(config)),
      ...validateClassAnnotation(ingress),
    ],
    warningsOnCreate({ metadata, spec }) {
      const annotated = metadata.annotations?.[CLASS_ANNOTATION] !== undefined
      if (!annotated || spec?.ingressClassName !== undefined) return []
      return [`annotation "${CLASS_ANNOTATION}" is deprecated, please use 'spec.ingressClassName' instead`]
    },
    prepareForUpdate(ingress, old) {
      ingress.status = old.status
      if (!semanticEqual(ingress.spec, old.spec)) ingress.metadata.generation = (old.metadata.generation ?? 0) + 1
    },
    validateUpdate: (ingress, old, { config }) => [
      ...validateObjectMetaUpdate(ingress.metadata, old.metadata, METADATA),
      ...validateIngress(ingress, updateOptions(old.spec ?? {}, config)),
    ],
  },
  subresourceStrategies: {
    status: {
      prepareForUpdate(ingress, old) {
        ingress.spec = old.spec
      },
      validateUpdate: (ingress, old, { config }) => [
        ...validateObjectMetaUpdate(ingress.metadata, old.metadata, METADATA),
        ...validateLoadBalancer(ingress.status?.loadBalancer, old.status?.loadBalancer, config),
      ],
      warningsOnUpdate: ({ status }) =>
        (status?.loadBalancer?.ingress ?? []).flatMap(({ ip }, i) =>
          ip ? warningsForIP(LOAD_BALANCER_INGRESS.index(i), ip) : [],
        ),
    },
  },
  table,
})
