import { featureEnabled } from '../registry/core/pod/feature-gates.ts'
import type { AdmissionPlugin } from './admission.ts'
import type { AdmissionDependencies } from './admission-dependencies.ts'
import { enabledPlugins, type PluginSwitches, pluginSwitchProblems } from './enabled-plugins.ts'
import { defaultTolerationSeconds } from './plugins/default-toleration-seconds.ts'
import { limitRanger } from './plugins/limit-ranger/limit-ranger.ts'
import { namespaceLifecycle } from './plugins/namespace-lifecycle.ts'
import { priority } from './plugins/priority.ts'
import { ServiceAccountPlugin } from './plugins/service-account/service-account.ts'
import { taintNodesByCondition } from './plugins/taint-nodes-by-condition.ts'

/** How admission is set up, as the command line and the configuration file say it. */
export interface AdmissionOptions extends PluginSwitches {
  /** Configuration of plugins by their name, parsed, from `--admission-control-config-file`. */
  readonly configurations: ReadonlyMap<string, unknown>
}

/** Makes a plugin. `configuration` is undefined where the file has none. Errors: what is wrong with it. */
type PluginFactory = (dependencies: AdmissionDependencies, configuration: unknown) => AdmissionPlugin

const FACTORIES: ReadonlyMap<string, PluginFactory> = new Map<string, PluginFactory>([
  ['NamespaceLifecycle', ({ reader }) => namespaceLifecycle(reader)],
  [
    'LimitRanger',
    ({ reader, config }) => limitRanger(reader, { podLevelResources: featureEnabled(config, 'PodLevelResources') }),
  ],
  ['ServiceAccount', ({ reader, clock }) => new ServiceAccountPlugin(reader, clock)],
  ['TaintNodesByCondition', () => taintNodesByCondition],
  ['Priority', ({ reader }) => priority(reader)],
  ['DefaultTolerationSeconds', () => defaultTolerationSeconds()],
])

/** The plugins that run, in upstream's order. Errors: plugins that are unknown or badly configured. */
export function admissionPlugins(
  options: AdmissionOptions,
  dependencies: AdmissionDependencies,
): readonly AdmissionPlugin[] {
  const problems = pluginSwitchProblems(options)
  if (problems.length > 0) throw new Error(problems.join('; '))
  const { featureGates } = dependencies.config
  return enabledPlugins(options, featureGates).flatMap(({ name }) => {
    const factory = FACTORIES.get(name)
    return factory ? [factory(dependencies, options.configurations.get(name))] : []
  })
}
