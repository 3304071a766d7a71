import { FieldPath } from '../../../apimachinery/field-path.ts'
import { goQuote } from '../../../apimachinery/go-quote.ts'
import { parseQuantity } from '../../../apimachinery/quantity.ts'
import type {
  ContainerPort,
  Pod,
  PodAffinity,
  PodSpec,
  PodTemplateSpec,
  Volume,
} from '../../../apimachinery/types/core-v1.ts'
import type { ObjectMeta } from '../../../apimachinery/types/meta-v1.ts'
import { warningsForIP } from '../../../apimachinery/validation/ip.ts'
import { deprecatedNodeLabelMessage } from '../../deprecated-node-labels.ts'
import { nodeSelectorTermWarnings } from '../node-selector.ts'
import { appArmorAnnotationWarning, appArmorFieldForAnnotation } from './app-armor-annotations.ts'
import { featureEnabled, type PodConfig } from './feature-gates.ts'
import { isFractional, sortedKeys } from './field-checks.ts'
import {
  APP_ARMOR_ANNOTATION_PREFIX,
  SECCOMP_CONTAINER_ANNOTATION_PREFIX,
  SECCOMP_POD_ANNOTATION,
} from './pod-annotation-validation.ts'
import { type AnyContainer, visitContainersWithPath } from './pod-containers.ts'
import { specEqual } from './spec-equal.ts'
import { warningsForOverlappingPaths } from './volume-path-warnings.ts'

type Features = Pick<PodConfig, 'featureGates'>

const DEFAULT_FEATURES: Features = { featureGates: {} }
const POD_SPEC = FieldPath.of('spec')
const POD_METADATA = FieldPath.of('metadata')

const DEPRECATED_ANNOTATIONS: readonly (readonly [key: string, message: string])[] = [
  ['scheduler.alpha.kubernetes.io/critical-pod', 'non-functional in v1.16+; use the "priorityClassName" field instead'],
  ['security.alpha.kubernetes.io/sysctls', 'non-functional in v1.11+; use the "sysctls" field instead'],
  ['security.alpha.kubernetes.io/unsafe-sysctls', 'non-functional in v1.11+; use the "sysctls" field instead'],
]

/** What is deprecated, ambiguous or likely not meant in a pod. */
export function warningsForPod(pod: Pod, _old: Pod | undefined, config: Features = DEFAULT_FEATURES): string[] {
  if (!pod.spec) return []
  const target = { spec: pod.spec, meta: pod.metadata ?? {}, specPath: POD_SPEC, metaPath: POD_METADATA, config }
  return collect(target, { isTemplate: false })
}

/** The same for a template, which stands at `path`. */
export function warningsForPodTemplate(
  path: FieldPath,
  template: PodTemplateSpec | undefined,
  _old: PodTemplateSpec | undefined,
  config: Features = DEFAULT_FEATURES,
): string[] {
  if (!template?.spec) return []
  const paths = { specPath: path.child('spec'), metaPath: path.child('metadata') }
  return collect({ spec: template.spec, meta: template.metadata ?? {}, ...paths, config }, { isTemplate: true })
}

interface Target {
  readonly spec: PodSpec
  readonly meta: ObjectMeta
  readonly specPath: FieldPath
  readonly metaPath: FieldPath
  readonly config: Features
}

/** @see kubernetes pkg/api/pod/warnings.go warningsForPodSpecAndMeta */
function collect(target: Target, { isTemplate }: { readonly isTemplate: boolean }): string[] {
  const warnings: string[] = []
  const { spec, specPath } = target
  warnAboutNodes(warnings, target)
  warnAboutSpread(warnings, target)
  warnAboutAnnotations(warnings, target)
  if (spec.volumes) {
    for (const [i, volume] of spec.volumes.entries()) {
      warnAboutVolume(warnings, volume, specPath.child('volumes').index(i), target.config)
    }
    warnings.push(...warningsForOverlappingPaths(spec.volumes))
  }
  warnAboutRepeated(warnings, target)
  for (const name of ['memory', 'ephemeral-storage']) {
    warnAboutFraction(warnings, spec.overhead, name, specPath.child('overhead'))
  }
  warnAboutSeccompOfPod(warnings, target)
  visitContainersWithPath(spec, specPath, (container, path) => {
    warnAboutContainer(warnings, container, path, target, isTemplate)
  })
  warnAboutPorts(warnings, spec, specPath)
  warnAboutPortNames(warnings, spec, specPath)
  if ((spec.terminationGracePeriodSeconds ?? 0) < 0) {
    const at = specPath.child('terminationGracePeriodSeconds')
    warnings.push(`${at}: must be >= 0; negative values are invalid and will be treated as 1`)
  }
  warnAboutPodAffinity(warnings, spec.affinity?.podAffinity, specPath.child('affinity', 'podAffinity'))
  warnAboutPodAffinity(warnings, spec.affinity?.podAntiAffinity, specPath.child('affinity', 'podAntiAffinity'))
  warnAboutAddresses(warnings, target)
  return warnings
}

function warnAboutNodes(warnings: string[], { spec, specPath }: Target): void {
  for (const key of sortedKeys(spec.nodeSelector)) {
    const message = deprecatedNodeLabelMessage(key)
    if (message) warnings.push(`${specPath.child('nodeSelector').key(key)}: ${message}`)
  }
  const affinity = spec.affinity?.nodeAffinity
  if (!affinity) return
  const path = specPath.child('affinity', 'nodeAffinity')
  const must = path.child('requiredDuringSchedulingIgnoredDuringExecution', 'nodeSelectorTerms')
  const terms = affinity.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? []
  for (const [i, term] of terms.entries())
    warnings.push(...nodeSelectorTermWarnings(term, must.index(i), { values: false }))
  const preferred = path.child('preferredDuringSchedulingIgnoredDuringExecution')
  for (const [i, term] of (affinity.preferredDuringSchedulingIgnoredDuringExecution ?? []).entries()) {
    const at = preferred.index(i).child('preference')
    warnings.push(...nodeSelectorTermWarnings(term.preference, at, { values: true }))
  }
}

function warnAboutSpread(warnings: string[], { spec, specPath }: Target): void {
  for (const [i, { topologyKey = '', labelSelector }] of (spec.topologySpreadConstraints ?? []).entries()) {
    const own = specPath.child('topologySpreadConstraints').index(i)
    const message = deprecatedNodeLabelMessage(topologyKey)
    if (message) warnings.push(`${own.child('topologyKey')}: ${topologyKey} is ${message}`)
    if (!labelSelector) warnAboutNullSelector(warnings, own)
  }
}

function warnAboutNullSelector(warnings: string[], path: FieldPath): void {
  warnings.push(`${path.child('labelSelector')}: a null labelSelector results in matching no pod`)
}

function warnAboutAnnotations(warnings: string[], { meta, metaPath }: Target): void {
  if (!meta.annotations) return
  for (const [key, message] of DEPRECATED_ANNOTATIONS) {
    if (meta.annotations[key] !== undefined) warnings.push(`${metaPath.child('annotations').key(key)}: ${message}`)
  }
}

/** Kinds of volumes that do nothing any more, or soon. */
const DEPRECATED_VOLUMES: readonly (readonly [field: keyof Volume, printed: string, since: string])[] = [
  ['photonPersistentDisk', 'photonPersistentDisk', 'deprecated in v1.11, non-functional in v1.16+'],
  ['gitRepo', 'gitRepo', 'deprecated in v1.11'],
  ['scaleIO', 'scaleIO', 'deprecated in v1.16, non-functional in v1.22+'],
  ['flocker', 'flocker', 'deprecated in v1.22, non-functional in v1.25+'],
  ['storageos', 'storageOS', 'deprecated in v1.22, non-functional in v1.25+'],
  ['quobyte', 'quobyte', 'deprecated in v1.22, non-functional in v1.25+'],
  ['glusterfs', 'glusterfs', 'deprecated in v1.25, non-functional in v1.26+'],
  ['ephemeral', 'ephemeral', ''],
  ['cephfs', 'cephfs', 'deprecated in v1.28, non-functional in v1.31+'],
  ['rbd', 'rbd', 'deprecated in v1.28, non-functional in v1.31+'],
]

function warnAboutVolume(warnings: string[], volume: Volume, path: FieldPath, config: Features): void {
  for (const [field, printed, since] of DEPRECATED_VOLUMES) {
    if (volume[field] === undefined) continue
    if (field === 'ephemeral') {
      const resources = volume.ephemeral?.volumeClaimTemplate?.spec?.resources
      const at = path.child('ephemeral', 'volumeClaimTemplate', 'spec', 'resources')
      warnAboutFraction(warnings, resources?.requests, 'storage', at.child('requests'))
      warnAboutFraction(warnings, resources?.limits, 'storage', at.child('limits'))
      continue
    }
    const disabled =
      field === 'gitRepo' && !featureEnabled({ ...config, allowPrivileged: false }, 'GitRepoVolumeDriver')
    warnings.push(`${path.child(printed)}: ${since}${disabled ? ', and disabled by default in v1.33+' : ''}`)
  }
}

function warnAboutFraction(
  warnings: string[],
  list: Readonly<Record<string, string>> | undefined,
  name: string,
  path: FieldPath,
): void {
  const text = list?.[name]
  if (!isFractional(text)) return
  const value = goQuote(parseQuantity(text!).toString())
  warnings.push(`${path.key(name)}: fractional byte value ${value} is invalid, must be an integer`)
}

function warnAboutRepeated(warnings: string[], { spec, specPath }: Target): void {
  const addresses = new Set<string>()
  for (const [i, { ip = '' }] of (spec.hostAliases ?? []).entries()) {
    if (addresses.has(ip)) {
      warnings.push(`${specPath.child('hostAliases').index(i).child('ip')}: duplicate ip ${goQuote(ip)}`)
    }
    addresses.add(ip)
  }
  const secrets = spec.imagePullSecrets ?? []
  const at = (i: number): FieldPath => specPath.child('imagePullSecrets').index(i).child('name')
  const names = new Set<string>()
  for (const [i, { name = '' }] of secrets.entries()) {
    if (names.has(name)) warnings.push(`${at(i)}: duplicate name ${goQuote(name)}`)
    names.add(name)
  }
  for (const [i, { name }] of secrets.entries()) if (!name) warnings.push(`${at(i)}: invalid empty name ""`)
}

const SECCOMP_TEXT = 'non-functional in v1.27+; use the "seccompProfile" field instead'

function warnAboutSeccompOfPod(warnings: string[], { spec, meta, metaPath }: Target): void {
  if (spec.securityContext?.seccompProfile || meta.annotations?.[SECCOMP_POD_ANNOTATION] === undefined) return
  warnings.push(`${metaPath.child('annotations').key(SECCOMP_POD_ANNOTATION)}: ${SECCOMP_TEXT}`)
}

function warnAboutContainer(
  warnings: string[],
  container: AnyContainer,
  path: FieldPath,
  { spec, meta, metaPath }: Target,
  isTemplate: boolean,
): void {
  const { securityContext, resources, name = '' } = container
  const seccomp = SECCOMP_CONTAINER_ANNOTATION_PREFIX + name
  if (!securityContext?.seccompProfile && meta.annotations?.[seccomp] !== undefined) {
    warnings.push(`${metaPath.child('annotations').key(seccomp)}: ${SECCOMP_TEXT}`)
  }
  const appArmor = meta.annotations?.[APP_ARMOR_ANNOTATION_PREFIX + name]
  // A pod's are given where the field is set from the annotation, on creation.
  if (isTemplate && !securityContext?.appArmorProfile && appArmor !== undefined) {
    const ofPod = spec.securityContext?.appArmorProfile
    if (!ofPod || !specEqual(ofPod, appArmorFieldForAnnotation(appArmor))) {
      warnings.push(appArmorAnnotationWarning(metaPath.child('annotations'), name))
    }
  }
  for (const amount of ['memory', 'ephemeral-storage']) {
    warnAboutFraction(warnings, resources?.limits, amount, path.child('resources', 'limits'))
    warnAboutFraction(warnings, resources?.requests, amount, path.child('resources', 'requests'))
  }
  warnAboutHiddenEnv(warnings, container, path)
}

function warnAboutHiddenEnv(warnings: string[], { env }: AnyContainer, path: FieldPath): void {
  if (!env || env.length < 2) return
  const names = new Set<string>()
  for (const [i, { name = '', value = '', valueFrom }] of env.entries()) {
    if (!names.has(name)) {
      names.add(name)
      continue
    }
    const reference = `$(${name})`
    // One that goes on from the value before it is meant.
    if (!valueFrom && value !== reference && value.includes(reference)) continue
    const own = path.child('env').index(i)
    warnings.push(`${own}: hides previous definition of ${goQuote(name)}, which may be dropped when using apply`)
  }
}

interface PlacedPort {
  readonly path: FieldPath
  readonly hostIP: string
  readonly hostPort: number
}

function visitPorts(spec: PodSpec, specPath: FieldPath, visit: (port: ContainerPort, path: FieldPath) => void): void {
  visitContainersWithPath(spec, specPath, (container, path) => {
    for (const [i, port] of (container.ports ?? []).entries()) visit(port, path.child('ports').index(i))
  })
}

function warnAboutPorts(warnings: string[], spec: PodSpec, specPath: FieldPath): void {
  const all = new Map<string, PlacedPort[]>()
  visitPorts(spec, specPath, (port, path) => {
    const { hostIP = '', hostPort = 0, containerPort = 0, protocol = '', name = '' } = port
    if (hostIP !== '' && hostPort === 0) {
      const printed = `{Name:${name} HostPort:${hostPort} ContainerPort:${containerPort} Protocol:${protocol} HostIP:${hostIP}}`
      warnings.push(`${path}: hostIP set without hostPort: ${printed}`)
    }
    const key = `${containerPort}/${protocol}`
    const others = all.get(key) ?? []
    const own = { path, hostIP, hostPort }
    for (const other of others) {
      const clash = portClash(own, other)
      if (clash) warnings.push(`${path}: ${clash} port definition with ${other.path}`)
    }
    all.set(key, [...others, own])
  })
}

function portClash(a: PlacedPort, b: PlacedPort): string | undefined {
  if (a.hostIP === b.hostIP && a.hostPort === b.hostPort) return 'duplicate'
  if (a.hostPort === 0 || b.hostPort === 0) return 'overlapping'
  const oneIsAny = (a.hostIP === '') !== (b.hostIP === '')
  return a.hostPort === b.hostPort && oneIsAny ? 'dangerously ambiguous' : undefined
}

function warnAboutPortNames(warnings: string[], spec: PodSpec, specPath: FieldPath): void {
  const first = new Map<string, FieldPath>()
  visitPorts(spec, specPath, ({ name }, path) => {
    if (!name) return
    const other = first.get(name)
    if (!other) return void first.set(name, path)
    const chosen = `services and probes that select ports by name will use ${other}`
    warnings.push(`${path}: duplicate port name ${goQuote(name)} with ${other}, ${chosen}`)
  })
}

function warnAboutPodAffinity(warnings: string[], affinity: PodAffinity | undefined, path: FieldPath): void {
  if (!affinity) return
  const must = path.child('requiredDuringSchedulingIgnoredDuringExecution')
  for (const [i, term] of (affinity.requiredDuringSchedulingIgnoredDuringExecution ?? []).entries()) {
    if (!term.labelSelector) warnAboutNullSelector(warnings, must.index(i))
  }
  const preferred = path.child('preferredDuringSchedulingIgnoredDuringExecution')
  for (const [i, term] of (affinity.preferredDuringSchedulingIgnoredDuringExecution ?? []).entries()) {
    if (!term.podAffinityTerm?.labelSelector)
      warnAboutNullSelector(warnings, preferred.index(i).child('podAffinityTerm'))
  }
}

function warnAboutAddresses(warnings: string[], { spec, specPath }: Target): void {
  for (const [i, address] of (spec.dnsConfig?.nameservers ?? []).entries()) {
    warnings.push(...warningsForIP(specPath.child('dnsConfig', 'nameservers').index(i), address))
  }
  for (const [i, { ip = '' }] of (spec.hostAliases ?? []).entries()) {
    warnings.push(...warningsForIP(specPath.child('hostAliases').index(i).child('ip'), ip))
  }
}
