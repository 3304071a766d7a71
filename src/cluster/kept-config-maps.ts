import type { FastifyBaseLogger } from 'fastify'
import { type Clock, every, type Timer } from '../apimachinery/clock.ts'
import type { Registry } from '../registry/generic/registry.ts'
import { type ClientTrust, publishClientTrust } from './bootstrap/client-trust.ts'
import { ensureTokenTracking } from './bootstrap/token-tracking.ts'

/** How often upstream looks whether they are as they should be. */
const CHECK_MS = 60_000

interface KeptConfigMapsOptions {
  readonly registry: Registry
  /** As it is now: files may change. */
  readonly trust: () => ClientTrust
  readonly clock: Clock
  readonly logger: FastifyBaseLogger
}

/** Writes what a server tells of itself in ConfigMaps of kube-system; the returned timer writes it again and again. */
export async function keepConfigMaps({ registry, trust, clock, logger }: KeptConfigMapsOptions): Promise<Timer> {
  const write = async (): Promise<void> => {
    await Promise.all([publishClientTrust(registry, trust(), clock.now()), ensureTokenTracking(registry, clock.now())])
  }
  await write()
  let isWriting = false
  return every(clock, CHECK_MS, () => {
    if (isWriting) return
    isWriting = true
    write()
      .catch((error: unknown) => logger.warn({ err: error }, 'a ConfigMap of the server could not be written'))
      .finally(() => {
        isWriting = false
      })
  })
}
