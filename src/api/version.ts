import { methodNotAllowed } from '../apimachinery/api-error.ts'
import type { PathHandler } from './api-server.ts'
import { requireAccepted } from './negotiation/accept.ts'

/** The API that is served: what clients compare themselves with. */
export const KUBERNETES_VERSION = { major: '1', minor: '36', gitVersion: 'v1.36.2' } as const

/** `/version`. */
export function versionInfo(kubemuVersion: string): Readonly<Record<string, string>> {
  return {
    ...KUBERNETES_VERSION,
    emulationMajor: KUBERNETES_VERSION.major,
    emulationMinor: KUBERNETES_VERSION.minor,
    minCompatibilityMajor: KUBERNETES_VERSION.major,
    minCompatibilityMinor: String(Number(KUBERNETES_VERSION.minor) - 1),
    gitVersion: `${KUBERNETES_VERSION.gitVersion}+kubemu-${kubemuVersion}`,
    gitCommit: '',
    gitTreeState: 'clean',
    buildDate: '1970-01-01T00:00:00Z',
    goVersion: process.version,
    compiler: 'gc',
    platform: `${process.platform}/${process.arch === 'x64' ? 'amd64' : process.arch}`,
  }
}

/** Serves `/version`. */
export const versionPath: PathHandler = {
  matches: (path) => path === '/version' || path === '/version/',
  handle(call) {
    const { method, headers } = call.request
    if (method !== 'GET') throw methodNotAllowed()
    requireAccepted(headers.accept, 'application/json')
    const body = `${JSON.stringify(versionInfo(KUBEMU_VERSION), undefined, 2)}\n`
    call.reply.header('content-type', 'application/json').send(Buffer.from(body))
  },
}

/** Version of this package. */
export const KUBEMU_VERSION = '0.1.0'
