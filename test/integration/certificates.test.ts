import { X509Certificate } from 'node:crypto'
import { mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { createServer, request, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect, type TLSSocket } from 'node:tls'
import { pino } from 'pino'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { ManualClock } from '../../src/apimachinery/manual-clock.ts'
import { apiserverOptions } from '../../src/cli/apiserver.ts'
import { ClusterAuth } from '../../src/cluster/auth-composition.ts'
import { CertificateAuthority, type KeyPair } from '../../src/cluster/pki/certificate-authority.ts'
import { type RunningServer, startServer } from '../../src/cluster/server.ts'
import { Serving } from '../../src/cluster/serving.ts'

const DAY_MS = 86_400_000
const WAIT = { timeout: 20_000 }

let folder: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kubemu-certificates-'))
})

afterEach(async () => {
  await rm(folder, { recursive: true, force: true })
})

/** Connects and looks at the server's certificate, and whether it takes the client's. */
async function handshake(port: number, client?: KeyPair): Promise<X509Certificate> {
  const socket: TLSSocket = connect({
    host: '127.0.0.1',
    port,
    rejectUnauthorized: false,
    ...(client ? { cert: client.certificate, key: client.privateKey } : {}),
  })
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once('secureConnect', resolve)
      socket.once('error', reject)
    })
    return socket.getPeerX509Certificate()!
  } finally {
    // Not destroyed: in TLS 1.3 the client's certificate is still on its way.
    socket.end()
  }
}

describe('certificates of the server’s own', () => {
  let server: Server
  let serving: Serving
  // So that both the first and the renewed certificates are valid now.
  const clock = new ManualClock(Date.now() - 300 * DAY_MS)
  const accepted: boolean[] = []

  beforeEach(async () => {
    const options = apiserverOptions(['--memory', '--secure-port=0', `--cert-dir=${join(folder, 'pki')}`])
    serving = await Serving.open(options, clock)
    const authority = await serving.clientAuthority()
    server = createServer((await serving.tls([authority!.pair.certificate]))!)
    server.on('secureConnection', (socket: TLSSocket) => void accepted.push(socket.authorized))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  })

  afterEach(async () => {
    serving.close()
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })

  test('are renewed while it runs, the administrator’s too, and clients’ certificates count as before', async () => {
    const { port } = server.address() as AddressInfo
    const failures: unknown[] = []
    serving.started(server, (error) => void failures.push(error))
    const kubeconfig = join(folder, 'kubeconfig')
    await serving.writeAdminKubeconfig(kubeconfig, `https://127.0.0.1:${port}`)
    const own = await readFile(kubeconfig, 'utf8')
    await writeFile(kubeconfig, own.replace('current-context: kubemu', 'current-context: mine'))
    const adminSerial = async (): Promise<string> => {
      const { users } = parse(await readFile(kubeconfig, 'utf8')) as {
        readonly users: readonly { readonly user: Readonly<Record<string, string>> }[]
      }
      return new X509Certificate(Buffer.from(users[0]!.user['client-certificate-data']!, 'base64')).serialNumber
    }
    const [first, firstAdmin] = [await handshake(port), await adminSerial()]
    const client = await (await serving.pki.authority()).issueClient({ user: 'jane' })
    clock.advance(200 * DAY_MS)
    expect((await handshake(port)).serialNumber).toBe(first.serialNumber)
    clock.advance(60 * DAY_MS)
    const serial = async (): Promise<string> => (await handshake(port)).serialNumber
    await expect.poll(serial, WAIT).not.toBe(first.serialNumber)
    await expect.poll(adminSerial, WAIT).not.toBe(firstAdmin)
    accepted.length = 0
    await handshake(port, client)
    await expect.poll(() => accepted, WAIT).toEqual([true])
    expect(await readFile(kubeconfig, 'utf8')).toContain('current-context: mine')
    expect(failures).toEqual([])
  })
})

describe('certificates in files', () => {
  let authority: CertificateAuthority
  let other: CertificateAuthority
  let server: RunningServer
  let port: number
  const path = (name: string): string => join(folder, name)

  /** As tools do it: the new file takes the place of the old one. */
  async function replace(name: string, text: string): Promise<void> {
    await writeFile(path(`${name}.new`), text)
    await rename(path(`${name}.new`), path(name))
  }

  const servingPair = (): Promise<KeyPair> =>
    authority.issueServing({ commonName: 'server', dnsNames: ['server'], ipAddresses: ['127.0.0.1'] })

  beforeEach(async () => {
    authority = await CertificateAuthority.create('ca-1')
    other = await CertificateAuthority.create('ca-2')
    const pair = await servingPair()
    await writeFile(path('server.crt'), pair.certificate)
    await writeFile(path('server.key'), pair.privateKey)
    await writeFile(path('clients.crt'), authority.pair.certificate)
    await writeFile(path('proxies.crt'), authority.pair.certificate)
    const flags = [
      '--memory',
      '--secure-port=0',
      `--tls-cert-file=${path('server.crt')}`,
      `--tls-private-key-file=${path('server.key')}`,
      `--client-ca-file=${path('clients.crt')}`,
      `--requestheader-client-ca-file=${path('proxies.crt')}`,
      '--requestheader-username-headers=X-Remote-User',
      '--requestheader-allowed-names=proxy',
    ]
    server = await startServer(apiserverOptions(flags), pino({ level: 'silent' }))
    port = Number(new URL(server.url).port)
  })

  afterEach(async () => {
    await server.close()
  })

  /** Who the server takes a client for, 401 where its certificate is no good. */
  function whoIs(client: KeyPair, headers: Record<string, string> = {}): Promise<string> {
    return new Promise((resolve, reject) => {
      const asked = request(
        {
          host: '127.0.0.1',
          port,
          method: 'POST',
          path: '/apis/authentication.k8s.io/v1/selfsubjectreviews',
          rejectUnauthorized: false,
          agent: false,
          cert: client.certificate,
          key: client.privateKey,
          headers: { 'content-type': 'application/json', ...headers },
        },
        (response) => {
          const chunks: Buffer[] = []
          response.on('data', (chunk: Buffer) => chunks.push(chunk))
          response.on('end', () => {
            const body = JSON.parse(Buffer.concat(chunks).toString()) as {
              readonly status: { readonly userInfo?: { readonly username: string } }
            }
            resolve(body.status.userInfo?.username ?? String(response.statusCode))
          })
        },
      )
      asked.on('error', reject)
      asked.end('{}')
    })
  }

  test('the server’s own is replaced once both files are new, and stays while they do not go together', async () => {
    const first = (await handshake(port)).serialNumber
    const pair = await servingPair()
    await replace('server.crt', pair.certificate)
    const serial = async (): Promise<string> => (await handshake(port)).serialNumber
    expect(await serial()).toBe(first)
    await replace('server.key', pair.privateKey)
    await expect.poll(serial, WAIT).toBe(new X509Certificate(pair.certificate).serialNumber)
  })

  test('another CA of clients counts, the former one no more, also on connections that are open; nonsense changes nothing', async () => {
    const [jane, otherJane] = await Promise.all([authority, other].map((ca) => ca.issueClient({ user: 'jane' })))
    expect([await whoIs(jane!), await whoIs(otherJane!)]).toEqual(['jane', '401'])
    await replace('clients.crt', 'nonsense')
    await replace('clients.crt', `${authority.pair.certificate}\n${other.pair.certificate}`)
    await expect.poll(() => whoIs(otherJane!), WAIT).toBe('jane')
    expect(await whoIs(jane!)).toBe('jane')
    await replace('clients.crt', other.pair.certificate)
    await expect.poll(() => whoIs(jane!), WAIT).toBe('401')
    expect(await whoIs(otherJane!)).toBe('jane')
  })

  test('so does another CA of front proxies', async () => {
    const headers = { 'x-remote-user': 'max' }
    const [proxy, otherProxy] = await Promise.all([authority, other].map((ca) => ca.issueClient({ user: 'proxy' })))
    expect([await whoIs(proxy!, headers), await whoIs(otherProxy!, headers)]).toEqual(['max', '401'])
    await replace('proxies.crt', other.pair.certificate)
    await expect.poll(() => whoIs(otherProxy!, headers), WAIT).toBe('max')
    // Still a client's certificate, but its headers count for nothing.
    expect(await whoIs(proxy!, headers)).toBe('proxy')
  })

  test('a CA of both clients and front proxies needs the names of the proxies', () => {
    const flags = [`--client-ca-file=${path('clients.crt')}`, `--requestheader-client-ca-file=${path('proxies.crt')}`]
    const open = (...more: readonly string[]): ClusterAuth =>
      new ClusterAuth(apiserverOptions(['--memory', ...flags, ...more]).auth, {
        clientCas: [],
        serviceAccountKey: () => Promise.reject(new Error('not needed')),
      })
    expect(() => open()).toThrow('--requestheader-client-ca-file and --client-ca-file contain overlapping certificates')
    expect(open('--requestheader-allowed-names=proxy').clientCas).toHaveLength(2)
  })
})
