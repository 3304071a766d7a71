import { describe, expect, test } from 'vitest'
import { ManualClock } from '../../apimachinery/manual-clock.ts'
import type { AuditEvent } from './audit-event.ts'
import { AuditWebhook, type AuditWebhookOptions } from './audit-webhook.ts'
import { legacyLine } from './legacy-line.ts'
import { truncated } from './truncate.ts'

const EVENT = {
  kind: 'Event',
  level: 'RequestResponse',
  auditID: 'id-1',
  stage: 'ResponseComplete',
  requestURI: '/apis/rbac.authorization.k8s.io/v1/roles',
  verb: 'get',
  user: { username: 'admin', groups: ['system:masters', 'system:authenticated'] },
  sourceIPs: ['127.0.0.1'],
  userAgent: 'kube-admin',
  objectRef: { namespace: 'default' },
  responseStatus: { metadata: {}, code: 200 },
  requestReceivedTimestamp: '2026-01-02T03:04:05.120000Z',
} as unknown as AuditEvent

describe('legacyLine: as upstream’s log/backend_test.go expects it', () => {
  test('an event with everything', () => {
    expect(legacyLine(EVENT)).toBe(
      '2026-01-02T03:04:05.12Z AUDIT: id="id-1" stage="ResponseComplete" ip="127.0.0.1" method="get" user="admin" groups="\\"system:masters\\",\\"system:authenticated\\"" as="<self>" asgroups="<lookup>" user-agent="kube-admin" namespace="default" uri="/apis/rbac.authorization.k8s.io/v1/roles" response="200"',
    )
  })

  test('an event with next to nothing, and one for somebody else', () => {
    const bare = {
      auditID: 'i',
      stage: 'Panic',
      verb: '',
      requestURI: '',
      user: {},
      requestReceivedTimestamp: '2026-01-02T03:04:05.000000Z',
    }
    expect(legacyLine(bare as unknown as AuditEvent)).toBe(
      '2026-01-02T03:04:05Z AUDIT: id="i" stage="Panic" ip="<unknown>" method="" user="<none>" groups="<none>" as="<self>" asgroups="<lookup>" user-agent="" namespace="<none>" uri="" response="<deferred>"',
    )
    const other = { ...EVENT, impersonatedUser: { username: 'jane', groups: ['dev'] } } as unknown as AuditEvent
    expect(legacyLine(other)).toContain(' as="jane" asgroups="\\"dev\\"" ')
  })
})

describe('truncated: as upstream’s truncate_test.go', () => {
  const large = { ...EVENT, requestObject: { data: 'x'.repeat(1000) }, annotations: { a: 'b' } } as AuditEvent

  test('an event that is small enough stays as it is', () => {
    expect(truncated(large, 100_000)).toBe(large)
  })

  test('a larger one loses its objects and says so', () => {
    const { requestObject: _object, ...rest } = large
    expect(truncated(large, 1000)).toEqual({ ...rest, annotations: { a: 'b', 'audit.k8s.io/truncated': 'true' } })
  })

  test('one that is too large without them, or has none by its level, is dropped', () => {
    expect(truncated(large, 100)).toBeUndefined()
    expect(truncated({ ...large, level: 'Metadata' } as AuditEvent, 1000)).toBeUndefined()
  })
})

describe('AuditWebhook', () => {
  const numbered = (n: number): AuditEvent => ({ ...EVENT, auditID: `id-${n}` }) as AuditEvent
  const clock = new ManualClock()
  const start = (more: Partial<AuditWebhookOptions>) => {
    const sent: string[][] = []
    const problems: string[] = []
    const webhook = new AuditWebhook({
      send: async (document) => {
        const { items } = document as { readonly items: readonly { readonly auditID: string }[] }
        sent.push(items.map((item) => item.auditID))
      },
      maxBatchSize: 2,
      maxBatchWaitMs: 30_000,
      maxBuffered: 100,
      clock,
      onError: (message) => void problems.push(message),
      ...more,
    })
    return { webhook, sent, problems }
  }

  test('sends full batches at once, the rest after a while', async () => {
    const { webhook, sent } = start({})
    for (let i = 0; i < 3; i++) webhook.write(numbered(i))
    await expect.poll(() => sent).toEqual([['id-0', 'id-1'], ['id-2']])
    webhook.write(numbered(3))
    expect(sent).toHaveLength(2)
    clock.advance(30_000)
    await expect.poll(() => sent.at(-1)).toEqual(['id-3'])
  })

  test('sends no more batches than it may', async () => {
    const { webhook, sent } = start({ maxBatchSize: 1, throttle: { perSecond: 1, burst: 2 } })
    for (let i = 0; i < 4; i++) webhook.write(numbered(i))
    await expect.poll(() => sent.length).toBe(2)
    await expect.poll(() => clock.pending).toBeGreaterThan(0)
    expect(sent).toHaveLength(2)
    clock.advance(1000)
    await expect.poll(() => sent.length).toBe(3)
    const closed = webhook.close()
    clock.advance(1000)
    await closed
    expect(sent).toHaveLength(4)
  })

  test('says what it drops, and in strict mode whether an event was delivered', async () => {
    const { webhook, problems } = start({ maxBuffered: 1, maxBatchSize: 10 })
    webhook.write(numbered(0))
    webhook.write(numbered(1))
    expect(problems).toEqual(['an audit event was dropped: the webhook does not keep up'])
    await webhook.close()
    const failing = start({ isStrict: true, send: () => Promise.reject(new Error('down')) })
    expect(await failing.webhook.store?.(EVENT)).toBe(false)
    expect(await start({ isStrict: true }).webhook.store?.(EVENT)).toBe(true)
    expect(start({}).webhook.store).toBeUndefined()
  })
})
