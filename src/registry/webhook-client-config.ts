import { X509Certificate } from 'node:crypto'
import { type FieldError, invalid, required } from '../apimachinery/field-error.ts'
import type { FieldPath } from '../apimachinery/field-path.ts'
import { GoUrlError, parseGoUrl } from '../apimachinery/go-url.ts'
import { isDNS1123Subdomain, isValidPortNum } from '../apimachinery/validation/names.ts'
import { decodePem } from './certificates/pem.ts'

const URL_FORM = '; desired format: https://host[/path]'

/** How the server reaches a webhook: by URL or through a service of the cluster. */
export interface WebhookTarget {
  readonly url?: string
  readonly service?: {
    readonly name?: string
    readonly namespace?: string
    readonly path?: string
    readonly port?: number
  }
}

/** @see apiserver pkg/util/webhook/validation.go */
export function validateWebhookTarget(target: WebhookTarget, path: FieldPath): FieldError[] {
  const { url, service } = target
  if ((url === undefined) === (service === undefined)) {
    return [required(path, 'exactly one of url or service is required')]
  }
  if (url !== undefined) return validateWebhookUrl(url, path.child('url'))
  return validateWebhookService(service!, path.child('service'))
}

function validateWebhookUrl(text: string, path: FieldPath): FieldError[] {
  const errors: FieldError[] = []
  try {
    const { scheme, host, userInfo, fragment, rawQuery } = parseGoUrl(text)
    if (scheme !== 'https') errors.push(invalid(path, scheme, `'https' is the only allowed URL scheme${URL_FORM}`))
    if (host === '') errors.push(invalid(path, host, `host must be specified${URL_FORM}`))
    if (userInfo !== undefined) {
      errors.push(invalid(path, userInfo, 'user information is not permitted in the URL'))
    }
    if (fragment !== '') errors.push(invalid(path, fragment, 'fragments are not permitted in the URL'))
    if (rawQuery !== '') errors.push(invalid(path, rawQuery, 'query parameters are not permitted in the URL'))
    return errors
  } catch (error) {
    if (!(error instanceof GoUrlError)) throw error
    return [required(path, `url must be a valid URL: ${error.message}${URL_FORM}`)]
  }
}

function validateWebhookService(service: NonNullable<WebhookTarget['service']>, path: FieldPath): FieldError[] {
  const errors: FieldError[] = []
  // Upstream hands name and namespace over the wrong way round: each is reported as the other.
  if (!service.namespace) errors.push(required(path.child('name'), ''))
  if (!service.name) errors.push(required(path.child('namespace'), ''))
  const port = service.port ?? 0
  const portProblems = isValidPortNum(port)
  if (portProblems.length > 0) {
    errors.push(invalid(path.child('port'), port, `port is not valid: ${portProblems.join(', ')}`))
  }
  return errors.concat(validateUrlPath(service.path ?? '', path.child('path')))
}

function validateUrlPath(urlPath: string, path: FieldPath): FieldError[] {
  if (urlPath === '' || urlPath === '/') return []
  if (urlPath === '//') return [invalid(path, urlPath, 'segment[0] may not be empty')]
  const errors: FieldError[] = []
  if (!urlPath.startsWith('/')) errors.push(invalid(path, urlPath, "must start with a '/'"))
  // Upstream cuts the first byte whether it is a slash or not.
  const steps = Buffer.from(urlPath).subarray(1).toString().replace(/\/$/, '').split('/')
  steps.forEach((step, i) => {
    if (step === '') errors.push(invalid(path, urlPath, `segment[${i}] may not be empty`))
    else for (const why of isDNS1123Subdomain(step)) errors.push(invalid(path, urlPath, `segment[${i}]: ${why}`))
  })
  return errors
}

/**
 * `caBundle` in base64, as it stands in the object. A bundle is good when one block at least is a certificate.
 *
 * @see client-go transport/transport.go rootCertPool
 */
export function validateCaBundle(caBundle: string, path: FieldPath): FieldError[] {
  const problem = caBundleProblem(Buffer.from(caBundle, 'base64').toString('latin1'))
  return problem ? [invalid(path, caBundle, `unable to load root certificates: ${problem}`)] : []
}

function caBundleProblem(pem: string): string | undefined {
  let problem: string | undefined
  let rest = pem
  while (rest !== '') {
    const block = decodePem(rest)
    if (!block) return problem ?? 'unable to parse bytes as PEM block'
    rest = block.rest
    if (block.hasHeaders || block.type !== 'CERTIFICATE') continue
    if (isCertificate(block.bytes)) return undefined
    problem ??= 'failed to parse certificate: x509: malformed certificate'
  }
  return problem ?? 'no valid certificate authority data seen'
}

function isCertificate(der: Buffer): boolean {
  try {
    new X509Certificate(der)
    return true
  } catch {
    // Whatever OpenSSL says: this is no certificate.
    return false
  }
}
