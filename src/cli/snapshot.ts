import { access, mkdir } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { Command } from 'commander'
import { openStore } from '../cluster/open-store.ts'
import type { SnapshotStore } from '../storage/store.ts'
import { failWith } from './failure.ts'

interface Flags {
  dataDir: string
}

/** `kubemu snapshot`: the state of a cluster that does not run, in a file and back. */
export function snapshotCommand(): Command {
  return new Command('snapshot')
    .description('Save the objects of a data folder in a file, or restore them from one')
    .addCommand(actionCommand('save', 'Save all objects of a data folder in a file', save))
    .addCommand(actionCommand('restore', 'Replace all objects of a data folder by those of a file', restore))
}

function actionCommand(
  name: string,
  description: string,
  run: (file: string, dataDir: string) => Promise<string>,
): Command {
  return new Command(name)
    .description(`${description}; no server may use the folder meanwhile`)
    .argument('<file>', 'the snapshot')
    .option('--data-dir <dir>', "the cluster's data folder", 'data')
    .action(async (file: string, flags: Flags) => {
      await run(resolve(file), resolve(flags.dataDir)).then((line) => void process.stdout.write(`${line}\n`), failWith)
    })
}

async function save(file: string, dataDir: string): Promise<string> {
  await access(join(dataDir, 'store')).catch((cause: unknown) => {
    throw new Error(`${dataDir} holds no cluster's data`, { cause })
  })
  return await withStore(dataDir, async (store) => {
    await store.snapshotTo(file)
    const { keys, revision } = await store.status()
    return `saved ${keys} keys at revision ${revision} in ${file}`
  })
}

async function restore(file: string, dataDir: string): Promise<string> {
  await access(file).catch((cause: unknown) => {
    throw new Error(`${file} can't be read`, { cause })
  })
  await mkdir(dataDir, { recursive: true })
  return await withStore(dataDir, async (store) => {
    await store.restoreFrom(file)
    const { keys, revision } = await store.status()
    return `restored ${keys} keys at revision ${revision} into ${dataDir}`
  })
}

async function withStore(dataDir: string, work: (store: SnapshotStore) => Promise<string>): Promise<string> {
  const store = (await openStore({ kind: 'leveldb', dataDir, mode: 'sync' })) as SnapshotStore
  try {
    return await work(store)
  } finally {
    await store.close()
  }
}
