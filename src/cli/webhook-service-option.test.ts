import { expect, test } from 'vitest'
import { apiserverOptions } from './apiserver.ts'

test('--webhook-service: each names a service, or one of its ports, and where it listens', () => {
  const flags = ['ops/hooks=127.0.0.1:9443', 'ops/hooks:8443=[::1]:2', 'ops/other=host.example.com:443']
  const { webhookServices } = apiserverOptions(flags.flatMap((flag) => ['--webhook-service', flag]))
  expect(webhookServices).toEqual({
    'ops/hooks': '127.0.0.1:9443',
    'ops/hooks:8443': '[::1]:2',
    'ops/other': 'host.example.com:443',
  })
  expect(apiserverOptions([]).webhookServices).toEqual({})
})

test.each([
  'hooks=127.0.0.1:1',
  'ops/hooks',
  'ops/hooks=127.0.0.1',
  'ops/hooks=::1:443',
  '/=a:1',
  'ops/hooks:http=a:1',
])('--webhook-service %s is refused', (text) => {
  expect(() => apiserverOptions(['--webhook-service', text])).toThrow('want namespace/name[:port]=host:port')
})
