import { describe, expect, test } from 'vitest'
import type { Program } from './program.ts'
import { Shell } from './shell.ts'

interface Outcome {
  readonly out: string
  readonly err: string
  readonly code: number
  readonly sleptMs: number
}

/** Runs a process to its end; more than `maxSteps` steps are an endless loop. */
function run(program: Program | undefined, input = '', maxSteps = 10_000): Outcome {
  if (!program) throw new Error('no such program')
  let out = ''
  let err = ''
  let sleptMs = 0
  let pending: Buffer | undefined = input === '' ? undefined : Buffer.from(input)
  let answer: Buffer | undefined
  for (let i = 0; i < maxSteps; i++) {
    const step = program.next(answer)
    answer = undefined
    if (step.done) return { out, err, code: step.value, sleptMs }
    if (step.value.kind === 'write') {
      if (step.value.stream === 'stdout') out += step.value.data.toString()
      else err += step.value.data.toString()
    } else if (step.value.kind === 'sleep') sleptMs += step.value.ms
    else {
      answer = pending
      pending = undefined
    }
  }
  throw new Error('the process does not end')
}

function shell(files: Record<string, string> = {}): Shell {
  const contents = Object.entries(files).map(([path, text]): [string, Buffer] => [path, Buffer.from(text)])
  return new Shell({ environment: { NAME: 'pod' }, files: new Map(contents), hostname: 'web-0' })
}

const sh = (script: string, input = '', files: Record<string, string> = {}) =>
  run(shell(files).program(['sh', '-c', script]), input)

describe('the simulated shell', () => {
  test.each([
    ['echo hello "a  b"', 'hello a  b\n'],
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the shell's own
    ["echo '$NAME' $NAME ${NAME} ${MISSING:-else}", '$NAME pod pod else\n'],
    ['printf "%s-%s\\n" a b', 'a-b\n'],
    ['X=1; X=$((X+2)); echo $X $((2*3-1))', '3 5\n'],
    ['echo $(hostname)', 'web-0\n'],
    ['for i in a b; do echo $i; done', 'a\nb\n'],
    ['if [ -f /etc/x ]; then echo yes; else echo no; fi', 'no\n'],
    ['i=0; while [ $i -lt 3 ]; do echo $i; i=$((i+1)); done', '0\n1\n2\n'],
    ['true && echo a || echo b', 'a\n'],
    ['false && echo a || echo b', 'b\n'],
    ['! false && echo not', 'not\n'],
    ['echo one > /f; echo two >> /f; cat /f', 'one\ntwo\n'],
    ['echo "x y" | cat', 'x y\n'],
    ['printf "a\\nb\\nc\\n" | grep b', 'b\n'],
    ['(echo in; exit 0); echo never', 'in\n'],
    ['echo gone > /dev/null; echo $?', '0\n'],
  ])('%s', (script, out) => {
    expect(sh(script).out).toBe(out)
  })

  test('exit codes: of exit, of the last command, of a program that is not there', () => {
    expect(sh('exit 7').code).toBe(7)
    expect(sh('false').code).toBe(1)
    expect(sh('nonsense')).toMatchObject({ code: 127, err: 'sh: nonsense: not found\n' })
  })

  test('sleep takes its time, and for ever with infinity', () => {
    expect(sh('sleep 1; sleep 500ms').sleptMs).toBe(1500)
    expect(sh('sleep infinity').sleptMs).toBe(Number.POSITIVE_INFINITY)
  })

  test('errors go to stderr, also when redirected', () => {
    expect(sh('echo oops >&2')).toMatchObject({ out: '', err: 'oops\n' })
    expect(sh('nonsense 2>&1')).toMatchObject({ out: 'sh: nonsense: not found\n', err: '' })
  })

  test('what it cannot read is a syntax error with code 2, not a crash', () => {
    for (const script of ['if true', 'echo "open', 'done', 'echo $(', '| x', 'for', 'while true; do']) {
      expect(sh(script).code).toBe(2)
    }
  })

  test('an interactive shell runs line after line until exit', () => {
    expect(run(shell().program(['sh']), 'echo a\necho b\nexit 4\necho c\n')).toMatchObject({ out: 'a\nb\n', code: 4 })
  })

  test('tar carries files both ways, as kubectl cp does', () => {
    const archive = run(
      shell({ '/data/x/one.txt': '1', '/data/x/two.txt': '22' }).program(['tar', 'cf', '-', '/data/x']),
    )
    const target = shell()
    expect(run(target.program(['tar', '-xmf', '-', '-C', '/dest']), archive.out).code).toBe(0)
    expect(target.files.get('/dest/data/x/two.txt')?.toString()).toBe('22')
  })

  describe('as the process of a container', () => {
    const process = (script: string) => shell().containerProgram(['sh', '-c', script], Number.POSITIVE_INFINITY)

    test('does what it can, and lets a program of the image run where it comes last', () => {
      expect(run(process('echo first; migrate --all && exec serve --port 80'))).toEqual({
        out: 'first\n',
        err: '',
        code: 0,
        sleptMs: Number.POSITIVE_INFINITY,
      })
      expect(run(process('X=1 migrate; echo then'))).toMatchObject({ out: 'then\n', sleptMs: 1000 })
      expect(run(process('for i in 1 2; do echo $i; done'))).toMatchObject({ out: '1\n2\n', sleptMs: 0 })
    })

    test.each([
      'for i in $(seq 3); do echo $i; done',
      'until pg_isready; do sleep 1; done',
      'if curl -f http://web; then exit 0; fi; exit 1',
      'getent hosts db | grep db',
      'case $NAME in pod) echo a;; esac',
    ])('is unknown where a program of the image decides: %s', (script) => {
      expect(process(script)).toBeUndefined()
    })

    test('is unknown where its script lies in the image', () => {
      expect(shell().containerProgram(['sh', '/entrypoint.sh'], 1000)).toBeUndefined()
      expect(run(shell({ '/mounted.sh': 'echo here' }).containerProgram(['sh', '/mounted.sh'], 1000)).out).toBe(
        'here\n',
      )
    })
  })

  test('a program that is not known is none', () => {
    expect(shell().program(['nginx', '-g', 'daemon off;'])).toBeUndefined()
  })
})
