import {
  type DerElement,
  DerError,
  formatOid,
  readDer,
  readDerSequence,
  TAG_SEQUENCE,
} from '../../registry/certificates/der.ts'
import { decodePem } from '../../registry/certificates/pem.ts'

export interface CertificateSubject {
  /** '' where there is none; the last of several. */
  readonly commonName: string
  readonly organizations: readonly string[]
}

const OID_COMMON_NAME = '2.5.4.3'
const OID_ORGANIZATION = '2.5.4.10'
const TAG_BMP_STRING = 30

/**
 * Who a certificate request asks a certificate for. Errors: {@link DerError} with what is wrong with the request.
 *
 * @see RFC 2986 section 4.1
 */
export function certificateRequestSubject(request: string): CertificateSubject {
  const block = decodePem(Buffer.from(request, 'base64').toString('latin1'))
  if (block?.type !== 'CERTIFICATE REQUEST') throw new DerError('PEM block type must be CERTIFICATE REQUEST')
  const [info] = membersOf(readDer(block.bytes))
  const [, subject] = membersOf(info)
  let commonName = ''
  const organizations: string[] = []
  for (const set of membersOf(subject)) {
    for (const attribute of readDerSequence(set.content)) {
      const [type, value] = membersOf(attribute)
      const oid = type ? formatOid(type.content) : ''
      if (oid === OID_COMMON_NAME) commonName = textOf(value)
      if (oid === OID_ORGANIZATION) organizations.push(textOf(value))
    }
  }
  return { commonName, organizations }
}

function membersOf(element: DerElement | undefined): DerElement[] {
  if (element?.tag !== TAG_SEQUENCE) throw new DerError('asn1: structure error: tags do not match')
  return readDerSequence(element.content)
}

function textOf(element: DerElement | undefined): string {
  if (!element) return ''
  if (element.tag !== TAG_BMP_STRING) return element.content.toString('utf8')
  const bytes = Buffer.from(element.content.subarray(0, element.content.length & ~1))
  return bytes.swap16().toString('utf16le')
}
