import { type FieldError, invalid, LiteralValue } from '../../apimachinery/field-error.ts'
import { FieldPath } from '../../apimachinery/field-path.ts'
import { type GoType, goStructValue } from '../../apimachinery/go-struct.ts'
import { semanticEqual } from '../../apimachinery/semantic-equal.ts'
import type { Job, JobSpec } from '../../apimachinery/types/batch-v1.ts'
import type { Container, PodSpec, PodTemplateSpec } from '../../apimachinery/types/core-v1.ts'
import { FIELD_IMMUTABLE_MESSAGE, validateImmutableField } from '../../apimachinery/validation/object-meta.ts'
import { validateSelectorKept } from '../apps/pod-template-selector.ts'
import { goPodValue, internalPodSpec } from '../core/pod/go-pod-types.ts'
import { isIndexed, podFailurePolicyType, successPolicyType } from './job-spec-validation.ts'
import { hasCondition } from './job-status-validation.ts'

const SPEC = FieldPath.of('spec')

/** A suspended Job without pods that has never started, or has stopped completely, may still be rescheduled. */
function mayChangePodTemplate({ spec, status }: Job): boolean {
  if (spec?.suspend !== true || (status?.active ?? 0) !== 0) return false
  return status?.startTime === undefined || hasCondition(status, 'Suspended')
}

function validateCompletions(spec: JobSpec, old: JobSpec): FieldError[] {
  const path = SPEC.child('completions')
  if (!isIndexed(spec)) return validateImmutableField(spec.completions, old.completions, path)
  if (spec.completions === old.completions || spec.completions === undefined) return []
  if (spec.completions === spec.parallelism) return []
  return [invalid(path, spec.completions, 'can only be modified in tandem with spec.parallelism')]
}

/** The old template with all of the new one's scheduling directives, so that only other changes show. */
function withSchedulingDirectives(old: PodTemplateSpec, template: PodTemplateSpec): PodTemplateSpec {
  const spec = template.spec!
  const { nodeAffinity: _, ...otherAffinity } = old.spec?.affinity ?? {}
  const nodeAffinity = spec.affinity?.nodeAffinity
  const affinity = { ...otherAffinity, ...(nodeAffinity ? { nodeAffinity } : {}) }
  const keepAffinity = spec.affinity !== undefined || Object.keys(otherAffinity).length > 0
  return {
    metadata: {
      ...old.metadata,
      annotations: template.metadata?.annotations,
      labels: template.metadata?.labels,
    },
    spec: {
      ...old.spec!,
      affinity: keepAffinity ? affinity : undefined,
      nodeSelector: spec.nodeSelector,
      tolerations: spec.tolerations,
      schedulingGates: spec.schedulingGates,
    },
  }
}

/** The old containers with the resources of the new ones of the same name and place. */
function withResources(old: Container[] | undefined, containers: Container[] | undefined): Container[] | undefined {
  if (!old || old.length !== containers?.length) return old
  return old.map((container, i) =>
    container.name === containers[i]!.name ? { ...container, resources: containers[i]!.resources } : container,
  )
}

const podSpecValue = (spec: PodSpec): LiteralValue => goPodValue('PodSpec', internalPodSpec(spec))

/** core.PodTemplateSpec as messages print it: the members of its metadata stand beside the spec. */
function podTemplateValue({ metadata, spec }: PodTemplateSpec): LiteralValue {
  const members = goPodValue('ObjectMeta', metadata).text.slice(1, -1)
  return new LiteralValue(`{${members === '' ? '' : `${members},`}"Spec":${podSpecValue(spec!).text}}`)
}

function validateOnlyResourcesChange(spec: PodSpec, old: PodSpec): FieldError[] {
  const expected = {
    ...old,
    containers: withResources(old.containers, spec.containers),
    initContainers: withResources(old.initContainers, spec.initContainers),
  }
  if (semanticEqual(spec, expected)) return []
  return [invalid(SPEC.child('template.spec'), podSpecValue(spec), FIELD_IMMUTABLE_MESSAGE)]
}

function validatePodTemplate(job: Job, old: Job): FieldError[] {
  const template = job.spec!.template
  const mutable = mayChangePodTemplate(old)
  const oldTemplate = old.spec!.template
  const expected = mutable ? withSchedulingDirectives(oldTemplate, template) : oldTemplate
  if (mutable) return validateOnlyResourcesChange(template.spec!, expected.spec!)
  if (semanticEqual(template, expected)) return []
  return [invalid(SPEC.child('template'), podTemplateValue(template), FIELD_IMMUTABLE_MESSAGE)]
}

function validateImmutableStruct(value: unknown, old: unknown, path: FieldPath, type: GoType): FieldError[] {
  return semanticEqual(value, old) ? [] : [invalid(path, goStructValue(type, value), FIELD_IMMUTABLE_MESSAGE)]
}

/** @see pkg/apis/batch/validation/validation.go ValidateJobSpecUpdate */
export function validateJobImmutableFields(job: Job, oldJob: Job): FieldError[] {
  const spec = job.spec!
  const old = oldJob.spec!
  return [
    ...validateCompletions(spec, old),
    ...validateSelectorKept(spec.selector, old.selector, SPEC.child('selector')),
    ...validatePodTemplate(job, oldJob),
    ...validateImmutableField(spec.completionMode, old.completionMode, SPEC.child('completionMode')),
    ...validateImmutableStruct(
      spec.podFailurePolicy,
      old.podFailurePolicy,
      SPEC.child('podFailurePolicy'),
      podFailurePolicyType,
    ),
    ...validateImmutableField(spec.backoffLimitPerIndex, old.backoffLimitPerIndex, SPEC.child('backoffLimitPerIndex')),
    ...validateImmutableField(spec.managedBy, old.managedBy, SPEC.child('managedBy')),
    ...validateImmutableStruct(spec.successPolicy, old.successPolicy, SPEC.child('successPolicy'), successPolicyType),
  ]
}
