import { type FieldError, invalid, notSupported, required } from '../../apimachinery/field-error.ts'
import { FieldPath } from '../../apimachinery/field-path.ts'
import { semanticEqual } from '../../apimachinery/semantic-equal.ts'
import type { CronJob, CronJobSpec, JobTemplateSpec } from '../../apimachinery/types/batch-v1.ts'
import { byteLength } from '../../apimachinery/validation/names.ts'
import { nameIsDNSSubdomain } from '../../apimachinery/validation/object-meta.ts'
import { validateCounts } from '../apps/counts.ts'
import { podNameWarnings } from '../apps/pod-name-warnings.ts'
import { labelSelectorValue } from '../apps/pod-template-selector.ts'
import { validateObjectMeta, validateObjectMetaUpdate } from '../core/core-object-meta.ts'
import { dropDisabledTemplateFields } from '../core/pod/pod-disabled-fields.ts'
import { type PodValidationOptions, podValidationOptionsFromPodTemplate } from '../core/pod/pod-spec-validation.ts'
import { defineResource, type TableDefinition } from '../resource.ts'
import {
  age,
  ageColumn,
  column,
  containerImages,
  containerNames,
  formatLabelSelector,
  nameColumn,
  translateTimestampSince,
} from '../table-cells.ts'
import { CronScheduleError, checkCronSchedule } from './cron-schedule.ts'
import { setJobTemplateDefaults } from './job-defaults.ts'
import { validateJobTemplateFields } from './job-spec-validation.ts'
import { warningsForJobSpec } from './job-warnings.ts'
import { isTimeZone } from './time-zone.ts'

const METADATA = FieldPath.of('metadata')
const SPEC = FieldPath.of('spec')
const JOB_SPEC = SPEC.child('jobTemplate', 'spec')

/** Jobs are named after the CronJob and eleven characters more, and take 63 in all. */
const MAX_NAME_BYTES = 52

/** @see pkg/apis/batch/v1/defaults.go SetDefaults_CronJob */
function setDefaults(cronJob: CronJob): void {
  cronJob.spec ??= {} as CronJobSpec
  const spec = cronJob.spec
  spec.concurrencyPolicy ||= 'Allow'
  spec.suspend ??= false
  spec.successfulJobsHistoryLimit ??= 3
  spec.failedJobsHistoryLimit ??= 1
  spec.jobTemplate ??= {}
  spec.jobTemplate.spec ??= {} as NonNullable<JobTemplateSpec['spec']>
  setJobTemplateDefaults(spec.jobTemplate.spec)
}

function validateSchedule(spec: CronJobSpec, old: CronJobSpec | undefined): FieldError[] {
  const path = SPEC.child('schedule')
  const schedule = spec.schedule ?? ''
  if (schedule === '') return [required(path, '')]
  const errors: FieldError[] = []
  try {
    checkCronSchedule(schedule)
  } catch (error) {
    if (!(error instanceof CronScheduleError)) throw error
    errors.push(invalid(path, schedule, error.message))
  }
  if (!schedule.includes('TZ')) return errors
  const stored = old?.schedule?.includes('TZ') ?? false
  if (!stored) {
    errors.push(invalid(path, schedule, 'cannot use TZ or CRON_TZ in schedule, use timeZone field instead'))
  } else if (spec.timeZone !== undefined) {
    errors.push(invalid(path, schedule, 'cannot use both timeZone field and TZ or CRON_TZ in schedule'))
  }
  return errors
}

/** @see https://data.iana.org/time-zones/theory.html#naming */
const ZONE_PART = /^[A-Za-z._0-9+-]{1,14}$/

function validateTimeZone(timeZone: string | undefined): FieldError[] {
  if (timeZone === undefined) return []
  const path = SPEC.child('timeZone')
  if (timeZone === '') return [invalid(path, timeZone, 'timeZone must be nil or non-empty string')]
  const unknown = invalid(path, timeZone, `unknown time zone ${timeZone}`)
  const wellFormed = timeZone
    .split('/')
    .every((part) => part !== '.' && part !== '..' && !part.startsWith('-') && ZONE_PART.test(part))
  if (!wellFormed) return [unknown]
  const errors: FieldError[] = []
  if (timeZone.toLowerCase() === 'local') {
    const detail = 'timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones'
    errors.push(invalid(path, timeZone, detail))
  }
  return isTimeZone(timeZone) ? errors : [...errors, unknown]
}

function validateConcurrencyPolicy(policy = ''): FieldError[] {
  const path = SPEC.child('concurrencyPolicy')
  const known = ['Allow', 'Forbid', 'Replace']
  if (policy === '') return [required(path, '')]
  return known.includes(policy) ? [] : [notSupported(path, policy, known)]
}

function validateJobTemplate(template: JobTemplateSpec, options: PodValidationOptions): FieldError[] {
  const spec = template.spec!
  const errors = validateJobTemplateFields(spec, JOB_SPEC, options)
  if (spec.selector)
    errors.push(
      invalid(JOB_SPEC.child('selector'), labelSelectorValue(spec.selector), '`selector` will be auto-generated'),
    )
  if (spec.manualSelector) errors.push(notSupported(JOB_SPEC.child('manualSelector'), true, ['nil', 'false']))
  return errors
}

function validateSpec(spec: CronJobSpec, old: CronJobSpec | undefined, options: PodValidationOptions): FieldError[] {
  const errors = [...validateSchedule(spec, old), ...validateCounts(spec, ['startingDeadlineSeconds'], SPEC)]
  if (!old || old.timeZone !== spec.timeZone) errors.push(...validateTimeZone(spec.timeZone))
  errors.push(
    ...validateConcurrencyPolicy(spec.concurrencyPolicy),
    ...validateJobTemplate(spec.jobTemplate, options),
    ...validateCounts(spec, ['successfulJobsHistoryLimit', 'failedJobsHistoryLimit'], SPEC),
  )
  return errors
}

function validateNameLength({ metadata }: CronJob): FieldError[] {
  const name = metadata.name ?? ''
  if (byteLength(name) <= MAX_NAME_BYTES) return []
  return [invalid(METADATA.child('name'), name, `must be no more than ${MAX_NAME_BYTES} characters`)]
}

const podTemplateOf = (cronJob: CronJob) => cronJob.spec.jobTemplate.spec!.template

function suspendCell(suspend: boolean | undefined): string {
  if (suspend === undefined) return '<unset>'
  return suspend ? 'True' : 'False'
}

const table: TableDefinition<CronJob> = {
  columns: [
    nameColumn,
    column('Schedule'),
    column('Timezone'),
    column('Suspend', 'boolean'),
    column('Active', 'integer'),
    column('Last Schedule'),
    ageColumn,
    column('Containers', 'string', 1),
    column('Images', 'string', 1),
    column('Selector', 'string', 1),
  ],
  cells(cronJob, now) {
    const { spec, status } = cronJob
    const containers = podTemplateOf(cronJob).spec?.containers
    return [
      cronJob.metadata.name ?? '',
      spec.schedule ?? '',
      spec.timeZone ?? '<none>',
      suspendCell(spec.suspend),
      status?.active?.length ?? 0,
      status?.lastScheduleTime ? translateTimestampSince(status.lastScheduleTime, now) : '<none>',
      age(cronJob, now),
      containerNames(containers),
      containerImages(containers),
      formatLabelSelector(spec.jobTemplate.spec?.selector),
    ]
  },
}

/** @see pkg/registry/batch/cronjob/strategy.go, pkg/apis/batch/validation/validation.go */
export const cronJobs = defineResource<CronJob>({
  group: 'batch',
  resource: 'cronjobs',
  hubVersion: 'v1',
  defaults: setDefaults,
  strategy: {
    prepareForCreate(cronJob, { config }) {
      delete cronJob.status
      cronJob.metadata.generation = 1
      dropDisabledTemplateFields(podTemplateOf(cronJob), undefined, config)
    },
    validate(cronJob, { config }) {
      const options = podValidationOptionsFromPodTemplate(podTemplateOf(cronJob), undefined, config)
      return [
        ...validateObjectMeta(cronJob.metadata, true, nameIsDNSSubdomain, METADATA),
        ...validateSpec(cronJob.spec, undefined, options),
        ...validateNameLength(cronJob),
      ]
    },
    warningsOnCreate: (cronJob) => [
      ...podNameWarnings(cronJob.metadata.name),
      ...warningsForJobSpec(cronJob.spec.jobTemplate.spec!, undefined, JOB_SPEC),
    ],
    prepareForUpdate(cronJob, old, { config }) {
      cronJob.status = old.status
      dropDisabledTemplateFields(podTemplateOf(cronJob), podTemplateOf(old), config)
      if (!semanticEqual(cronJob.spec, old.spec)) cronJob.metadata.generation = (old.metadata.generation ?? 0) + 1
    },
    validateUpdate(cronJob, old, { config }) {
      const options = podValidationOptionsFromPodTemplate(podTemplateOf(cronJob), podTemplateOf(old), config)
      return [
        ...validateObjectMetaUpdate(cronJob.metadata, old.metadata, METADATA),
        ...validateSpec(cronJob.spec, old.spec, options),
      ]
    },
    warningsOnUpdate(cronJob, old) {
      const changed = cronJob.metadata.generation !== old.metadata.generation
      const { spec } = cronJob
      const warnings = changed ? warningsForJobSpec(spec.jobTemplate.spec!, old.spec.jobTemplate.spec, JOB_SPEC) : []
      if (spec.schedule.includes('TZ')) {
        warnings.push(
          'cannot use TZ or CRON_TZ in spec.spec.schedule, use timeZone instead, see https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/ for more details',
        )
      }
      return warnings
    },
  },
  subresourceStrategies: {
    status: {
      prepareForUpdate(cronJob, old) {
        cronJob.spec = old.spec
      },
      validateUpdate: () => [],
    },
  },
  table,
})
