import { once } from 'node:events'
import { connect } from 'node:net'
import fc, { type Arbitrary } from 'fast-check'
import { ADMIN_TOKEN } from '../suites/server.ts'

const AUTH = `authorization: Bearer ${ADMIN_TOKEN}`
const POST = `POST /api/v1/namespaces/default/configmaps HTTP/1.1\r\nhost: x\r\n${AUTH}\r\ncontent-type: application/json\r\n`

/** Messages that no HTTP client sends, as bytes. */
const FIXED: readonly string[] = [
  '\r\n\r\n\r\n',
  'GET / HTTP/1.1\r\n\r\n',
  'HEAD /\xe9 HTTP/1.1\r\nhost: x\r\n\r\n',
  'GET / HTTP/9.9\r\nhost: x\r\n\r\n',
  'GET http://[::1/ HTTP/1.1\r\nhost: x\r\n\r\n',
  'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
  'CONNECT x:1 HTTP/1.1\r\nhost: x\r\n\r\n',
  `GET /${'a'.repeat(70_000)} HTTP/1.1\r\nhost: x\r\n\r\n`,
  `GET / HTTP/1.1\r\nhost: x\r\n${'a: b\r\n'.repeat(5_000)}\r\n`,
  `GET / HTTP/1.1\r\nhost: x\r\na: ${'b'.repeat(2_000_000)}\r\n\r\n`,
  `${POST}content-length: 10\r\ncontent-length: 20\r\n\r\n{}`,
  `${POST}content-length: -1\r\n\r\n{}`,
  `${POST}content-length: 99999999999\r\n\r\n{}`,
  `${POST}content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`,
  `${POST}transfer-encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n`,
  `${POST}transfer-encoding: chunked\r\n\r\nffffffffffffffff\r\n{}\r\n`,
  `${POST}transfer-encoding: gzip\r\n\r\n{}`,
  `${POST}expect: 100-continue\r\ncontent-length: 2\r\n\r\n{}`,
  `${POST}content-length: 100\r\n\r\n{"half":`,
  `GET /api HTTP/1.1\r\nhost: x\r\n${AUTH}\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\r\n`,
  `GET /api/v1/namespaces/default/pods/a/exec HTTP/1.1\r\nhost: x\r\n${AUTH}\r\nconnection: Upgrade\r\nupgrade: SPDY/3.1\r\n\r\n`,
  `GET /api/v1/pods?watch=1 HTTP/1.1\r\nhost: x\r\n${AUTH}\r\nconnection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: x\r\n\r\n\x81\xff\xff`,
  `${'GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n'.repeat(200)}`,
]

/** A message for a raw connection: a known attack, one with bytes changed, or noise. */
export const rawAttack: Arbitrary<Buffer> = fc.oneof(
  fc.constantFrom(...FIXED).map((text) => Buffer.from(text, 'latin1')),
  fc
    .tuple(fc.constantFrom(...FIXED), fc.array(fc.tuple(fc.nat(400), fc.nat(255)), { minLength: 1, maxLength: 6 }))
    .map(([text, changes]) => {
      const bytes = Buffer.from(text, 'latin1')
      for (const [at, value] of changes) bytes[at % bytes.length] = value
      return bytes
    }),
  fc.uint8Array({ maxLength: 2_000 }).map((bytes) => Buffer.from(bytes)),
)

/**
 * Sends a message on a connection of its own and closes it after what came back, or after `patienceMs`. Answers the
 * status codes that were seen.
 */
export async function attack(port: number, message: Buffer, patienceMs = 20): Promise<number[]> {
  const socket = connect(port, '127.0.0.1')
  const answers: Buffer[] = []
  socket.on('data', (chunk: Buffer) => answers.push(chunk))
  socket.on('error', () => {}) // broken by the server: what it does with such clients
  await once(socket, 'connect')
  socket.write(message)
  const patience = new Promise((resolve) => setTimeout(resolve, patienceMs))
  await Promise.race([once(socket, 'close').catch(() => {}), patience])
  socket.destroy()
  const text = Buffer.concat(answers).toString('latin1')
  return [...text.matchAll(/^HTTP\/1\.[01] (\d{3})/gm)].map((match) => Number(match[1]))
}
