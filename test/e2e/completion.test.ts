import { execFile, spawnSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

const run = promisify(execFile)
const PROGRAM = join(import.meta.dirname, '../../dist/kubemu.mjs')

let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kubemu-completion-'))
})

afterAll(async () => {
  await rm(folder, { recursive: true, force: true })
})

/** True where the shell is installed; says so loudly where it is not. */
function has(shell: string): boolean {
  const isThere = spawnSync(shell, ['--version']).status === 0
  if (!isThere) console.warn(`SKIPPED: ${shell} is not installed, its completion is not tried`)
  return isThere
}

async function scriptOf(shell: string): Promise<string> {
  const file = join(folder, `completion.${shell}`)
  await writeFile(file, (await run(process.execPath, [PROGRAM, 'completion', shell])).stdout)
  return file
}

/** Types command lines into an interactive zsh with a tab behind each, and prints what they have become. */
const TYPE_INTO_ZSH = `
zmodload zsh/zpty
zpty shell "zsh -f -i"
zpty -w shell "PS1=; stty -echo; autoload -Uz compinit; compinit -u -D; bindkey '^I' complete-word"
zpty -w shell "source $SCRIPT; kubemu() { print -r -- \\"GOT:\\$*:\\" }; echo READY"
zpty -r shell out '*READY*'
for line in "$@"; do
  zpty -w -n shell "kubemu $line"$'\\t'$'\\n'
  zpty -r shell out '*GOT:*:*'
  print -r -- \${\${out##*GOT:}%%:*}
done
zpty -d shell
`

const COMPLETED: readonly (readonly [string, string])[] = [
  ['snap', 'snapshot'],
  ['snapshot sa', 'snapshot save'],
  ['up --mem', 'up --memory'],
  ['snapshot save --data', 'snapshot save --data-dir'],
  ['completion fi', 'completion fish'],
  // A value, not a command of that name.
  ['up --kubeconfig kubec', 'up --kubeconfig kubec'],
]
const typed = COMPLETED.map(([line]) => line)
const completed = COMPLETED.map(([, line]) => line)

describe('kubemu completion, in the shells themselves', () => {
  test.skipIf(!has('bash'))('bash', async () => {
    const complete = `
      source "$SCRIPT"
      for line in "$@"; do
        COMP_WORDS=(kubemu $line) COMP_CWORD=$(wc -w <<<"$line")
        _kubemu
        echo "\${line% *} \${COMPREPLY[*]:-\${line##* }}"
      done`
    const { stdout } = await run('bash', ['-c', complete, 'bash', ...typed], {
      env: { ...process.env, SCRIPT: await scriptOf('bash') },
    })
    expect(stdout.trim().split('\n')).toEqual(completed.map((line) => (line === 'snapshot' ? 'snap snapshot' : line)))
  })

  test.skipIf(!has('zsh'))('zsh', async () => {
    const { stdout } = await run('zsh', ['-f', '-c', TYPE_INTO_ZSH, 'zsh', ...typed], {
      cwd: folder,
      env: { ...process.env, TERM: 'dumb', HOME: folder, ZDOTDIR: folder, SCRIPT: await scriptOf('zsh') },
      timeout: 60_000,
    })
    expect(stdout.trim().split('\n')).toEqual(completed)
  })

  test.skipIf(!has('fish'))('fish', async () => {
    const complete = `
      source $SCRIPT
      for line in $argv
        set -l offered (complete -C "kubemu $line" | string replace -r '\\t.*' '')
        test (count $offered) -gt 0; or set offered (string split ' ' -- $line)[-1]
        echo (string join ' ' -- (string split ' ' -- $line)[1..-2] $offered)
      end`
    const { stdout } = await run('fish', ['--no-config', '-c', complete, ...typed], {
      cwd: folder,
      env: { ...process.env, HOME: folder, SCRIPT: await scriptOf('fish') },
    })
    expect(stdout.trim().split('\n')).toEqual(completed)
  })
})
