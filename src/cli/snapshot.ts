import { resolve } from 'node:path'
import { restoreSnapshot, saveSnapshot } from '../cluster/snapshot-files.ts'
import { failWith } from './failure.ts'
import { FlagCommand } from './flag-command.ts'

interface Flags {
  dataDir: string
}

/** `kubemu snapshot`: the state of a cluster that does not run, in a file and back. */
export function snapshotCommand(): FlagCommand {
  return new FlagCommand('snapshot')
    .description('Save the objects of a data folder in a file, or restore them from one')
    .usage('<command> [options]')
    .withExamples(EXAMPLES)
    .addCommand(actionCommand('save', 'Save all objects of a data folder in a file', save))
    .addCommand(actionCommand('restore', 'Replace all objects of a data folder by those of a file', restore))
}

const EXAMPLES = `# Save what a stopped cluster holds, and begin another one with it
kubemu snapshot save state --data-dir data
kubemu snapshot restore state --data-dir other`

function actionCommand(
  name: string,
  description: string,
  run: (file: string, dataDir: string) => Promise<string>,
): FlagCommand {
  return new FlagCommand(name)
    .description(`${description}; no server may use the folder meanwhile`)
    .usage('FILE [options]')
    .argument('<file>', 'the snapshot')
    .option('--data-dir <dir>', "the cluster's data folder", 'data')
    .action(async (file: string, flags: Flags) => {
      await run(resolve(file), resolve(flags.dataDir)).then((line) => void process.stdout.write(`${line}\n`), failWith)
    })
}

async function save(file: string, dataDir: string): Promise<string> {
  const { keys, revision } = await saveSnapshot(dataDir, file)
  return `saved ${keys} keys at revision ${revision} in ${file}`
}

async function restore(file: string, dataDir: string): Promise<string> {
  const { keys, revision } = await restoreSnapshot(dataDir, file)
  return `restored ${keys} keys at revision ${revision} into ${dataDir}`
}
