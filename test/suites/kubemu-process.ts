import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import { BackgroundCommand } from './kubectl.ts'

const PROGRAM = join(import.meta.dirname, '../../dist/kubemu.mjs')

/** A ready cluster on a free port, in memory, with its kubeconfig in `dataDir`; the caller stops it. */
export async function startUp(dataDir: string, ...flags: readonly string[]): Promise<KubemuProcess> {
  const up = new KubemuProcess('up', '--memory', '--port=0', `--data-dir=${dataDir}`, ...flags)
  await up.output.printed(/ready in \d+ ms/, 60_000)
  return up
}

/** The `kubemu` command as it is installed: the bundle, in a process of its own. */
export class KubemuProcess {
  readonly output: BackgroundCommand
  readonly #child: ChildProcess

  constructor(...args: readonly string[]) {
    this.#child = spawn(process.execPath, [PROGRAM, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
    this.output = new BackgroundCommand(this.#child)
  }

  /** Asks it to end; resolves with its exit code. */
  async stop(): Promise<number | null> {
    await this.output.stop()
    return this.#child.exitCode
  }

  /** What Ctrl-C does to a process that npm has started: the terminal tells it, and npm tells it once more. */
  async interrupt(): Promise<number | null> {
    this.#child.kill('SIGINT')
    this.#child.kill('SIGINT')
    return await this.exitCode()
  }

  /** Ends it without asking. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL')
    await this.output.ended()
  }

  /** Resolves with its exit code once it has ended by itself. */
  async exitCode(): Promise<number | null> {
    await this.output.ended()
    return this.#child.exitCode
  }
}
