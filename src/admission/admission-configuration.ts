import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { goQuote } from '../apimachinery/go-quote.ts'
import { isJsonObject, type JsonObject } from '../apimachinery/kube-object.ts'
import { parseYaml } from '../apimachinery/schema/yaml-text.ts'

const API_VERSIONS = ['apiserver.config.k8s.io/v1', 'apiserver.k8s.io/v1alpha1']

/** Plugins whose own configuration could once be given in place of an AdmissionConfiguration, by its one member. */
const LEGACY = new Map([
  ['imagePolicy', 'ImagePolicyWebhook'],
  ['podNodeSelectorPluginConfig', 'PodNodeSelector'],
])

/**
 * Reads the file of `--admission-control-config-file`: the configuration of each plugin that it names, parsed. Paths in
 * it are relative to its folder. Errors: what is wrong with the file, or with one that it names.
 *
 * @see apiserver pkg/admission/config.go ReadAdmissionConfiguration
 */
export function readAdmissionConfiguration(path: string): ReadonlyMap<string, unknown> {
  const document = readDocument(path, 'admission control configuration')
  const legacy = legacyConfiguration(document)
  if (legacy) return legacy
  const plugins = pluginsOf(document)
  const configurations = new Map<string, unknown>()
  for (const { name, path: file, configuration } of plugins) {
    // The first entry of a plugin counts.
    if (typeof name !== 'string' || configurations.has(name)) continue
    if (configuration !== undefined && configuration !== null) configurations.set(name, configuration)
    else if (typeof file === 'string' && file !== '') {
      configurations.set(name, readDocument(resolve(dirname(path), file), 'admission plugin configuration'))
    }
  }
  return configurations
}

function readDocument(path: string, what: string): unknown {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    throw new Error(`unable to read ${what} from ${goQuote(path)} [${(error as Error).message}]`, { cause: error })
  }
  const { value, strictErrors } = parseYaml(text)
  if (strictErrors.length > 0) throw new Error(`strict decoding error: ${strictErrors.join(', ')}`)
  return value
}

function legacyConfiguration(document: unknown): ReadonlyMap<string, unknown> | undefined {
  if (!isJsonObject(document) || document['kind'] !== undefined || document['apiVersion'] !== undefined)
    return undefined
  if (![...LEGACY.keys()].some((member) => document[member] !== undefined)) return undefined
  return new Map([...LEGACY.values()].map((plugin) => [plugin, document]))
}

function pluginsOf(document: unknown): readonly JsonObject[] {
  if (!isJsonObject(document)) throw new Error('the admission control configuration is not an object')
  const { kind, apiVersion } = document
  if (typeof kind !== 'string' || kind === '') throw new Error("Object 'Kind' is missing")
  if (typeof apiVersion !== 'string' || apiVersion === '') throw new Error("Object 'apiVersion' is missing")
  if (kind !== 'AdmissionConfiguration' || !API_VERSIONS.includes(apiVersion)) {
    throw new Error(`no kind ${goQuote(kind)} is registered for version ${goQuote(apiVersion)}`)
  }
  const plugins = document['plugins'] ?? []
  if (!Array.isArray(plugins)) throw new Error('plugins of the admission control configuration is not a list')
  const problems = [
    ...unknownFields(document, ['kind', 'apiVersion', 'plugins'], ''),
    ...plugins.flatMap((p, i) => unknownFields(p, ['name', 'path', 'configuration'], `plugins[${i}].`)),
  ]
  if (problems.length > 0) throw new Error(`strict decoding error: ${problems.join(', ')}`)
  return plugins.filter(isJsonObject)
}

function unknownFields(value: unknown, known: readonly string[], prefix: string): string[] {
  const names = isJsonObject(value) ? Object.keys(value) : []
  return names.filter((name) => !known.includes(name)).map((name) => `unknown field ${goQuote(prefix + name)}`)
}
