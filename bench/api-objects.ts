/** Objects of the sizes that the API benchmark names. */

/** A ConfigMap of about 1 KB. */
export function configMap(name: string, i = 0): string {
  const data = { counter: String(i), text: 'x'.repeat(820) }
  return JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, labels: { app: 'bench' } }, data })
}

/** A Pod whose JSON, as sent, is about so many bytes (default 3 KB): realistic fields, filled up by an annotation. */
export function pod(name: string, bytes = 3000): string {
  const container = (n: number): object => ({
    name: `c${n}`,
    image: `registry.example.com/team/service-${n}:v1.2.3`,
    ports: [{ name: 'http', containerPort: 8080 + n }],
    env: Array.from({ length: 8 }, (_, i) => ({ name: `SETTING_${i}`, value: `value-${i}` })),
    resources: { requests: { cpu: '100m', memory: '128Mi' }, limits: { cpu: '500m', memory: '256Mi' } },
    readinessProbe: { httpGet: { path: '/healthz', port: 'http' }, periodSeconds: 5 },
    volumeMounts: [{ name: 'config', mountPath: '/etc/config' }],
  })
  const object = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, labels: { app: 'bench', tier: 'backend' }, annotations: { filler: '' } },
    spec: {
      containers: [container(0), container(1)],
      volumes: [{ name: 'config', configMap: { name: 'settings' } }],
      nodeSelector: { disk: 'ssd' },
      terminationGracePeriodSeconds: 30,
    },
  }
  const missing = bytes - JSON.stringify(object).length
  object.metadata.annotations.filler = 'x'.repeat(Math.max(0, missing))
  return JSON.stringify(object)
}

/** A merge patch that changes one annotation. */
export const mergePatch = (i: number): string => JSON.stringify({ metadata: { annotations: { counter: String(i) } } })
