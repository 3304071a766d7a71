import type {
  HorizontalPodAutoscaler,
  HorizontalPodAutoscalerSpec,
  HPAScalingRules,
  MetricSpec,
} from '../../apimachinery/types/autoscaling-v2.ts'

/** Target of an autoscaler that names no metric, in percent of the requested CPU. */
const DEFAULT_CPU_UTILIZATION = 80
const PERIOD_SECONDS = 15

/** The metric of an autoscaler that names none. */
export function cpuMetric(averageUtilization = DEFAULT_CPU_UTILIZATION): MetricSpec {
  return { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization } } }
}

const scaleUpRules = (): HPAScalingRules => ({
  stabilizationWindowSeconds: 0,
  selectPolicy: 'Max',
  policies: [
    { type: 'Pods', value: 4, periodSeconds: PERIOD_SECONDS },
    { type: 'Percent', value: 100, periodSeconds: PERIOD_SECONDS },
  ],
})

/** The window is left open: the controller's own setting holds. */
const scaleDownRules = (): HPAScalingRules => ({
  selectPolicy: 'Max',
  policies: [{ type: 'Percent', value: 100, periodSeconds: PERIOD_SECONDS }],
})

/** @see pkg/apis/autoscaling/v2/defaults.go */
export function setDefaults(hpa: HorizontalPodAutoscaler): void {
  hpa.spec ??= {} as HorizontalPodAutoscalerSpec
  const { spec } = hpa
  spec.minReplicas ??= 1
  if ((spec.metrics?.length ?? 0) === 0) spec.metrics = [cpuMetric()]
  if (!spec.behavior) return
  spec.behavior.scaleUp = { ...scaleUpRules(), ...spec.behavior.scaleUp }
  spec.behavior.scaleDown = { ...scaleDownRules(), ...spec.behavior.scaleDown }
}
