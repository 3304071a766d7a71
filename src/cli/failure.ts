/** Ends the process with one clear sentence. */
export function failWith(error: unknown): never {
  process.stderr.write(`kubemu: ${sentenceOf(error)}\n`)
  process.exit(1)
}

function sentenceOf(error: unknown): string {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    const sentence = systemSentence(cause)
    if (sentence) return sentence
  }
  if (!(error instanceof Error)) return String(error)
  const { code, path } = error as NodeJS.ErrnoException
  return code === 'ENOENT' && path ? `there is no file ${path}` : error.message
}

/** Of failures of the system; undefined where it is none that a person meets. */
function systemSentence(error: Error): string | undefined {
  const { code, path, port, address, hostname } = error as NodeJS.ErrnoException & {
    port?: number
    address?: string
    hostname?: string
  }
  switch (code) {
    case 'EADDRINUSE':
      return `port ${port} on ${address} is taken by another program; choose another one with --port`
    case 'EACCES':
      return port === undefined
        ? `${path ?? 'a file'} can't be written: permission denied`
        : `port ${port} can't be opened: permission denied; ports below 1024 belong to the system`
    case 'EADDRNOTAVAIL':
      return `${address} is no address of this machine`
    case 'ENOTFOUND':
      return `there is no host called ${hostname}`
    case 'EROFS':
      return `${path ?? 'the data folder'} is on a file system that can't be written to`
    case 'ENOTDIR':
      return `${path ?? 'the data folder'} is no folder`
  }
  return undefined
}
