import type { FastifyReply, FastifyRequest } from 'fastify'
import { expect, test, vi } from 'vitest'
import type { Call } from '../call.ts'
import { Cors, corsOriginErrors } from './cors.ts'

function ask(origin: string | undefined, method = 'GET'): { readonly handled: boolean; readonly call: Call } {
  const reply = { headers: vi.fn(), code: vi.fn(() => ({ send: vi.fn() })) }
  const call = {
    request: { method, headers: { origin } } as unknown as FastifyRequest,
    reply: reply as unknown as FastifyReply,
  } as Call
  return { handled: new Cors(['^https://example\\.com$', '//.*\\.test(:|$)']).apply(call), call }
}

test.each(['https://example.com', 'http://a.test', 'http://a.test:8080'])('%s is let in', (origin) => {
  const { handled, call } = ask(origin)
  expect(handled).toBe(false)
  expect(call.reply.headers).toHaveBeenCalledWith({
    'access-control-allow-origin': origin,
    'access-control-allow-methods': 'POST, GET, OPTIONS, PUT, DELETE, PATCH',
    'access-control-allow-headers':
      'Content-Type, Content-Length, Accept-Encoding, X-CSRF-Token, Authorization, X-Requested-With, If-Modified-Since',
    'access-control-expose-headers': 'Date',
    'access-control-allow-credentials': 'true',
  })
})

test.each([undefined, '', 'https://example.com.evil.org', 'http://test'])('%s gets no header', (origin) => {
  const { handled, call } = ask(origin, 'OPTIONS')
  expect(handled).toBe(false)
  expect(call.reply.headers).not.toHaveBeenCalled()
})

test('a preflight of an origin that is let in is answered 204', () => {
  const { handled, call } = ask('https://example.com', 'OPTIONS')
  expect(handled).toBe(true)
  expect(call.reply.code).toHaveBeenCalledWith(204)
})

test('patterns must hold on to both ends of the host', () => {
  const wrong = '--cors-allowed-origins has an invalid regular expression: '
  expect(corsOriginErrors(['//example.com(:|$)', '^https://example.com$'])).toEqual([])
  for (const loose of ['example.com', '//example.com', 'example.com$']) {
    expect(corsOriginErrors([loose])).toEqual([
      `${wrong}regular expression does not pin to start/end of host in the origin header`,
    ])
  }
  expect(corsOriginErrors([''])).toEqual(['empty value in --cors-allowed-origins'])
  expect(corsOriginErrors(['^(//a$'])[0]).toContain(wrong)
})
