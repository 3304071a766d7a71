import supertest from 'supertest'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startApiServer } from './api-server.ts'

let server: Awaited<ReturnType<typeof startApiServer>>
const path = '/api/v1/namespaces/default/configmaps'

beforeAll(async () => {
  server = await startApiServer()
})

afterAll(() => server?.stop())

test('a ConfigMap is created once', async () => {
  const body = { metadata: { name: 'settings' }, data: { color: 'blue' } }
  await supertest(server.url).post(path).send(body).expect(201)
  const { body: status } = await supertest(server.url).post(path).send(body).expect(409)
  expect(status.reason).toBe('AlreadyExists')
})

test('a stale update is refused', async () => {
  const { body: first } = await supertest(server.url).get(`${path}/settings`).expect(200)
  await supertest(server.url)
    .put(`${path}/settings`)
    .send({ ...first, data: { color: 'green' } })
    .expect(200)
  const { body: status } = await supertest(server.url)
    .put(`${path}/settings`)
    .send({ ...first, data: { color: 'red' } })
    .expect(409)
  expect(status.message).toContain('the object has been modified')
})
