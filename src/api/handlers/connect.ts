import { apiVersionOf } from '../../apimachinery/group-version.ts'
import type { JsonObject, KubeObject } from '../../apimachinery/kube-object.ts'
import type { ApiResource } from '../api-resource.ts'
import type { Call } from '../call.ts'
import { boolParameter, type QueryParameters } from '../query-parameters.ts'
import { admissionAttributes, type HandlerServices } from './services.ts'

type ReadParameter = (query: QueryParameters, name: string) => unknown

const text: ReadParameter = (query, name) => query.get(name) || undefined
/** False is left out, as everywhere. */
const flag: ReadParameter = (query, name) => boolParameter(query, name) || undefined
const texts: ReadParameter = (query, name) => listOf(query.all(name))
const numbers: ReadParameter = (query, name) => listOf(query.all(name).map(Number).filter(Number.isInteger))

const STREAMS = { stdin: flag, stdout: flag, stderr: flag, tty: flag, container: text }

/** Kind → its parameters. The path of proxies comes from behind the subresource. */
const PARAMETERS: Readonly<Record<string, Readonly<Record<string, ReadParameter>>>> = {
  PodExecOptions: { ...STREAMS, command: texts },
  PodAttachOptions: STREAMS,
  PodPortForwardOptions: { ports: numbers },
}

/**
 * Asks admission whether a client may connect: exec, attach, port forwarding, proxies. What plugins and webhooks see as
 * the object are the request's parameters.
 *
 * @see apiserver pkg/endpoints/handlers/rest.go ConnectResource
 */
export async function admitConnect(
  call: Call,
  resource: ApiResource,
  subpath: string,
  { admission }: HandlerServices,
): Promise<void> {
  const { subresource, namespace, name } = call.info
  // Logs are read, not connected to: admission has no say, as upstream.
  const fact = resource.subresources.get(subresource)
  if (!fact || fact.kind === 'Pod') return
  const attributes = admissionAttributes(call, resource, {
    operation: 'CONNECT',
    subresource,
    namespace,
    name,
    object: optionsOf(call.query, fact, subpath),
    dryRun: false,
  })
  await admission.admit(attributes)
  await admission.validate(attributes)
}

function optionsOf(
  query: QueryParameters,
  { group, version, kind }: { group: string; version: string; kind: string },
  subpath: string,
): KubeObject {
  const options: JsonObject = { kind, apiVersion: apiVersionOf({ group, version }) }
  for (const [name, read] of Object.entries(PARAMETERS[kind] ?? { path: () => subpath || undefined })) {
    const value = read(query, name)
    if (value !== undefined) options[name] = value
  }
  return options as unknown as KubeObject
}

const listOf = <T>(values: readonly T[]): T[] | undefined => (values.length > 0 ? [...values] : undefined)
