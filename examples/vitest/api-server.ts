import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'

/** The command: `npx kubemu` where it is installed. */
const PROGRAM = [new URL('../../dist/kubemu.mjs', import.meta.url).pathname]

/** Starts an API server without TLS that lets everybody do everything, and resolves with its URL. */
export async function startApiServer(): Promise<{ url: string; stop(): void }> {
  const flags = ['apiserver', '--memory', '--insecure-port', '0', '--authorization-mode', 'AlwaysAllow']
  const child: ChildProcess = spawn(process.execPath, [...PROGRAM, ...flags], { stdio: ['ignore', 'pipe', 'inherit'] })
  for await (const line of createInterface({ input: child.stdout! })) {
    const { msg, url } = JSON.parse(line) as { msg: string; url?: string }
    if (msg === 'serving' && url) return { url, stop: () => child.kill() }
  }
  throw new Error('the API server ended before it served')
}
