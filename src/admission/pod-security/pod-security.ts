import { aggregateMessage, forbidden, internalError, invalid } from '../../apimachinery/api-error.ts'
import type { Clock } from '../../apimachinery/clock.ts'
import { type FieldError, fieldErrorMessage } from '../../apimachinery/field-error.ts'
import { goQuote } from '../../apimachinery/go-quote.ts'
import type { KubeObject } from '../../apimachinery/kube-object.ts'
import { semanticEqual } from '../../apimachinery/semantic-equal.ts'
import type { Container, EphemeralContainer, Pod, PodSpec } from '../../apimachinery/types/core-v1.ts'
import type { ObjectMeta } from '../../apimachinery/types/meta-v1.ts'
import type { AdmissionAttributes, AdmissionPlugin } from '../admission.ts'
import { NO_OBSERVER, type PodSecurityObserver } from '../admission-observer.ts'
import type { ObjectReader } from '../object-reader.ts'
import type { Violation } from './check.ts'
import { warningsOfExistingPods } from './existing-pods.ts'
import {
  areEquivalent,
  isFullyPrivileged,
  modesSetBy,
  type NamespacePolicy,
  POD_SECURITY_PREFIX,
  policyOfLabels,
} from './namespace-policy.ts'
import type { PodSecurityConfiguration } from './pod-security-configuration.ts'
import { templateFinder } from './pod-templates.ts'
import { describeInDetail, evaluatePod } from './policy-evaluator.ts'
import { compareLevels, formatLevelVersion, type LevelVersion, sameLevelVersion } from './policy-version.ts'

/** Subresources of pods that can't change what a pod may do. */
const IGNORED_SUBRESOURCES: ReadonlySet<string> = new Set([
  'exec',
  'attach',
  'binding',
  'eviction',
  'log',
  'portforward',
  'proxy',
  'status',
])

/** What is evaluated: a pod, or the template of one. */
interface Evaluated {
  readonly metadata: ObjectMeta
  readonly spec: PodSpec
  /** Pods are refused; templates are only spoken of. */
  readonly enforce: boolean
}

/**
 * Holds pods to the Pod Security Standards that the labels of their namespace name.
 *
 * @see kubernetes plugin/pkg/admission/security/podsecurity/admission.go, pod-security-admission admission/admission.go
 */
export class PodSecurity implements AdmissionPlugin {
  readonly name = 'PodSecurity'
  readonly #reader: ObjectReader
  readonly #clock: Clock
  readonly #configuration: PodSecurityConfiguration
  readonly #observer: PodSecurityObserver

  constructor(
    reader: ObjectReader,
    clock: Clock,
    configuration: PodSecurityConfiguration,
    observer: PodSecurityObserver = NO_OBSERVER,
  ) {
    this.#reader = reader
    this.#clock = clock
    this.#configuration = configuration
    this.#observer = observer
  }

  handles(operation: string): boolean {
    return operation === 'CREATE' || operation === 'UPDATE'
  }

  validate(attributes: AdmissionAttributes): void | Promise<void> {
    const { resource, subresource } = attributes
    if (resource.group === '' && resource.resource === 'namespaces') {
      return subresource === '' ? this.#validateNamespace(attributes) : undefined
    }
    if (resource.group === '' && resource.resource === 'pods') {
      return IGNORED_SUBRESOURCES.has(subresource) ? undefined : this.#inNamespace(attributes, this.#validatePod)
    }
    if (subresource !== '' || !templateFinder(resource.group, resource.resource)) return
    return this.#inNamespace(attributes, this.#validateTemplate)
  }

  /** Goes on with the namespace of the request, unless it or the user is exempt. */
  #inNamespace(
    attributes: AdmissionAttributes,
    next: (attributes: AdmissionAttributes, namespace: KubeObject | undefined) => void,
  ): void | Promise<void> {
    const { namespace, user } = attributes
    const { exemptNamespaces, exemptUsers } = this.#configuration
    if (namespace !== '' && exemptNamespaces.has(namespace)) return this.#exempt(attributes, 'namespace')
    if (user?.name && exemptUsers.has(user.name)) return this.#exempt(attributes, 'user')
    const found = this.#reader.get('', 'namespaces', '', namespace)
    if (found instanceof Promise) return found.then((object) => next(attributes, object))
    next(attributes, found)
  }

  #exempt(attributes: AdmissionAttributes, by: 'namespace' | 'user' | 'runtimeClass'): void {
    annotate(attributes, 'exempt', by)
    this.#observer.exempted(attributes)
  }

  readonly #validatePod = (attributes: AdmissionAttributes, namespace: KubeObject | undefined): void => {
    if (!namespace) {
      this.#observer.failed(true, attributes)
      throw internalError(`failed to lookup namespace ${goQuote(attributes.namespace)}`)
    }
    const { policy, errors } = policyOfLabels(namespace.metadata.labels, this.#configuration.defaults)
    if (errors.length === 0 && isFullyPrivileged(policy)) {
      annotate(attributes, 'enforce-policy', 'privileged:latest')
      this.#observer.evaluated('allow', policy.enforce, 'enforce', attributes)
      return
    }
    const pod = attributes.object as unknown as Pod
    const old = attributes.oldObject as unknown as Pod | undefined
    if (attributes.operation === 'UPDATE' && old && !isSignificantUpdate(pod, old)) return
    this.#evaluate(attributes, { metadata: pod.metadata, spec: pod.spec!, enforce: true }, policy, errors)
  }

  readonly #validateTemplate = (attributes: AdmissionAttributes, namespace: KubeObject | undefined): void => {
    const { resource, object } = attributes
    if (!namespace) {
      const why = `failed to lookup namespace ${goQuote(attributes.namespace)}: namespace ${goQuote(attributes.namespace)} not found`
      annotate(attributes, 'error', why)
      this.#observer.failed(true, attributes)
      return
    }
    const { policy, errors } = policyOfLabels(namespace.metadata.labels, this.#configuration.defaults)
    const isSilent = policy.warn.level === 'privileged' && policy.audit.level === 'privileged'
    if (errors.length === 0 && isSilent) return
    const template = templateFinder(resource.group, resource.resource)!(object!)
    if (!template?.spec) return
    const evaluated = { metadata: template.metadata ?? {}, spec: template.spec, enforce: false }
    this.#evaluate(attributes, evaluated, policy, errors)
  }

  #evaluate(
    attributes: AdmissionAttributes,
    { metadata, spec, enforce }: Evaluated,
    policy: NamespacePolicy,
    errors: readonly FieldError[],
  ): void {
    if (spec.runtimeClassName && this.#configuration.exemptRuntimeClasses.has(spec.runtimeClassName)) {
      this.#exempt(attributes, 'runtimeClass')
      return
    }
    if (errors.length > 0) {
      annotate(attributes, 'error', `Failed to parse policy: ${aggregateMessage(errors.map(fieldErrorMessage))}`)
      this.#observer.failed(false, attributes)
    }
    const results = new Map<string, readonly Violation[]>()
    const violationsOf = (mode: LevelVersion): readonly Violation[] => {
      const key = formatLevelVersion(mode)
      const known = results.get(key) ?? evaluatePod(mode, metadata, spec)
      results.set(key, known)
      return known
    }
    const describe = (mode: LevelVersion): string =>
      `${goQuote(formatLevelVersion(mode))}: ${describeInDetail(violationsOf(mode))}`
    const isRefused = enforce && violationsOf(policy.enforce).length > 0
    if (enforce) {
      annotate(attributes, 'enforce-policy', formatLevelVersion(policy.enforce))
      this.#observer.evaluated(isRefused ? 'deny' : 'allow', policy.enforce, 'enforce', attributes)
    }
    if (violationsOf(policy.audit).length > 0) {
      this.#observer.evaluated('deny', policy.audit, 'audit', attributes)
      annotate(attributes, 'audit-violations', `would violate PodSecurity ${describe(policy.audit)}`)
    }
    if (isRefused) {
      const { resource, name } = attributes
      throw forbidden(resource, name, `violates PodSecurity ${describe(policy.enforce)}`)
    }
    if (violationsOf(policy.warn).length > 0) {
      this.#observer.evaluated('deny', policy.warn, 'warn', attributes)
      attributes.addWarning(`would violate PodSecurity ${describe(policy.warn)}`)
    }
  }

  async #validateNamespace(attributes: AdmissionAttributes): Promise<void> {
    const { kind, name, object, oldObject } = attributes
    const { defaults } = this.#configuration
    const labels = object!.metadata.labels
    const { policy, errors } = policyOfLabels(labels, defaults)
    if (!oldObject) {
      if (errors.length > 0) throw invalid(kind, name, errors)
      return this.#warnOfExemption(attributes, policy)
    }
    const old = policyOfLabels(oldObject.metadata.labels, defaults)
    if (errors.length > 0 && !semanticEqual(errors, old.errors)) throw invalid(kind, name, errors)
    if (!isStricter(policy.enforce, old.policy.enforce)) return
    if (this.#configuration.exemptNamespaces.has(attributes.namespace)) return this.#warnOfExemption(attributes, policy)
    await this.#warnOfExistingPods(attributes, policy.enforce)
  }

  async #warnOfExistingPods(attributes: AdmissionAttributes, enforce: LevelVersion): Promise<void> {
    const namespace = attributes.object!.metadata.name ?? ''
    const { exemptRuntimeClasses } = this.#configuration
    const warnings = await warningsOfExistingPods({
      namespace,
      pods: (await this.#reader.list('', 'pods', namespace)) as unknown as readonly Pod[],
      enforce,
      clock: this.#clock,
      isExempt: ({ spec }) => exemptRuntimeClasses.has(spec?.runtimeClassName ?? ''),
    })
    for (const warning of warnings) attributes.addWarning(warning)
  }

  /** Labels on a namespace that is exempt do nothing, which their author may not know. */
  #warnOfExemption(attributes: AdmissionAttributes, policy: NamespacePolicy): void {
    if (!this.#configuration.exemptNamespaces.has(attributes.namespace)) return
    if (isFullyPrivileged(policy) || areEquivalent(policy, this.#configuration.defaults)) return
    const { name, labels } = attributes.object!.metadata
    const modes = modesSetBy(labels).filter((mode) => policy[mode].level !== 'privileged')
    const summary = modes.map((mode) => `${mode}=${formatLevelVersion(policy[mode])}`).join(', ')
    attributes.addWarning(
      `namespace ${goQuote(name ?? '')} is exempt from Pod Security, and the policy (${summary}) will be ignored`,
    )
  }
}

function annotate(attributes: AdmissionAttributes, key: string, value: string): void {
  attributes.addAuditAnnotation(POD_SECURITY_PREFIX + key, value)
}

/** Pods that were let in before may not be any more. */
function isStricter(policy: LevelVersion, old: LevelVersion): boolean {
  if (policy.level === 'privileged' || sameLevelVersion(policy, old)) return false
  return policy.version !== old.version || compareLevels(policy.level, old.level) > 0
}

/** Containers have come or have another image: nothing else that matters can be changed of a pod. */
function isSignificantUpdate({ spec }: Pod, { spec: old }: Pod): boolean {
  const changed = (now: readonly Container[] = [], before: readonly Container[] = []): boolean =>
    now.length !== before.length || now.some((container, i) => container.image !== before[i]!.image)
  if (changed(spec?.containers, old?.containers) || changed(spec?.initContainers, old?.initContainers)) return true
  const ephemeral: readonly EphemeralContainer[] = old?.ephemeralContainers ?? []
  return (spec?.ephemeralContainers ?? []).some((container) => {
    const before = ephemeral.find((c) => c.name === container.name)
    return !before || before.image !== container.image
  })
}
