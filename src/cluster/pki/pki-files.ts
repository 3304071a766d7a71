import { chmod, mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/** Where certificates and keys are kept between runs. */
export interface PkiFiles {
  /** Undefined where there is no such file. */
  read(name: string): Promise<string | undefined>
  write(name: string, text: string): Promise<void>
}

const DIRECTORY_MODE = 0o700
const FILE_MODE = 0o600

/** Files of a folder that only the owner may look into. */
export async function openPkiDirectory(directory: string): Promise<PkiFiles> {
  await mkdir(directory, { recursive: true, mode: DIRECTORY_MODE })
  await chmod(directory, DIRECTORY_MODE)
  return {
    async read(name) {
      try {
        return await readFile(join(directory, name), 'utf8')
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
        throw error
      }
    },
    async write(name, text) {
      const path = join(directory, name)
      await writePrivateFile(path, text)
    },
  }
}

/** Writes a file that only its owner may read, whole or not at all. */
export async function writePrivateFile(path: string, text: string): Promise<void> {
  const temporary = `${path}.${process.pid}.tmp`
  await writeFile(temporary, text, { mode: FILE_MODE })
  await chmod(temporary, FILE_MODE)
  await rename(temporary, path)
}

/** Keeps everything in memory: a server without a data folder is another one each time. */
export function memoryPki(): PkiFiles {
  const files = new Map<string, string>()
  return {
    read: async (name) => files.get(name),
    write: async (name, text) => void files.set(name, text),
  }
}
