import { clusterTest } from 'kubemu/vitest'
import supertest from 'supertest'
import { expect } from 'vitest'

// A cluster for this file, in memory, reset after each test.
const test = clusterTest({ tls: false })
const path = '/api/v1/namespaces/default/configmaps'

/** The cluster's HTTP surface as an administrator. */
const api = (cluster) => supertest.agent(cluster.app.server).auth(cluster.token, { type: 'bearer' })

test('a ConfigMap is created once', async ({ cluster }) => {
  const body = { metadata: { name: 'settings' }, data: { color: 'blue' } }
  await api(cluster).post(path).send(body).expect(201)
  const { body: status } = await api(cluster).post(path).send(body).expect(409)
  expect(status.reason).toBe('AlreadyExists')
})

test('a stale update is refused', async ({ cluster }) => {
  const created = { metadata: { name: 'settings' }, data: { color: 'blue' } }
  const { body: first } = await api(cluster).post(path).send(created).expect(201)
  const change = (color) => ({ ...first, data: { color } })
  await api(cluster).put(`${path}/settings`).send(change('green')).expect(200)
  const { body: status } = await api(cluster).put(`${path}/settings`).send(change('red')).expect(409)
  expect(status.message).toContain('the object has been modified')
})

test('a Deployment comes to life', async ({ cluster }) => {
  await cluster.apply(`
    apiVersion: apps/v1
    kind: Deployment
    metadata: { name: web }
    spec:
      replicas: 2
      selector: { matchLabels: { app: web } }
      template:
        metadata: { labels: { app: web } }
        spec: { containers: [{ name: web, image: nginx }] }
  `)
  const web = await cluster.waitFor(
    { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'web', namespace: 'default' } },
    ({ status }) => status?.readyReplicas === 2,
  )
  expect(web.status.availableReplicas).toBe(2)
})
