import { expect, test } from 'vitest'
import type { KubeObject } from '../../apimachinery/kube-object.ts'
import { autoscalingV1View } from './autoscaling-v1-view.ts'

const PREFIX = 'autoscaling.alpha.kubernetes.io/'
const target = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'd' }

/** What a kube-apiserver v1.36 answers for this object, in both versions. */
const v2: KubeObject = {
  kind: 'HorizontalPodAutoscaler',
  apiVersion: 'autoscaling/v2',
  metadata: { name: 'n', namespace: 'ns' },
  spec: {
    scaleTargetRef: target,
    minReplicas: 1,
    maxReplicas: 3,
    metrics: [
      { type: 'Resource', resource: { name: 'memory', target: { type: 'AverageValue', averageValue: '1Gi' } } },
      { type: 'Resource', resource: { name: 'cpu', target: { type: 'AverageValue', averageValue: '500m' } } },
      { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 60 } } },
    ],
    behavior: {
      scaleDown: {
        stabilizationWindowSeconds: 5,
        selectPolicy: 'Max',
        policies: [{ type: 'Percent', value: 100, periodSeconds: 15 }],
      },
    },
  },
  status: {
    currentReplicas: 1,
    desiredReplicas: 2,
    currentMetrics: [
      { type: 'Resource', resource: { name: 'cpu', current: { averageUtilization: 30, averageValue: '1' } } },
      { type: 'External', external: { metric: { name: 'q' }, current: { value: '7' } } },
    ],
    conditions: [
      { type: 'AbleToScale', status: 'True', lastTransitionTime: '2026-01-01T00:00:00Z', reason: 'R', message: 'M' },
    ],
  },
}

const v1: KubeObject = {
  kind: 'HorizontalPodAutoscaler',
  apiVersion: 'autoscaling/v1',
  metadata: {
    name: 'n',
    namespace: 'ns',
    annotations: {
      [`${PREFIX}metrics`]:
        '[{"type":"Resource","resource":{"name":"memory","targetAverageValue":"1Gi"}},{"type":"Resource","resource":{"name":"cpu","targetAverageValue":"500m"}}]',
      [`${PREFIX}current-metrics`]:
        '[{"type":"Resource","resource":{"name":"cpu","currentAverageUtilization":30,"currentAverageValue":"1"}},{"type":"External","external":{"metricName":"q","currentValue":"7"}}]',
      [`${PREFIX}behavior`]:
        '{"ScaleUp":null,"ScaleDown":{"StabilizationWindowSeconds":5,"SelectPolicy":"Max","Policies":[{"Type":"Percent","Value":100,"PeriodSeconds":15}],"Tolerance":null}}',
      [`${PREFIX}conditions`]:
        '[{"type":"AbleToScale","status":"True","lastTransitionTime":"2026-01-01T00:00:00Z","reason":"R","message":"M"}]',
    },
  },
  spec: { scaleTargetRef: target, minReplicas: 1, maxReplicas: 3, targetCPUUtilizationPercentage: 60 },
  status: { currentReplicas: 1, desiredReplicas: 2, currentCPUUtilizationPercentage: 30 },
}

test('fromHub: one CPU target as a field, all else as annotations in the order of Go structs', () => {
  expect(autoscalingV1View.fromHub(v2)).toEqual(v1)
})

test('toHub: annotations come back as fields and go from the metadata; the object sent is not changed', () => {
  const sent = structuredClone(v1)
  expect(autoscalingV1View.toHub(sent)).toEqual(v2)
  expect(sent).toEqual(v1)
})

test('toHub: annotations that do not decode are dropped, and the default metric stands in', () => {
  const spec = { scaleTargetRef: target, maxReplicas: 2 }
  for (const text of ['not json', '{}', '[1]', '[{"type":5}]', '[{"type":"Pods","pods":{"targetAverageValue":"x"}}]']) {
    const metadata = { name: 'n', annotations: { keep: 'me', [`${PREFIX}metrics`]: text } }
    const hub = autoscalingV1View.toHub({
      apiVersion: 'autoscaling/v1',
      kind: 'HorizontalPodAutoscaler',
      metadata,
      spec,
    })
    expect(hub.metadata.annotations).toEqual({ keep: 'me' })
    expect(hub['spec']).toMatchObject({
      metrics: [
        { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 80 } } },
      ],
    })
  }
})
