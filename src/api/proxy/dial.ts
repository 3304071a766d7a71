import { lookup } from 'node:dns/promises'
import { BlockList, isIP, connect as tcpConnect } from 'node:net'
import type { Duplex } from 'node:stream'
import { type ConnectionOptions, connect as tlsConnect } from 'node:tls'

/** How long a connection may take to come about: Go's default. */
const DIAL_TIMEOUT_MS = 30_000

/**
 * Connects to an address. `tls`: speaks TLS there. Rejects with Node's errors, which `transportMessage` words as Go does.
 */
export function dialTcp(
  host: string,
  port: number,
  { tls, timeoutMs = DIAL_TIMEOUT_MS }: { readonly tls?: ConnectionOptions; readonly timeoutMs?: number } = {},
): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    const socket = tls ? tlsConnect({ host, port, ...tls }) : tcpConnect({ host, port })
    const late = (): void => void socket.destroy(new Error(`dial tcp ${authority(host, port)}: i/o timeout`))
    socket.setTimeout(timeoutMs, late)
    socket.once('error', reject)
    socket.once(tls ? 'secureConnect' : 'connect', () => {
      socket.setTimeout(0)
      socket.off('timeout', late)
      socket.off('error', reject)
      resolve(socket)
    })
  })
}

/** `10.0.0.1:80`, `[fd00::1]:80` */
export function authority(host: string, port: number | string): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

/** Addresses that no proxy leads to: loopback, link-local, multicast, unspecified, broadcast. */
const NOT_GLOBAL = new BlockList()
NOT_GLOBAL.addSubnet('127.0.0.0', 8)
NOT_GLOBAL.addSubnet('169.254.0.0', 16)
NOT_GLOBAL.addSubnet('224.0.0.0', 4)
NOT_GLOBAL.addAddress('0.0.0.0')
NOT_GLOBAL.addAddress('255.255.255.255')
NOT_GLOBAL.addAddress('::1', 'ipv6')
NOT_GLOBAL.addAddress('::', 'ipv6')
NOT_GLOBAL.addSubnet('fe80::', 10, 'ipv6')
NOT_GLOBAL.addSubnet('ff00::', 8, 'ipv6')

/** Whether requests may be proxied to an address. @see kubernetes pkg/proxy/util IsProxyableIP; Go's IP.IsGlobalUnicast */
export function isProxyable(address: string): boolean {
  const family = isIP(address)
  return family !== 0 && !NOT_GLOBAL.check(address, family === 6 ? 'ipv6' : 'ipv4')
}

/** Whether all addresses of a host are such. Rejects where it has none. */
export async function isProxyableHost(host: string): Promise<boolean> {
  const addresses = await lookup(host, { all: true })
  return addresses.every(({ address }) => isProxyable(address))
}
