import { Option } from 'commander'
import { KUBEMU_VERSION, KUBERNETES_VERSION } from '../api/version.ts'
import { FlagCommand } from './flag-command.ts'

interface Flags {
  output?: 'json' | 'yaml'
}

/** `kubemu version`: what this program is and which API it serves. */
export function versionCommand(): FlagCommand {
  return new FlagCommand('version')
    .description('Print the versions of kubemu and of the API that it serves')
    .addOption(new Option('-o, --output <format>', 'json or yaml').choices(['json', 'yaml']))
    .action((flags: Flags) => void process.stdout.write(versionText(flags.output)))
}

/** As `kubectl version` prints it. */
function versionText(output: Flags['output']): string {
  const platform = `${process.platform}/${process.arch}`
  const versions = {
    kubemuVersion: { version: KUBEMU_VERSION, nodeVersion: process.version, platform },
    kubernetesVersion: KUBERNETES_VERSION,
  }
  if (output === 'json') return `${JSON.stringify(versions, undefined, 2)}\n`
  if (output === 'yaml') return yamlOf(versions)
  return [
    `kubemu Version: ${KUBEMU_VERSION}`,
    `Kubernetes Version: ${KUBERNETES_VERSION.gitVersion}`,
    `Node.js Version: ${process.version} (${platform})`,
    '',
  ].join('\n')
}

function yamlOf(groups: Readonly<Record<string, Readonly<Record<string, string>>>>): string {
  return Object.entries(groups)
    .map(([name, fields]) => {
      const lines = Object.entries(fields).map(([key, value]) => `  ${key}: ${JSON.stringify(value)}\n`)
      return `${name}:\n${lines.join('')}`
    })
    .join('')
}
