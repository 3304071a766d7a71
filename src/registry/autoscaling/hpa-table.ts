import type {
  HorizontalPodAutoscaler,
  MetricSpec,
  MetricStatus,
  MetricTarget,
  MetricValueStatus,
} from '../../apimachinery/types/autoscaling-v2.ts'
import type { TableDefinition } from '../resource.ts'
import { age, ageColumn, column, nameColumn } from '../table-cells.ts'

const UNKNOWN = '<unknown>'
const MAX_TARGETS = 2

const percent = (value: number | undefined, otherwise: string): string =>
  value === undefined ? otherwise : `${value}%`

/** A status without the quantity prints the zero quantity. */
const quantity = (current: MetricValueStatus | undefined, field: 'value' | 'averageValue'): string =>
  current ? (current[field] ?? '0') : UNKNOWN

function resourceTarget(
  name: string,
  target: MetricTarget | undefined,
  current: MetricValueStatus | undefined,
): string {
  if (target?.averageValue !== undefined) return `${name}: ${quantity(current, 'averageValue')}/${target.averageValue}`
  return `${name}: ${percent(current?.averageUtilization, UNKNOWN)}/${percent(target?.averageUtilization, '<auto>')}`
}

function objectTarget(target: MetricTarget | undefined, current: MetricValueStatus | undefined): string {
  if (target?.averageValue !== undefined) return `${current?.averageValue ?? UNKNOWN}/${target.averageValue} (avg)`
  return `${quantity(current, 'value')}/${target?.value ?? '0'}`
}

function targetText(spec: MetricSpec, status: MetricStatus | undefined): string {
  switch (spec.type) {
    case 'External':
      return objectTarget(spec.external?.target, status?.external?.current)
    case 'Object':
      return objectTarget(spec.object?.target, status?.object?.current)
    case 'Pods':
      return `${quantity(status?.pods?.current, 'averageValue')}/${spec.pods?.target.averageValue ?? '0'}`
    case 'Resource':
      return resourceTarget(spec.resource?.name ?? '', spec.resource?.target, status?.resource?.current)
    case 'ContainerResource': {
      const source = spec.containerResource
      return resourceTarget(source?.name ?? '', source?.target, status?.containerResource?.current)
    }
    default:
      return '<unknown type>'
  }
}

function targetsCell(specs: readonly MetricSpec[], statuses: readonly MetricStatus[]): string {
  if (specs.length === 0) return '<none>'
  const targets = specs.slice(0, MAX_TARGETS).map((spec, i) => targetText(spec, statuses[i]))
  const more = specs.length - MAX_TARGETS
  return more > 0 ? `${targets.join(', ')} + ${more} more...` : targets.join(', ')
}

/** @see pkg/printers/internalversion/printers.go printHorizontalPodAutoscaler */
export const hpaTable: TableDefinition<HorizontalPodAutoscaler> = {
  columns: [
    nameColumn,
    column('Reference'),
    column('Targets'),
    column('MinPods'),
    column('MaxPods'),
    column('Replicas'),
    ageColumn,
  ],
  cells(hpa, now) {
    const { spec, status } = hpa
    return [
      hpa.metadata.name ?? '',
      `${spec.scaleTargetRef?.kind ?? ''}/${spec.scaleTargetRef?.name ?? ''}`,
      targetsCell(spec.metrics ?? [], status?.currentMetrics ?? []),
      spec.minReplicas === undefined ? '<unset>' : String(spec.minReplicas),
      spec.maxReplicas ?? 0,
      status?.currentReplicas ?? 0,
      age(hpa, now),
    ]
  },
}
