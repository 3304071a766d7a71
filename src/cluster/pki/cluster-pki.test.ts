import { execFileSync, spawnSync } from 'node:child_process'
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { CertificateAuthority } from './certificate-authority.ts'
import { ClusterPki } from './cluster-pki.ts'
import { openPkiDirectory } from './pki-files.ts'

const DAY_MS = 86_400_000
let folder: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kubemu-pki-'))
})

afterEach(async () => {
  await rm(folder, { recursive: true, force: true })
})

async function open(now: () => number = Date.now): Promise<ClusterPki> {
  return new ClusterPki(await openPkiDirectory(join(folder, 'pki')), now)
}

const hasOpenssl = spawnSync('openssl', ['version']).status === 0
if (!hasOpenssl) console.warn('SKIPPED: there is no openssl to check certificates with')

describe('ClusterPki', () => {
  test('keeps what it makes, for its owner only', async () => {
    const first = await (await open()).serving(['10.1.2.3', 'api.example.com'])
    expect((await stat(join(folder, 'pki'))).mode & 0o777).toBe(0o700)
    for (const name of ['ca.key', 'ca.crt', 'apiserver.key'])
      expect((await stat(join(folder, 'pki', name))).mode & 0o777, name).toBe(0o600)
    expect(await (await open()).serving(['api.example.com'])).toEqual(first)
  })

  test('the serving certificate is for what was asked for, and made anew for a further name', async () => {
    const pki = await open()
    const first = new X509Certificate((await pki.serving(['10.1.2.3'])).certificate)
    expect(first.checkIP('10.1.2.3')).toBeDefined()
    expect(first.checkIP('::1')).toBeDefined()
    expect(first.checkHost('kubernetes.default.svc')).toBeDefined()
    expect(first.checkHost('api.example.com')).toBeUndefined()
    const second = new X509Certificate((await pki.serving(['api.example.com'])).certificate)
    expect(second.checkHost('api.example.com')).toBeDefined()
  })

  test('renews a certificate when a third of its life is left, under the same CA', async () => {
    const ca = (await (await open()).authority()).pair.certificate
    const first = await (await open()).client('admin', { user: 'admin' })
    const early = await open(() => Date.now() + 200 * DAY_MS)
    expect(await early.client('admin', { user: 'admin' })).toEqual(first)
    const late = await open(() => Date.now() + 250 * DAY_MS)
    const renewed = await late.client('admin', { user: 'admin' })
    expect(renewed).not.toEqual(first)
    expect(new X509Certificate(renewed.certificate).verify(new X509Certificate(ca).publicKey)).toBe(true)
  })

  test('a certificate of another CA, or one that can’t be read, is made anew', async () => {
    const pki = await open()
    const first = await pki.client('admin', { user: 'admin' })
    const other = await (await CertificateAuthority.create('kubernetes')).issueClient({ user: 'admin' })
    await writeFile(join(folder, 'pki/admin.crt'), other.certificate)
    const second = await pki.client('admin', { user: 'admin' })
    expect(second.certificate).not.toBe(other.certificate)
    await writeFile(join(folder, 'pki/admin.crt'), 'junk')
    expect((await pki.client('admin', { user: 'admin' })).certificate).toContain('BEGIN CERTIFICATE')
    expect(second).not.toEqual(first)
  })
})

describe('ClusterPki with files of two pairs', () => {
  const swapKey = async (name: string): Promise<void> => {
    const other = await CertificateAuthority.create('kubernetes')
    await writeFile(join(folder, `pki/${name}.key`), other.pair.privateKey)
  }

  test('makes a certificate anew whose key is another one’s', async () => {
    const pki = await open()
    const first = await pki.serving(['one.example'])
    await swapKey('apiserver')
    const second = await pki.serving(['one.example'])
    expect(second.certificate).not.toBe(first.certificate)
    expect(new X509Certificate(second.certificate).checkPrivateKey(createPrivateKey(second.privateKey))).toBe(true)
    await writeFile(join(folder, 'pki/apiserver.crt'), 'junk')
    expect((await pki.serving(['one.example'])).certificate).toContain('BEGIN CERTIFICATE')
  })

  test('refuses an authority whose key is another one’s: everybody trusts its certificate', async () => {
    await (await open()).authority()
    await swapKey('ca')
    await expect((await open()).authority()).rejects.toThrow('ca.key is not the key of ca.crt')
  })
})

describe('CertificateAuthority', () => {
  test.skipIf(!hasOpenssl)('what it signs passes openssl’s strict checks, and says what it was asked to', async () => {
    const authority = await CertificateAuthority.create('kubernetes')
    const loaded = await CertificateAuthority.load(authority.pair)
    const files = {
      ca: authority.pair.certificate,
      ca2: (await CertificateAuthority.create('kubernetes')).pair.certificate,
    }
    const pairs = {
      serving: await loaded.issueServing({
        commonName: 'kube-apiserver',
        dnsNames: ['localhost'],
        ipAddresses: ['10.0.0.1', 'fd00::1'],
      }),
      client: await loaded.issueClient({ user: 'jané', groups: ['dev', 'qa'], uid: 'u-1' }),
    }
    for (const [name, text] of [
      ...Object.entries(files),
      ...Object.entries(pairs).map(([n, { certificate }]) => [n, certificate] as const),
    ])
      await writeFile(join(folder, name), text)
    const openssl = (...args: string[]): string =>
      execFileSync('openssl', args, { cwd: folder, encoding: 'utf8', stdio: 'pipe' })
    const verify = (ca: string, purpose: string, name: string): string =>
      openssl('verify', '-x509_strict', '-purpose', purpose, '-CAfile', ca, name)
    expect(verify('ca', 'sslserver', 'serving')).toBe('serving: OK\n')
    expect(verify('ca', 'sslclient', 'client')).toBe('client: OK\n')
    expect(() => verify('ca2', 'sslclient', 'client')).toThrow()
    expect(() => verify('ca', 'sslserver', 'client')).toThrow()
    const subject = openssl('x509', '-in', 'client', '-noout', '-subject', '-nameopt', 'RFC2253,utf8,-esc_msb')
    expect(subject.trim()).toBe('subject=1.3.6.1.4.1.57683.2=#0C03752D31,CN=jané,O=qa,O=dev')
    const names = openssl('x509', '-in', 'serving', '-noout', '-ext', 'subjectAltName')
    expect(names).toContain('DNS:localhost, IP Address:10.0.0.1, IP Address:FD00:0:0:0:0:0:0:1')
    const usage = openssl('x509', '-in', 'ca', '-noout', '-ext', 'basicConstraints,keyUsage')
    expect(usage.replace(/\s+/g, ' ').trim()).toBe(
      'X509v3 Basic Constraints: critical CA:TRUE X509v3 Key Usage: critical Digital Signature, Certificate Sign',
    )
  })

  test('times beyond 2049 are written as RFC 5280 wants them', async () => {
    const late = await CertificateAuthority.create('kubernetes', () => Date.UTC(2045, 0, 1))
    const { validFrom, validTo } = new X509Certificate(late.pair.certificate)
    expect([new Date(validFrom).getUTCFullYear(), new Date(validTo).getUTCFullYear()]).toEqual([2044, 2054])
  })

  const csr = (...args: string[]): string =>
    execFileSync(
      'openssl',
      ['req', '-new', '-newkey', 'rsa:2048', '-nodes', '-keyout', join(folder, 'k.pem'), ...args],
      {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'ignore'],
      },
    )

  test('signs a request for its subject and names, for the usages that are asked for', async () => {
    const authority = await CertificateAuthority.create('kubernetes')
    const request = csr('-subj', '/O=dev/O=qa/CN=jane', '-addext', 'subjectAltName=DNS:jane.example.com')
    const usages = ['client auth', 'digital signature']
    const pem = await authority.signRequest(request, { usages, durationMs: 3_600_000 })
    const certificate = new X509Certificate(pem)
    expect(certificate.subject).toBe('O=dev\nO=qa\nCN=jane')
    expect(certificate.subjectAltName).toBe('DNS:jane.example.com')
    expect(certificate.keyUsage).toEqual(['1.3.6.1.5.5.7.3.2'])
    expect(certificate.ca).toBe(false)
    expect(Date.parse(certificate.validTo) - Date.now()).toBeLessThan(3_600_001)
    expect(certificate.verify(new X509Certificate(authority.pair.certificate).publicKey)).toBe(true)
  })

  test.skipIf(!hasOpenssl).each([
    ['RSA', 'rsa:2048', []],
    ['P-384', 'ec', ['-pkeyopt', 'ec_paramgen_curve:P-384']],
    ['P-521', 'ec', ['-pkeyopt', 'ec_paramgen_curve:P-521']],
    ['Ed25519', 'ed25519', []],
  ])('an authority of others with a key of %s signs, and openssl agrees', async (_name, kind, options) => {
    const file = (name: string): string => join(folder, name)
    const openssl = (...args: string[]): string => execFileSync('openssl', args, { encoding: 'utf8', stdio: 'pipe' })
    const key = ['-newkey', kind, ...options, '-nodes', '-keyout', file('other.key')]
    openssl('req', '-x509', ...key, '-subj', '/CN=other', '-days', '30', '-out', file('other.crt'))
    const certificate = await readFile(file('other.crt'), 'utf8')
    const authority = await CertificateAuthority.load({
      certificate,
      privateKey: await readFile(file('other.key'), 'utf8'),
    })
    const usages = ['signing', 'key encipherment', 'client auth', 'server auth', 'decipher only']
    await writeFile(
      file('leaf'),
      await authority.signRequest(csr('-subj', '/CN=jane'), { usages, durationMs: 3_600_000 }),
    )
    expect(openssl('verify', '-purpose', 'sslclient', '-CAfile', file('other.crt'), file('leaf'))).toMatch(
      /leaf: OK\n$/,
    )
    const shown = openssl('x509', '-in', file('leaf'), '-noout', '-ext', 'keyUsage,extendedKeyUsage')
    expect(shown.replace(/\s+/g, ' ').trim()).toBe(
      'X509v3 Key Usage: critical Digital Signature, Key Encipherment, Decipher Only X509v3 Extended Key Usage: TLS Web Server Authentication, TLS Web Client Authentication',
    )
  })

  test.skipIf(!hasOpenssl)(
    'certificates begin five minutes ago; those of eight hours and more end five minutes sooner',
    async () => {
      const now = Date.UTC(2030, 0, 1)
      const authority = await CertificateAuthority.create('kubernetes', () => now)
      const request = csr('-subj', '/CN=jane')
      const span = async (durationMs: number): Promise<number[]> => {
        const pem = await authority.signRequest(request, { usages: ['client auth'], durationMs })
        const { validFrom, validTo } = new X509Certificate(pem)
        return [Date.parse(validFrom) - now, Date.parse(validTo) - now]
      }
      const hour = 3_600_000
      expect(await span(hour)).toEqual([-300_000, hour])
      expect(await span(8 * hour - 1000)).toEqual([-300_000, 8 * hour - 1000])
      expect(await span(8 * hour)).toEqual([-300_000, 8 * hour - 300_000])
    },
  )

  test.skipIf(!hasOpenssl)(
    'usages that nobody knows are refused, and so is everything once the authority has expired',
    async () => {
      const request = csr('-subj', '/CN=jane')
      const authority = await CertificateAuthority.create('kubernetes')
      await expect(authority.signRequest(request, { usages: ['flying'], durationMs: 1000 })).rejects.toThrow(
        'unrecognized usage values: ["flying"]',
      )
      const late = await CertificateAuthority.load(authority.pair, () => Date.now() + 4000 * DAY_MS)
      await expect(late.signRequest(request, { usages: ['client auth'], durationMs: 1000 })).rejects.toThrow(
        'refusing to sign a certificate that expired in the past: NotAfter=',
      )
    },
  )

  test('a request whose signature is wrong is refused', async () => {
    const authority = await CertificateAuthority.create('kubernetes')
    const lines = csr('-subj', '/CN=jane').trim().split('\n')
    const der = Buffer.from(lines.slice(1, -1).join(''), 'base64')
    der[der.length - 1]! ^= 1
    const forged = [lines[0], der.toString('base64'), lines.at(-1)].join('\n')
    await expect(authority.signRequest(forged, { usages: ['client auth'], durationMs: 1000 })).rejects.toThrow()
  })

  test('no certificate outlives its CA', async () => {
    const { pair } = await CertificateAuthority.create('kubernetes', () => Date.now() - 3640 * DAY_MS)
    const { certificate } = await (await CertificateAuthority.load(pair)).issueClient({ user: 'jane' })
    expect(new X509Certificate(certificate).validTo).toBe(new X509Certificate(pair.certificate).validTo)
  })

  test('its key is read as it was written', async () => {
    const pki = await open()
    const { pair } = await pki.authority()
    expect(await readFile(join(folder, 'pki/ca.key'), 'utf8')).toBe(pair.privateKey)
    await expect(CertificateAuthority.load(pair)).resolves.toBeDefined()
  })
})
