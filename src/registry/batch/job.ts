import { parseTime } from '../../apimachinery/clock.ts'
import { type FieldError, invalid, required } from '../../apimachinery/field-error.ts'
import { FieldPath } from '../../apimachinery/field-path.ts'
import { goQuote } from '../../apimachinery/go-quote.ts'
import { semanticEqual } from '../../apimachinery/semantic-equal.ts'
import type { Job } from '../../apimachinery/types/batch-v1.ts'
import { isDNS1123Label } from '../../apimachinery/validation/names.ts'
import { labelSelectorHasInvalidLabelValue, nameIsDNSSubdomain } from '../../apimachinery/validation/object-meta.ts'
import { podNameWarnings } from '../apps/pod-name-warnings.ts'
import { labelSelectorValue, parseSelector } from '../apps/pod-template-selector.ts'
import { validateObjectMeta, validateObjectMetaUpdate } from '../core/core-object-meta.ts'
import { dropDisabledTemplateFields } from '../core/pod/pod-disabled-fields.ts'
import { type PodValidationOptions, podValidationOptionsFromPodTemplate } from '../core/pod/pod-spec-validation.ts'
import { defineResource, type StrategyContext, type TableDefinition } from '../resource.ts'
import {
  age,
  ageColumn,
  column,
  containerImages,
  containerNames,
  formatLabelSelector,
  humanDuration,
  nameColumn,
} from '../table-cells.ts'
import { setJobDefaults, setJobLabels } from './job-defaults.ts'
import { isIndexed, validateJobSpec } from './job-spec-validation.ts'
import { hasCondition, validateJobStatusUpdate } from './job-status-validation.ts'
import { validateJobImmutableFields } from './job-update-validation.ts'
import { warningsForJobSpec } from './job-warnings.ts'

const METADATA = FieldPath.of('metadata')
const SPEC = FieldPath.of('spec')
const TEMPLATE_LABELS = SPEC.child('template', 'metadata', 'labels')

const JOB_NAME = 'batch.kubernetes.io/job-name'
const CONTROLLER_UID = 'batch.kubernetes.io/controller-uid'
const LEGACY_JOB_NAME = 'job-name'
const LEGACY_CONTROLLER_UID = 'controller-uid'

/** Labels that pods of the Job carry and, where the selector is not manual, are selected by. */
function generatedLabels({ metadata }: Job): readonly (readonly [label: string, value: string])[] {
  const name = metadata.name ?? ''
  const uid = metadata.uid ?? ''
  return [
    [LEGACY_JOB_NAME, name],
    [JOB_NAME, name],
    [LEGACY_CONTROLLER_UID, uid],
    [CONTROLLER_UID, uid],
  ]
}

/** Labels or selectors of the client that are in the way stay: validation refuses them. */
function generateSelector(job: Job): void {
  const spec = job.spec!
  if (spec.manualSelector) return
  spec.template.metadata ??= {}
  spec.template.metadata.labels ??= {}
  const labels = spec.template.metadata.labels
  for (const [label, value] of generatedLabels(job)) labels[label] ??= value
  const matchLabels = { [CONTROLLER_UID]: job.metadata.uid ?? '', ...spec.selector?.matchLabels }
  spec.selector = { ...spec.selector, matchLabels }
}

function validateHasLabel(job: Job, label: string, expected: string): FieldError[] {
  const labels = job.spec!.template.metadata?.labels
  const value = labels?.[label]
  const detail = `must be '${expected}'`
  if (value === undefined) return [required(TEMPLATE_LABELS.key(label), detail)]
  return value === expected ? [] : [invalid(TEMPLATE_LABELS.key(label), labels, detail)]
}

/** `prefixedLabels`: false for stored Jobs that are older than the labels with a domain. */
function validateGeneratedSelector(job: Job, prefixedLabels: boolean): FieldError[] {
  const { manualSelector, selector } = job.spec!
  if (manualSelector || !selector) return []
  const errors: FieldError[] = []
  if (!job.metadata.uid) errors.push(required(METADATA.child('uid'), ''))
  const [legacyName, name, legacyUid, uid] = generatedLabels(job)
  const expected = prefixedLabels ? [legacyUid!, legacyName!, uid!, name!] : [legacyUid!, legacyName!]
  for (const [label, value] of expected) errors.push(...validateHasLabel(job, label, value))
  const parsed = parseSelector(selector)
  if (parsed && !parsed.matches(Object.fromEntries(expected))) {
    errors.push(invalid(SPEC.child('selector'), labelSelectorValue(selector), '`selector` not auto-generated'))
  }
  return errors
}

/** Pods of an indexed Job are named after it and their index. */
function validatePodHostname(job: Job): FieldError[] {
  const { completions = 0 } = job.spec!
  if (!isIndexed(job.spec!) || completions <= 0) return []
  const name = job.metadata.name ?? ''
  const hostname = `${name}-${completions - 1}`
  if (isDNS1123Label(hostname).length === 0) return []
  return [invalid(METADATA.child('name'), name, `will not able to create pod with invalid DNS label: ${hostname}`)]
}

function validateJob(job: Job, options: PodValidationOptions, prefixedLabels: boolean): FieldError[] {
  return [
    ...validateObjectMeta(job.metadata, true, nameIsDNSSubdomain, METADATA),
    ...validateGeneratedSelector(job, prefixedLabels),
    ...validateJobSpec(job.spec!, SPEC, options),
    ...validatePodHostname(job),
  ]
}

function validateJobUpdate(job: Job, old: Job, { config }: StrategyContext): FieldError[] {
  const options = podValidationOptionsFromPodTemplate(job.spec!.template, old.spec!.template, config)
  const allowInvalidLabelValueInSelector =
    options.allowInvalidLabelValueInSelector || labelSelectorHasInvalidLabelValue(old.spec!.selector)
  const updateOptions = { ...options, allowInvalidLabelValueInSelector }
  const oldLabels = old.spec!.template.metadata?.labels
  const prefixedLabels = oldLabels?.[JOB_NAME] !== undefined && oldLabels[CONTROLLER_UID] !== undefined
  return [
    ...validateJob(job, updateOptions, prefixedLabels),
    ...validateObjectMetaUpdate(job.metadata, old.metadata, METADATA),
    ...validateJobSpec(job.spec!, SPEC, updateOptions),
    ...validateJobImmutableFields(job, old),
  ]
}

function completionsCell({ spec, status }: Job): string {
  const succeeded = status?.succeeded ?? 0
  if (spec?.completions !== undefined) return `${succeeded}/${spec.completions}`
  const parallelism = spec?.parallelism ?? 0
  return parallelism > 1 ? `${succeeded}/1 of ${parallelism}` : `${succeeded}/1`
}

function durationCell({ status }: Job, now: number): string {
  if (!status?.startTime) return ''
  const end = status.completionTime ? parseTime(status.completionTime) : now
  return humanDuration(end - parseTime(status.startTime))
}

function statusCell({ metadata, status }: Job): string {
  if (hasCondition(status, 'Complete')) return 'Complete'
  if (hasCondition(status, 'Failed')) return 'Failed'
  if (metadata.deletionTimestamp) return 'Terminating'
  const phases = ['Suspended', 'FailureTarget', 'SuccessCriteriaMet']
  return phases.find((type) => hasCondition(status, type)) ?? 'Running'
}

const table: TableDefinition<Job> = {
  columns: [
    nameColumn,
    column('Status'),
    column('Completions'),
    column('Duration'),
    ageColumn,
    column('Containers', 'string', 1),
    column('Images', 'string', 1),
    column('Selector', 'string', 1),
  ],
  cells(job, now) {
    const containers = job.spec?.template.spec?.containers
    return [
      job.metadata.name ?? '',
      statusCell(job),
      completionsCell(job),
      durationCell(job, now),
      age(job, now),
      containerNames(containers),
      containerImages(containers),
      formatLabelSelector(job.spec?.selector),
    ]
  },
}

/** Deleting a job leaves its pods, unless the client says otherwise. */
const PODS_STAY_WARNING =
  'child pods are preserved by default when jobs are deleted; set propagationPolicy=Background to remove them or set propagationPolicy=Orphan to suppress this warning'

/** @see pkg/registry/batch/job/strategy.go, pkg/apis/batch/validation/validation.go */
export const jobs = defineResource<Job>({
  group: 'batch',
  resource: 'jobs',
  hubVersion: 'v1',
  defaults: setJobDefaults,
  strategy: {
    prepareForCreate(job, { config }) {
      generateSelector(job)
      delete job.status
      job.metadata.generation = 1
      dropDisabledTemplateFields(job.spec!.template, undefined, config)
    },
    validate: (job, { config }) =>
      validateJob(job, podValidationOptionsFromPodTemplate(job.spec!.template, undefined, config), true),
    warningsOnCreate: (job) => [
      ...podNameWarnings(job.metadata.name),
      ...warningsForJobSpec(job.spec!, undefined, SPEC),
    ],
    prepareForUpdate(job, old, { config }) {
      job.status = old.status
      dropDisabledTemplateFields(job.spec!.template, old.spec!.template, config)
      if (!semanticEqual(job.spec, old.spec)) job.metadata.generation = (old.metadata.generation ?? 0) + 1
    },
    validateUpdate: validateJobUpdate,
    // Upstream sets this default when it reads what it has stored.
    canonicalize: setJobLabels,
    warningsOnUpdate(job, old) {
      if (job.metadata.generation === old.metadata.generation) return []
      return warningsForJobSpec(job.spec!, old.spec, SPEC)
    },
  },
  subresourceStrategies: {
    status: {
      prepareForUpdate(job, old) {
        job.spec = old.spec
      },
      validateUpdate: (job, old) => [
        ...validateObjectMetaUpdate(job.metadata, old.metadata, METADATA),
        ...validateJobStatusUpdate(job, old),
      ],
    },
  },
  deletion: {
    dependents: 'orphan',
    warnings: ({ orphanDependents, propagationPolicy }) =>
      orphanDependents === undefined && propagationPolicy === undefined ? [PODS_STAY_WARNING] : [],
  },
  unsupportedFieldLabel: (label) => `field label ${goQuote(label)} not supported for Job`,
  selectableFields: ({ status }) => ({ 'status.successful': String(status?.succeeded ?? 0) }),
  table,
})
