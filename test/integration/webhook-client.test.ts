import { afterAll, beforeAll, expect, test } from 'vitest'
import type { ServiceResolver } from '../../src/admission/webhook/service-resolver.ts'
import { WebhookClient } from '../../src/admission/webhook/webhook-client.ts'
import { systemClock } from '../../src/apimachinery/clock.ts'
import { servingCertificate } from '../suites/certificates.ts'
import { WebhookServer } from './webhook-server.ts'

let webhook: WebhookServer
let elsewhere: WebhookServer

beforeAll(async () => {
  const certificate = await servingCertificate()
  webhook = await WebhookServer.start(certificate)
  elsewhere = await WebhookServer.start(certificate)
})

afterAll(async () => {
  await webhook.close()
  await elsewhere.close()
})

const nowhere: ServiceResolver = { resolve: () => Promise.reject(new Error('no services here')) }

test.each([301, 302, 303, 307, 308])('credentials stay with the webhook that they are for: %d', async (code) => {
  const seen: (string | undefined)[] = []
  webhook.on('/moved', (_, response, request) => {
    seen.push(request.headers.authorization)
    response.writeHead(code, { location: elsewhere.url('/there') }).end()
  })
  elsewhere.on('/there', (_, response, request) => {
    seen.push(request.headers.authorization)
    response.end('{}')
  })
  const client = new WebhookClient(nowhere, systemClock, () => ({ authorization: 'Bearer very-secret' }))
  const endpoint = { url: webhook.url('/moved'), caBundle: webhook.certificate.caBundle }
  const answer = await client.post(endpoint, Buffer.from('{}'), { timeoutMs: 20_000, announced: false })
  expect(answer.status).toBe(200)
  expect(seen).toEqual(['Bearer very-secret', undefined])
  client.close()
})
