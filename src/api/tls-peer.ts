import { X509Certificate } from 'node:crypto'
import type { DetailedPeerCertificate, TLSSocket } from 'node:tls'

/** What a client showed of itself in the TLS handshake. */
interface TlsPeer {
  readonly peerCertificate: X509Certificate | undefined
  readonly peerIntermediates: readonly X509Certificate[]
  readonly peerAuthorized: boolean
}

const NOBODY: TlsPeer = { peerCertificate: undefined, peerIntermediates: [], peerAuthorized: false }
/** Longest chain that is looked at. */
const MAX_CHAIN = 8

const peers = new WeakMap<TLSSocket, TlsPeer>()

/** Taken apart once per connection: it can't change. */
export function peerOf(socket: TLSSocket): TlsPeer {
  const known = peers.get(socket)
  if (known) return known
  const peer = readPeer(socket)
  peers.set(socket, peer)
  return peer
}

function readPeer(socket: TLSSocket): TlsPeer {
  const peerCertificate = socket.getPeerX509Certificate?.()
  if (!peerCertificate) return NOBODY
  const peerIntermediates: X509Certificate[] = []
  let issued: DetailedPeerCertificate = socket.getPeerCertificate(true)
  for (let depth = 0; depth < MAX_CHAIN; depth++) {
    const issuer = issued.issuerCertificate
    if (!issuer?.raw || issuer === issued) break
    peerIntermediates.push(new X509Certificate(issuer.raw))
    issued = issuer
  }
  return { peerCertificate, peerIntermediates, peerAuthorized: socket.authorized }
}
