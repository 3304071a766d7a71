import { createReadStream, createWriteStream } from 'node:fs'
import { appendFile, mkdir, readdir, rename, stat, unlink } from 'node:fs/promises'
import { basename, dirname, extname, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import type { Clock } from '../../apimachinery/clock.ts'
import type { AuditEvent } from './audit-event.ts'
import type { AuditSink } from './auditor.ts'
import { legacyLine } from './legacy-line.ts'
import { truncated } from './truncate.ts'

interface AuditLogOptions {
  /** `-`: standard output. */
  readonly path: string
  /** Bytes after which a new file is begun; Infinity: never. */
  readonly maxBytes: number
  /** Old files that are kept; 0: all. */
  readonly maxBackups: number
  /** How long old files are kept, in milliseconds; 0: for good. */
  readonly maxAgeMs: number
  readonly compress: boolean
  readonly format: 'json' | 'legacy'
  /** Bytes of an event beyond which it loses its objects; undefined: it never does. */
  readonly maxEventBytes?: number | undefined
  /** No request may go on before its first event is stored. */
  readonly isStrict?: boolean
  readonly clock: Clock
  /** Hears of files that can't be written and of events that were dropped for it. */
  readonly onError: (message: string, error: unknown) => void
}

/** Lines that wait to be written; what comes beyond is dropped, and said so. */
const MAX_WAITING_BYTES = 16 * 1024 * 1024
const FILE_MODE = 0o600

/** Writes events to a file, one JSON object a line, and begins a new one when it has grown. */
export class AuditLog implements AuditSink {
  readonly #options: AuditLogOptions
  #waiting: string[] = []
  #waitingBytes = 0
  #dropped = 0
  /** Undefined until the file has been looked at. */
  #size: number | undefined
  /** Resolves with whether all that waited has been written. */
  #writing: Promise<boolean> | undefined
  /** Undefined where nobody may be made to wait. */
  readonly store: ((event: AuditEvent) => Promise<boolean>) | undefined

  constructor(options: AuditLogOptions) {
    this.#options = options
    this.store = options.isStrict ? async (event) => this.#enqueue(event) && ((await this.#writing) ?? true) : undefined
  }

  write(event: AuditEvent): void {
    this.#enqueue(event)
  }

  #enqueue(event: AuditEvent): boolean {
    const { maxEventBytes, format, onError } = this.#options
    const shown = maxEventBytes === undefined ? event : truncated(event, maxEventBytes)
    if (!shown) {
      onError('an audit event is too large even after truncating', undefined)
      return true
    }
    const line = `${format === 'legacy' ? legacyLine(shown) : JSON.stringify(shown)}\n`
    if (this.#waitingBytes + line.length > MAX_WAITING_BYTES) {
      this.#dropped++
      return false
    }
    this.#waiting.push(line)
    this.#waitingBytes += line.length
    this.#writing ??= this.#drain()
    return true
  }

  async close(): Promise<void> {
    while (this.#writing) await this.#writing
  }

  async #drain(): Promise<boolean> {
    try {
      while (this.#waiting.length > 0) {
        const text = this.#waiting.join('')
        this.#waiting = []
        this.#waitingBytes = 0
        await this.#append(text)
      }
      if (this.#dropped > 0) this.#options.onError('audit events were dropped', { dropped: this.#dropped })
      this.#dropped = 0
      return true
    } catch (error) {
      this.#options.onError('the audit log could not be written', error)
      return false
    } finally {
      this.#writing = undefined
    }
  }

  async #append(text: string): Promise<void> {
    const { path, maxBytes } = this.#options
    if (path === '-') {
      process.stdout.write(text)
      return
    }
    const bytes = Buffer.byteLength(text)
    this.#size ??= await sizeOf(path)
    if (this.#size > 0 && this.#size + bytes > maxBytes) await this.#rotate()
    await appendFile(path, text, { mode: FILE_MODE })
    this.#size = (this.#size ?? 0) + bytes
  }

  async #rotate(): Promise<void> {
    const { path, clock, compress } = this.#options
    const backup = backupName(path, clock.now())
    await rename(path, backup)
    this.#size = 0
    if (compress) {
      await pipeline(createReadStream(backup), createGzip(), createWriteStream(`${backup}.gz`, { mode: FILE_MODE }))
      await unlink(backup)
    }
    await this.#dropOld()
  }

  async #dropOld(): Promise<void> {
    const { path, maxBackups, maxAgeMs, clock } = this.#options
    const extension = extname(path)
    const prefix = `${basename(path, extension)}-`
    const names = (await readdir(dirname(path)))
      .filter((name) => name.startsWith(prefix) && (name.endsWith(extension) || name.endsWith(`${extension}.gz`)))
      .sort()
      .reverse()
    const oldest = backupName(path, clock.now() - maxAgeMs)
    for (const [i, name] of names.entries()) {
      const isTooMany = maxBackups > 0 && i >= maxBackups
      const isTooOld = maxAgeMs > 0 && join(dirname(path), name) < oldest
      if (isTooMany || isTooOld) await unlink(join(dirname(path), name))
    }
  }
}

async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    await mkdir(dirname(path), { recursive: true })
    return 0
  }
}

/** `audit-2026-01-31T12-00-00.000.log`, as the library that upstream uses names them. */
function backupName(path: string, now: number): string {
  const extension = extname(path)
  const time = new Date(now).toISOString().slice(0, 23).replaceAll(':', '-')
  return join(dirname(path), `${basename(path, extension)}-${time}${extension}`)
}
