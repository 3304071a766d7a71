const BLOCK = 512

function octal(value: number, length: number): string {
  return `${value.toString(8).padStart(length - 1, '0')}\0`
}

/** A POSIX archive (ustar) of files. */
export function createTar(entries: readonly (readonly [path: string, content: Buffer])[]): Buffer {
  const blocks: Buffer[] = []
  for (const [path, content] of entries) {
    const header = Buffer.alloc(BLOCK)
    const cut = path.length > 100 ? path.lastIndexOf('/', 155) : -1
    header.write(cut < 0 ? path.slice(0, 100) : path.slice(cut + 1, cut + 101), 0)
    header.write(octal(0o644, 8), 100)
    header.write(octal(0, 8), 108)
    header.write(octal(0, 8), 116)
    header.write(octal(content.length, 12), 124)
    header.write(octal(0, 12), 136)
    header.write('        ', 148)
    header.write('0', 156)
    header.write('ustar\0', 257)
    header.write('00', 263)
    if (cut >= 0) header.write(path.slice(0, cut), 345)
    const sum = header.reduce((total, byte) => total + byte, 0)
    header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
    blocks.push(header, content, Buffer.alloc((BLOCK - (content.length % BLOCK)) % BLOCK))
  }
  blocks.push(Buffer.alloc(2 * BLOCK))
  return Buffer.concat(blocks)
}

const textAt = (block: Buffer, from: number, length: number): string => {
  const end = block.indexOf(0, from)
  return block.toString('utf8', from, end < 0 || end > from + length ? from + length : end)
}

/** The files of an archive; folders and links are left out. Ends at the first header that makes no sense. */
export function extractTar(archive: Buffer): [path: string, content: Buffer][] {
  const files: [string, Buffer][] = []
  let longName: string | undefined
  for (let at = 0; at + BLOCK <= archive.length; ) {
    const header = archive.subarray(at, at + BLOCK)
    if (header[0] === 0) break
    const size = Number.parseInt(textAt(header, 124, 12).trim() || '0', 8)
    if (!Number.isFinite(size) || at + BLOCK + size > archive.length) break
    const content = Buffer.from(archive.subarray(at + BLOCK, at + BLOCK + size))
    const type = textAt(header, 156, 1)
    const prefix = textAt(header, 257, 5) === 'ustar' ? textAt(header, 345, 155) : ''
    const name = longName ?? (prefix ? `${prefix}/` : '') + textAt(header, 0, 100)
    longName = undefined
    if (type === 'L') longName = textAt(content, 0, content.length)
    else if (type === '0' || type === '') files.push([name, content])
    at += BLOCK + Math.ceil(size / BLOCK) * BLOCK
  }
  return files
}
