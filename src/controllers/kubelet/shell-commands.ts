import type { Program, ProgramStep } from './program.ts'
import type { CommandIo } from './shell.ts'
import { createTar, extractTar } from './tar.ts'

/** The exit code at once, of a command that says nothing; else what it does. */
type CommandFunction = (io: CommandIo) => Program | number

const write = (text: string | Buffer, stream: 'stdout' | 'stderr' = 'stdout'): ProgramStep => ({
  kind: 'write',
  stream,
  data: typeof text === 'string' ? Buffer.from(text) : text,
})

const noSuchFile = (command: string, path: string): ProgramStep =>
  write(`${command}: can't open '${path}': No such file or directory\n`, 'stderr')

/** A command that only says something. */
const says = (text: (io: CommandIo) => string): CommandFunction =>
  function* (io) {
    yield write(text(io))
    return 0
  }

const succeeds: CommandFunction = () => 0

/** All of a command's input. */
function* readAll(input: Buffer | undefined): Generator<ProgramStep, Buffer, Buffer | undefined> {
  if (input) return input
  const chunks: Buffer[] = []
  for (;;) {
    const chunk = yield { kind: 'read' }
    if (!chunk) return Buffer.concat(chunks)
    chunks.push(chunk)
  }
}

function withEscapes(text: string): string {
  const escapes: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', '\\': '\\', '0': '\0' }
  return text.replace(/\\([ntr\\0])/g, (_, c: string) => escapes[c]!)
}

function formatted(format: string, args: readonly string[]): string {
  let at = 0
  return withEscapes(format).replace(/%(%|-?\d*[sdi])/g, (_, what: string) => {
    if (what === '%') return '%'
    const value = args[at++] ?? ''
    const width = Number(/-?\d+/.exec(what)?.[0] ?? 0)
    return width < 0 ? value.padEnd(-width) : value.padStart(width)
  })
}

/** Files and folders right below a folder; undefined where there is none. */
function entriesOf(files: ReadonlyMap<string, Buffer>, folder: string): string[] | undefined {
  const prefix = folder === '/' ? '/' : `${folder}/`
  const names: Set<string> = new Set()
  for (const path of files.keys()) {
    if (path.startsWith(prefix)) names.add(path.slice(prefix.length).split('/')[0]!)
  }
  return names.size > 0 || folder === '/' || folder === '/tmp' ? [...names].filter((n) => n !== '').sort() : undefined
}

function* cat({ shell, args, input }: CommandIo): Program {
  const paths = args.filter((a) => a === '-' || !a.startsWith('-'))
  if (paths.length === 0 || paths[0] === '-') {
    if (input) yield write(input)
    else for (let chunk = yield { kind: 'read' }; chunk; chunk = yield { kind: 'read' }) yield write(chunk)
    return 0
  }
  let code = 0
  for (const path of paths) {
    const file = shell.files.get(shell.resolve(path))
    if (file) yield write(file)
    else {
      yield noSuchFile('cat', path)
      code = 1
    }
  }
  return code
}

function* ls({ shell, args }: CommandIo): Program {
  const paths = args.filter((a) => !a.startsWith('-'))
  const isLong = args.some((a) => /^-[a-z]*l/.test(a))
  let code = 0
  for (const path of paths.length > 0 ? paths : ['.']) {
    const full = shell.resolve(path)
    const names = shell.files.has(full) ? [path] : entriesOf(shell.files, full)
    if (!names) {
      yield write(`ls: ${path}: No such file or directory\n`, 'stderr')
      code = 1
      continue
    }
    for (const name of names) {
      const size = shell.files.get(shell.resolve(`${full}/${name}`))?.length ?? 4096
      yield write(isLong ? `-rw-r--r--    1 root     root     ${String(size).padStart(9)} ${name}\n` : `${name}\n`)
    }
  }
  return code
}

function test({ shell, args }: CommandIo): number {
  const words = args.at(-1) === ']' ? args.slice(0, -1) : [...args]
  const isNot = words[0] === '!'
  if (isNot) words.shift()
  return evaluate(shell, words) === isNot ? 1 : 0
}

function evaluate(shell: CommandIo['shell'], [a = '', operator, b = '']: readonly string[]): boolean {
  if (operator === undefined) return a !== ''
  switch (a) {
    case '-f':
    case '-s':
    case '-r':
      return shell.files.has(shell.resolve(operator))
    case '-d':
      return entriesOf(shell.files, shell.resolve(operator)) !== undefined
    case '-e':
      return shell.files.has(shell.resolve(operator)) || entriesOf(shell.files, shell.resolve(operator)) !== undefined
    case '-n':
      return operator !== ''
    case '-z':
      return operator === ''
  }
  const comparisons: Readonly<Record<string, boolean>> = {
    '=': a === b,
    '==': a === b,
    '!=': a !== b,
    '-eq': Number(a) === Number(b),
    '-ne': Number(a) !== Number(b),
    '-gt': Number(a) > Number(b),
    '-ge': Number(a) >= Number(b),
    '-lt': Number(a) < Number(b),
    '-le': Number(a) <= Number(b),
  }
  return comparisons[operator] ?? false
}

/** `tar cf - path` and `tar xf - -C folder`, as `kubectl cp` calls them. */
function* tar({ shell, args, input }: CommandIo): Program {
  const flags = args[0]?.replace('-', '') ?? ''
  const at = args.indexOf('-C')
  const folder = at >= 0 ? (args[at + 1] ?? '/') : '.'
  if (flags.includes('x')) {
    const archive = yield* readAll(input)
    for (const [path, content] of extractTar(archive)) shell.files.set(shell.resolve(`${folder}/${path}`), content)
    return 0
  }
  if (!flags.includes('c')) return 2
  const entries: [string, Buffer][] = []
  for (const path of args.slice(1).filter((a, i) => a !== '-' && i + 1 !== at && i + 1 !== at + 1)) {
    const full = shell.resolve(at >= 0 ? `${folder}/${path}` : path)
    for (const [name, content] of shell.files) {
      if (name === full) entries.push([path.replace(/^\//, ''), content])
      else if (name.startsWith(`${full}/`)) {
        entries.push([`${path.replace(/^\/|\/$/g, '')}${name.slice(full.length)}`, content])
      }
    }
    if (entries.length > 0) continue
    yield write(`tar: ${path}: No such file or directory\n`, 'stderr')
    return 2
  }
  yield write(createTar(entries))
  return 0
}

function* grep({ shell, args, input }: CommandIo): Program {
  const [pattern = '', path] = args.filter((a) => !a.startsWith('-'))
  const text = path ? shell.files.get(shell.resolve(path)) : yield* readAll(input)
  const inverts = args.some((a) => /^-[a-zA-Z]*v/.test(a))
  const lines = (text ?? Buffer.alloc(0))
    .toString('utf8')
    .split('\n')
    .filter((l) => l !== '')
  const found = lines.filter((line) => line.includes(pattern) !== inverts)
  if (!args.includes('-q')) for (const line of found) yield write(`${line}\n`)
  return found.length > 0 ? 0 : 1
}

function* takeLines({ args, input, shell }: CommandIo, fromEnd: boolean): Program {
  const path = args.find((a, i) => !a.startsWith('-') && args[i - 1] !== '-n')
  const text = path ? (shell.files.get(shell.resolve(path)) ?? Buffer.alloc(0)) : yield* readAll(input)
  const count = Number(
    /\d+/.exec(args.find((a) => /^-n?\d+$/.test(a)) ?? args[args.indexOf('-n') + 1] ?? '')?.[0] ?? 10,
  )
  const lines = text.toString('utf8').replace(/\n$/, '').split('\n')
  for (const line of fromEnd ? lines.slice(-count) : lines.slice(0, count)) yield write(`${line}\n`)
  return 0
}

/** Bytes of a file name are not looked into further: enough for `wc -l`. */
function* wc({ args, input, shell }: CommandIo): Program {
  const path = args.find((a) => !a.startsWith('-'))
  const text = (path ? (shell.files.get(shell.resolve(path)) ?? Buffer.alloc(0)) : yield* readAll(input)).toString(
    'utf8',
  )
  const counts = [
    text.split('\n').length - 1,
    text.split(/\s+/).filter((w) => w !== '').length,
    Buffer.byteLength(text),
  ]
  const wanted = args.includes('-l')
    ? [counts[0]]
    : args.includes('-w')
      ? [counts[1]]
      : args.includes('-c')
        ? [counts[2]]
        : counts
  yield write(`${wanted.join(' ')}${path ? ` ${path}` : ''}\n`)
  return 0
}

function cd({ shell, args }: CommandIo): number {
  const path = shell.resolve(args[0] ?? '/root')
  shell.cwd = path
  return 0
}

function remove({ shell, args }: CommandIo): number {
  for (const path of args.filter((a) => !a.startsWith('-'))) {
    const full = shell.resolve(path)
    for (const name of [...shell.files.keys()])
      if (name === full || name.startsWith(`${full}/`)) shell.files.delete(name)
  }
  return 0
}

function touch({ shell, args }: CommandIo): number {
  for (const path of args.filter((a) => !a.startsWith('-'))) {
    const full = shell.resolve(path)
    if (!shell.files.has(full)) shell.files.set(full, Buffer.alloc(0))
  }
  return 0
}

function exportVariables({ shell, args }: CommandIo): number {
  for (const arg of args) {
    const at = arg.indexOf('=')
    if (at > 0) shell.environment[arg.slice(0, at)] = arg.slice(at + 1)
  }
  return 0
}

function environmentText({ shell }: CommandIo): string {
  const names = Object.keys(shell.environment).filter((name) => /^[A-Za-z_]/.test(name))
  return names.map((name) => `${name}=${shell.environment[name]}\n`).join('')
}

/** What the simulated shell knows, by name. */
export const COMMANDS: Readonly<Record<string, CommandFunction>> = {
  '[': test,
  ':': succeeds,
  cat,
  cd,
  chmod: succeeds,
  chown: succeeds,
  date: says(({ args, nowMs }) =>
    args[0] === '+%s' ? `${Math.floor(nowMs / 1000)}\n` : `${new Date(nowMs).toUTCString()}\n`,
  ),
  echo: says(({ args }) => {
    const options = args.findIndex((a) => !/^-[neE]+$/.test(a))
    const flags = args.slice(0, options < 0 ? args.length : options).join('')
    const text = args.slice(options < 0 ? args.length : options).join(' ')
    return (flags.includes('e') ? withEscapes(text) : text) + (flags.includes('n') ? '' : '\n')
  }),
  env: says(environmentText),
  export: exportVariables,
  false: () => 1,
  grep,
  head: (io) => takeLines(io, false),
  hostname: says(({ shell }) => `${shell.hostname}\n`),
  id: says(() => 'uid=0(root) gid=0(root) groups=0(root)\n'),
  ls,
  mkdir: succeeds,
  printenv: function* (io) {
    const [name] = io.args
    if (name === undefined) yield write(environmentText(io))
    else if (io.shell.environment[name] === undefined) return 1
    else yield write(`${io.shell.environment[name]}\n`)
    return 0
  },
  printf: says(({ args: [format = '', ...rest] }) => formatted(format, rest)),
  ps: says(() => 'PID   USER     TIME  COMMAND\n    1 root      0:00 sh\n'),
  pwd: says(({ shell }) => `${shell.cwd}\n`),
  rm: remove,
  set: succeeds,
  tail: (io) => takeLines(io, true),
  tar,
  test,
  touch,
  trap: succeeds,
  true: succeeds,
  uname: says(({ args, shell }) =>
    args[0] === '-a' ? `Linux ${shell.hostname} 6.1.0 #1 SMP x86_64 GNU/Linux\n` : 'Linux\n',
  ),
  wait: succeeds,
  wc,
  whoami: says(() => 'root\n'),
}
