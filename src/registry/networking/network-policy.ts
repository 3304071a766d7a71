import { type FieldError, forbidden, invalid, notSupported, required } from '../../apimachinery/field-error.ts'
import { FieldPath } from '../../apimachinery/field-path.ts'
import { semanticEqual } from '../../apimachinery/semantic-equal.ts'
import type {
  IPBlock,
  NetworkPolicy,
  NetworkPolicyPeer,
  NetworkPolicyPort,
  NetworkPolicySpec,
} from '../../apimachinery/types/networking-v1.ts'
import {
  cidrContains,
  type IpNetwork,
  isValidCIDRForLegacyField,
  type LegacyFieldOptions,
  parseCidr,
  warningsForCIDR,
} from '../../apimachinery/validation/ip.ts'
import { invalidEach, isValidPortName, isValidPortNum } from '../../apimachinery/validation/names.ts'
import { nameIsDNSSubdomain, validateLabelSelector } from '../../apimachinery/validation/object-meta.ts'
import { validateObjectMeta, validateObjectMetaUpdate } from '../core/core-object-meta.ts'
import { legacyIpOptions } from '../core/legacy-ip.ts'
import { defineResource, type TableDefinition } from '../resource.ts'
import { age, ageColumn, column, formatLabelSelector, nameColumn } from '../table-cells.ts'

const METADATA = FieldPath.of('metadata')
const SPEC = FieldPath.of('spec')

/** What an update may keep although it is invalid. */
interface Options {
  readonly allowInvalidLabelValueInSelector: boolean
  readonly cidr: LegacyFieldOptions
}

/** The two lists of rules with their lists of peers, under their names. */
function rulesOf(spec: NetworkPolicySpec) {
  return [
    ...(spec.ingress ?? []).map(({ ports, from }, i) => ({ list: 'ingress', peers: 'from', i, ports, of: from })),
    ...(spec.egress ?? []).map(({ ports, to }, i) => ({ list: 'egress', peers: 'to', i, ports, of: to })),
  ]
}

/** @see pkg/apis/networking/v1/defaults.go */
function setDefaults(policy: NetworkPolicy): void {
  policy.spec ??= {}
  const { spec } = policy
  for (const { ports } of rulesOf(spec)) for (const port of ports ?? []) port.protocol ??= 'TCP'
  if ((spec.policyTypes?.length ?? 0) > 0) return
  spec.policyTypes = (spec.egress?.length ?? 0) > 0 ? ['Ingress', 'Egress'] : ['Ingress']
}

function validateEndPort(port: number, endPort: number | undefined, path: FieldPath): FieldError[] {
  if (endPort === undefined) return []
  const endPortPath = path.child('endPort')
  const errors: FieldError[] = []
  if (endPort < port) errors.push(invalid(endPortPath, port, 'must be greater than or equal to `port`'))
  return errors.concat(invalidEach(endPortPath, endPort, isValidPortNum(endPort)))
}

function validatePort({ protocol, port, endPort }: NetworkPolicyPort, path: FieldPath): FieldError[] {
  const errors: FieldError[] = []
  const protocols = ['TCP', 'UDP', 'SCTP']
  if (protocol !== undefined && !protocols.includes(protocol)) {
    errors.push(notSupported(path.child('protocol'), protocol, protocols))
  }
  const portPath = path.child('port')
  if (typeof port === 'number') {
    return errors.concat(invalidEach(portPath, port, isValidPortNum(port)), validateEndPort(port, endPort, path))
  }
  if (endPort !== undefined) {
    const state = port === undefined ? 'not specified' : 'non-numeric'
    errors.push(invalid(path.child('endPort'), endPort, `may not be specified when \`port\` is ${state}`))
  }
  return port === undefined ? errors : errors.concat(invalidEach(portPath, port, isValidPortName(port)))
}

/** IPv4 addresses in IPv6 form have masks of 128 bits. */
const maskLength = ({ base, prefixLength }: IpNetwork): number => (base.mapped ? prefixLength + 96 : prefixLength)

function validateExcept(except: string, cidr: string, path: FieldPath, options: LegacyFieldOptions): FieldError[] {
  const errors = isValidCIDRForLegacyField(path, except, options)
  const outer = parseCidr(cidr)
  const inner = parseCidr(except)
  if (!outer || !inner) return errors
  const isSubset = cidrContains(outer, inner.base) && maskLength(outer) < maskLength(inner)
  return isSubset ? errors : [...errors, invalid(path, except, 'must be a strict subset of `cidr`')]
}

function validateIpBlock({ cidr, except = [] }: IPBlock, path: FieldPath, options: LegacyFieldOptions): FieldError[] {
  if (!cidr) return [required(path.child('cidr'), '')]
  const errors = isValidCIDRForLegacyField(path.child('cidr'), cidr, options)
  if (!parseCidr(cidr)) return errors
  const exceptPath = path.child('except')
  return errors.concat(except.flatMap((value, i) => validateExcept(value, cidr, exceptPath.index(i), options)))
}

function validatePeer(peer: NetworkPolicyPeer, path: FieldPath, options: Options): FieldError[] {
  const { podSelector, namespaceSelector, ipBlock } = peer
  const errors = [
    ...validateLabelSelector(podSelector, options, path.child('podSelector')),
    ...validateLabelSelector(namespaceSelector, options, path.child('namespaceSelector')),
  ]
  if (ipBlock) errors.push(...validateIpBlock(ipBlock, path.child('ipBlock'), options.cidr))
  if (!podSelector && !namespaceSelector && !ipBlock) errors.push(required(path, 'must specify a peer'))
  if (ipBlock && (podSelector || namespaceSelector)) {
    errors.push(forbidden(path, 'may not specify both ipBlock and another peer'))
  }
  return errors
}

function validatePolicyTypes(types: readonly string[]): FieldError[] {
  const path = SPEC.child('policyTypes')
  const known = ['Ingress', 'Egress']
  if (types.length > known.length) return [invalid(path, types, 'may not specify more than two policyTypes')]
  return types.flatMap((type, i) => (known.includes(type) ? [] : [notSupported(path.index(i), type, known)]))
}

function validateSpec(spec: NetworkPolicySpec, options: Options): FieldError[] {
  const errors = validateLabelSelector(spec.podSelector, options, SPEC.child('podSelector'))
  for (const { list, peers, i, ports = [], of = [] } of rulesOf(spec)) {
    const path = SPEC.child(list).index(i)
    errors.push(
      ...ports.flatMap((port, j) => validatePort(port, path.child('ports').index(j))),
      ...of.flatMap((peer, j) => validatePeer(peer, path.child(peers).index(j), options)),
    )
  }
  return errors.concat(validatePolicyTypes(spec.policyTypes ?? []))
}

/** Every network that the policy names; an update may use them again, wherever, even if they are invalid. */
function cidrsOf(spec: NetworkPolicySpec): string[] {
  const blocks = rulesOf(spec).flatMap(({ of = [] }) => of.flatMap(({ ipBlock }) => ipBlock ?? []))
  return blocks.flatMap(({ cidr, except = [] }) => [cidr, ...except])
}

function warningsFor({ spec = {} }: NetworkPolicy): string[] {
  return rulesOf(spec).flatMap(({ list, peers, i, of = [] }) =>
    of.flatMap(({ ipBlock }, j) => {
      if (!ipBlock) return []
      const path = SPEC.child(list).index(i).child(peers).index(j).child('ipBlock')
      const except = (ipBlock.except ?? []).flatMap((value, k) => warningsForCIDR(path.child('except').index(k), value))
      return [...warningsForCIDR(path.child('cidr'), ipBlock.cidr), ...except]
    }),
  )
}

const table: TableDefinition<NetworkPolicy> = {
  columns: [nameColumn, column('Pod-Selector'), ageColumn],
  cells: (policy, now) => [
    policy.metadata.name ?? '',
    formatLabelSelector(policy.spec?.podSelector ?? {}),
    age(policy, now),
  ],
}

/** @see pkg/registry/networking/networkpolicy/strategy.go, pkg/apis/networking/validation/validation.go */
export const networkPolicies = defineResource<NetworkPolicy>({
  group: 'networking.k8s.io',
  resource: 'networkpolicies',
  hubVersion: 'v1',
  defaults: setDefaults,
  strategy: {
    prepareForCreate(policy) {
      policy.metadata.generation = 1
    },
    validate(policy, { config }) {
      const options = { allowInvalidLabelValueInSelector: false, cidr: legacyIpOptions(config) }
      return [
        ...validateObjectMeta(policy.metadata, true, nameIsDNSSubdomain, METADATA),
        ...validateSpec(policy.spec!, options),
      ]
    },
    warningsOnCreate: warningsFor,
    prepareForUpdate(policy, old) {
      if (!semanticEqual(policy.spec, old.spec)) policy.metadata.generation = (old.metadata.generation ?? 0) + 1
    },
    validateUpdate(policy, old, { config }) {
      const hadInvalidSelector = validateLabelSelector(old.spec!.podSelector, {}, SPEC).length > 0
      const options = {
        allowInvalidLabelValueInSelector: hadInvalidSelector,
        cidr: legacyIpOptions(config, cidrsOf(old.spec!)),
      }
      return [
        ...validateObjectMetaUpdate(policy.metadata, old.metadata, METADATA),
        ...validateSpec(policy.spec!, options),
      ]
    },
    warningsOnUpdate: warningsFor,
  },
  table,
})
