import { Duplex, PassThrough } from 'node:stream'
import { constants, deflateSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { SPDY_DICTIONARY } from './spdy-dictionary.ts'
import { SpdySession, type SpdyStream } from './spdy-session.ts'

function text(value: string): Buffer {
  const length = Buffer.alloc(4)
  length.writeUInt32BE(value.length)
  return Buffer.concat([length, Buffer.from(value)])
}

/** A SYN_STREAM as draft-mbelshe-httpbis-spdy-00 section 2.6.1 lays it out; the first of a connection. */
function synStream(id: number, headers: Readonly<Record<string, string>>): Buffer {
  const pairs = Object.entries(headers)
  const count = Buffer.alloc(4)
  count.writeUInt32BE(pairs.length)
  const block = Buffer.concat([count, ...pairs.flatMap(([name, value]) => [text(name), text(value)])])
  const packed = deflateSync(block, { dictionary: SPDY_DICTIONARY, finishFlush: constants.Z_SYNC_FLUSH })
  const payload = Buffer.alloc(10)
  payload.writeUInt32BE(id)
  return control(1, Buffer.concat([payload, packed]))
}

function control(type: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(8)
  head.writeUInt16BE(0x8003)
  head.writeUInt16BE(type, 2)
  head.writeUInt32BE(payload.length, 4)
  return Buffer.concat([head, payload])
}

function dataFrame(id: number, data: string, isLast = false): Buffer {
  const head = Buffer.alloc(8)
  head.writeUInt32BE(id)
  head.writeUInt32BE(((isLast ? 1 : 0) << 24) | data.length, 4)
  return Buffer.concat([head, Buffer.from(data)])
}

function connect() {
  const toServer = new PassThrough()
  const toClient = new PassThrough()
  const connection = Duplex.from({ readable: toServer, writable: toClient })
  const opened = new Promise<SpdyStream>((resolve) => new SpdySession(connection, resolve))
  return { toServer, toClient, connection, opened }
}

describe('SPDY session', () => {
  test('a stream that the client opens: its headers, its data in pieces, its end, and what goes back', async () => {
    const { toServer, toClient, opened } = connect()
    const bytes = Buffer.concat([synStream(1, { streamtype: 'data', port: '80' }), dataFrame(1, 'hello', true)])
    for (const byte of bytes) toServer.write(Buffer.from([byte]))
    const stream = await opened
    expect([...stream.headers]).toEqual([
      ['streamtype', 'data'],
      ['port', '80'],
    ])
    let received = ''
    stream.onData((data) => {
      received += data.toString()
    })
    await new Promise<void>((resolve) => stream.onEnd(resolve))
    expect(received).toBe('hello')
    stream.write(Buffer.from('yes'))
    stream.end()
    await new Promise((resolve) => setImmediate(resolve))
    const answer = toClient.read() as Buffer
    expect(answer.readUInt32BE(0)).toBe(0x80030002)
    expect(answer.subarray(-19)).toEqual(Buffer.concat([dataFrame(1, 'yes'), dataFrame(1, '', true)]))
  })

  test('a ping is answered with itself', async () => {
    const { toServer, toClient } = connect()
    const ping = control(6, Buffer.from([0, 0, 0, 7]))
    toServer.write(ping)
    await new Promise((resolve) => toClient.once('readable', resolve))
    expect(toClient.read()).toEqual(ping)
  })

  test('what is no SPDY ends the connection', async () => {
    const { toServer, connection } = connect()
    toServer.write(control(1, Buffer.alloc(30, 0xff)))
    await new Promise((resolve) => connection.once('close', resolve))
    expect(connection.destroyed).toBe(true)
  })
})
