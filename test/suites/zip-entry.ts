import { inflateRawSync } from 'node:zlib'

const END_OF_DIRECTORY = 0x06054b50
const DIRECTORY_HEADER = 0x02014b50
const DEFLATED = 8

/**
 * The content of one file of a zip archive (stored or deflated, no encryption, no Zip64).
 * Throws where the archive has no such file. Field offsets are those of PKWARE's APPNOTE.TXT, section 4.3.
 */
export function zipEntry(archive: Buffer, name: string): Buffer {
  for (const entry of directory(archive)) if (entry.name === name) return entry.content()
  throw new Error(`the archive has no ${name}`)
}

function* directory(archive: Buffer): Generator<{ name: string; content(): Buffer }> {
  const end = archive.lastIndexOf(signature(END_OF_DIRECTORY))
  if (end < 0) throw new Error('not a zip archive')
  const count = archive.readUInt16LE(end + 10)
  let at = archive.readUInt32LE(end + 16)
  for (let i = 0; i < count; i++) {
    if (archive.readUInt32LE(at) !== DIRECTORY_HEADER) throw new Error('the directory of the archive is damaged')
    const [method, size, offset] = [
      archive.readUInt16LE(at + 10),
      archive.readUInt32LE(at + 20),
      archive.readUInt32LE(at + 42),
    ]
    const nameLength = archive.readUInt16LE(at + 28)
    const name = archive.toString('utf8', at + 46, at + 46 + nameLength)
    yield { name, content: () => content(archive, { method, size, offset }) }
    at += 46 + nameLength + archive.readUInt16LE(at + 30) + archive.readUInt16LE(at + 32)
  }
}

function content(archive: Buffer, { method, size, offset }: { method: number; size: number; offset: number }): Buffer {
  const start = offset + 30 + archive.readUInt16LE(offset + 26) + archive.readUInt16LE(offset + 28)
  const bytes = archive.subarray(start, start + size)
  return method === DEFLATED ? inflateRawSync(bytes) : Buffer.from(bytes)
}

function signature(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes
}
