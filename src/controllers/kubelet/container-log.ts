export interface LogLine {
  readonly timeMs: number
  readonly stream: 'stdout' | 'stderr'
  /** Without its newline. */
  readonly text: string
}

/** Lines that are kept of a container; older ones are lost, as with a rotated file. */
const MAX_LINES = 2000

/** What a container has written, line by line, with listeners for what is still to come. */
export class ContainerLog {
  readonly #lines: LogLine[] = []
  readonly #rests = { stdout: '', stderr: '' }
  readonly #listeners: Set<(line: LogLine) => void> = new Set()
  readonly #writeListeners: Set<(stream: 'stdout' | 'stderr', text: string) => void> = new Set()

  get lines(): readonly LogLine[] {
    return this.#lines
  }

  /** Adds output; what lacks its newline waits for the rest of the line. */
  write(timeMs: number, stream: 'stdout' | 'stderr', text: string): void {
    for (const listener of this.#writeListeners) listener(stream, text)
    const parts = (this.#rests[stream] + text).split('\n')
    this.#rests[stream] = parts.pop()!
    for (const part of parts) this.#add({ timeMs, stream, text: part })
  }

  /** The process is over: a line that lacks its newline is one. */
  flush(timeMs: number): void {
    for (const stream of ['stdout', 'stderr'] as const) {
      if (this.#rests[stream] !== '') this.#add({ timeMs, stream, text: this.#rests[stream] })
      this.#rests[stream] = ''
    }
  }

  #add(line: LogLine): void {
    this.#lines.push(line)
    if (this.#lines.length > MAX_LINES) this.#lines.shift()
    for (const listener of this.#listeners) listener(line)
  }

  /** Calls back with all that is written from now on, as it is written. The returned function ends that. */
  onWrite(listener: (stream: 'stdout' | 'stderr', text: string) => void): () => void {
    this.#writeListeners.add(listener)
    return () => this.#writeListeners.delete(listener)
  }

  /** Calls back with every line from now on. The returned function ends that. */
  listen(listener: (line: LogLine) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }
}
