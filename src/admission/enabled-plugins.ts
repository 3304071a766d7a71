import { type AdmissionPluginFact, admissionFacts } from '../../openapi/data.ts'
import { goQuote } from '../apimachinery/go-quote.ts'

/** Which plugins run, as the command line says it. */
export interface PluginSwitches {
  /** `--enable-admission-plugins`: besides those that are on by default. */
  readonly enable: readonly string[]
  /** `--disable-admission-plugins`: of those that are on by default. */
  readonly disable: readonly string[]
}

/**
 * What is wrong with the switches: names that no plugin has, or that stand on both sides. Empty where nothing is.
 *
 * @see apiserver pkg/server/options/admission.go Validate
 */
export function pluginSwitchProblems({ enable, disable }: PluginSwitches): string[] {
  const known = new Set(admissionFacts().plugins.map((p) => p.name))
  const unknown = (flag: string, names: readonly string[]): string[] =>
    names.filter((name) => !known.has(name)).map((name) => `${flag} plugin ${goQuote(name)} is unknown`)
  const both = [...new Set(enable.filter((name) => disable.includes(name)))].sort()
  const problems = [...unknown('enable-admission-plugins', enable), ...unknown('disable-admission-plugins', disable)]
  if (both.length > 0) {
    problems.push(`[${both.join(' ')}] in enable-admission-plugins and disable-admission-plugins overlapped`)
  }
  return problems
}

/** The plugins that run, in the order in which they do, those whose feature gate is off left out. */
export function enabledPlugins(
  { enable, disable }: PluginSwitches,
  featureGates: Readonly<Record<string, boolean>>,
): readonly AdmissionPluginFact[] {
  return admissionFacts().plugins.filter(({ name, default: byDefault, gate, gateDefault = true }) => {
    if (gate !== undefined && !(featureGates[gate] ?? gateDefault)) return false
    return enable.includes(name) || (byDefault && !disable.includes(name))
  })
}
