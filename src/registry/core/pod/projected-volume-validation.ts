import { forbidden, invalid, notSupported, required } from '../../../apimachinery/field-error.ts'
import type { FieldPath } from '../../../apimachinery/field-path.ts'
import type {
  ClusterTrustBundleProjection,
  KeyToPath,
  PodCertificateProjection,
  ProjectedVolumeSource,
  ServiceAccountTokenProjection,
  VolumeProjection,
} from '../../../apimachinery/types/core-v1.ts'
import { isDomainPrefixedKey } from '../../../apimachinery/validation/names.ts'
import { validateAnnotations, validateLabelSelector } from '../../../apimachinery/validation/object-meta.ts'
import { checkFileMode, checkLocalNonReservedPath, checkRequired, type Errors } from './field-checks.ts'
import { goPodValue } from './go-pod-types.ts'
import type { PodValidationOptions } from './pod-validation-options.ts'
import { checkClusterTrustBundleName, checkSignerName, isKubernetesSignerName } from './signer-name-validation.ts'
import { checkDownwardAPIVolumeFile, checkKeyToPath } from './volume-file-validation.ts'

const MIN_TOKEN_SECONDS = 600
const MAX_TOKEN_SECONDS = 2 ** 32
const KEY_TYPES = ['RSA3072', 'RSA4096', 'ECDSAP256', 'ECDSAP384', 'ECDSAP521', 'ED25519']
const MIN_CERTIFICATE_SECONDS = 3600
/** 91 days, and a day for Kubernetes' own signers. */
const MAX_CERTIFICATE_SECONDS = 91 * 24 * 60 * 60
const KUBERNETES_MAX_CERTIFICATE_SECONDS = 24 * 60 * 60

/** Paths that some source of the volume writes already. */
class UsedPaths {
  readonly #paths = new Set<string>()
  readonly #errors: Errors
  readonly #volumePath: FieldPath

  constructor(errors: Errors, volumePath: FieldPath) {
    this.#errors = errors
    this.#volumePath = volumePath
  }

  /** `printed`: what the error shows, which is not always the path. */
  add(path: string, printed: string): void {
    if (this.#paths.has(path)) {
      this.#errors.push(invalid(this.#volumePath, printed, 'conflicting duplicate paths'))
    } else this.#paths.add(path)
  }
}

interface ProjectionContext {
  readonly used: UsedPaths
  readonly volumePath: FieldPath
  readonly options: PodValidationOptions
}

/** A volume that several sources write into. */
export function checkProjectedVolume(
  errors: Errors,
  projected: ProjectedVolumeSource,
  path: FieldPath,
  options: PodValidationOptions,
): void {
  checkFileMode(errors, projected.defaultMode, path, 'defaultMode')
  const context = { used: new UsedPaths(errors, path), volumePath: path, options }
  for (const [i, source] of (projected.sources ?? []).entries()) {
    checkSource(errors, source, path.child('sources').index(i), context)
  }
}

function checkSource(errors: Errors, source: VolumeProjection, path: FieldPath, context: ProjectionContext): void {
  const { secret, configMap, downwardAPI, serviceAccountToken, clusterTrustBundle, podCertificate } = source
  if (secret) checkNamedItems(errors, secret, path.child('secret'), context)
  if (configMap) checkNamedItems(errors, configMap, path.child('configMap'), context)
  for (const file of downwardAPI?.items ?? []) {
    checkDownwardAPIVolumeFile(errors, file, path.child('downwardAPI'))
    if (file.path) context.used.add(file.path, file.path)
  }
  if (serviceAccountToken) checkToken(errors, serviceAccountToken, path.child('serviceAccountToken'), context)
  if (clusterTrustBundle) checkTrustBundle(errors, clusterTrustBundle, path.child('clusterTrustBundle'), context)
  if (podCertificate) checkPodCertificate(errors, podCertificate, path.child('podCertificate'), context)
  const all = [secret, configMap, downwardAPI, serviceAccountToken, clusterTrustBundle, podCertificate]
  if (all.filter((one) => one !== undefined).length > 1) {
    errors.push(forbidden(path, 'may not specify more than 1 volume type per source'))
  }
}

function checkNamedItems(
  errors: Errors,
  source: { readonly name?: string; readonly items?: readonly KeyToPath[] },
  path: FieldPath,
  { used }: ProjectionContext,
): void {
  checkRequired(errors, source.name, path, 'name')
  for (const [i, item] of (source.items ?? []).entries()) {
    checkKeyToPath(errors, item, path.child('items').index(i))
    if (item.path) used.add(item.path, source.name ?? '')
  }
}

function checkToken(
  errors: Errors,
  token: ServiceAccountTokenProjection,
  path: FieldPath,
  { volumePath, options }: ProjectionContext,
): void {
  const seconds = token.expirationSeconds ?? 0
  const at = path.child('expirationSeconds')
  if (seconds < MIN_TOKEN_SECONDS) errors.push(invalid(at, seconds, 'may not specify a duration less than 10 minutes'))
  if (seconds > MAX_TOKEN_SECONDS) {
    errors.push(invalid(at, seconds, 'may not specify a duration larger than 2^32 seconds'))
  }
  if (!token.path) errors.push(required(volumePath.child('path'), ''))
  else if (!options.allowNonLocalProjectedTokenPath) {
    checkLocalNonReservedPath(errors, token.path, volumePath.child('path'))
  }
}

function checkTrustBundle(
  errors: Errors,
  bundle: ClusterTrustBundleProjection,
  path: FieldPath,
  { used }: ProjectionContext,
): void {
  const { name, signerName, labelSelector } = bundle
  if (name !== undefined && signerName !== undefined) {
    const value = goPodValue('ClusterTrustBundleProjection', bundle)
    errors.push(invalid(path, value, 'only one of name and signerName may be used'))
  } else if (name !== undefined) {
    if (name === '') errors.push(required(path.child('name'), 'must be a valid object name'))
    checkClusterTrustBundleName(errors, name, path.child('name'))
    if (labelSelector) {
      const value = goPodValue('LabelSelector', labelSelector)
      errors.push(invalid(path.child('labelSelector'), value, 'labelSelector must be unset if name is specified'))
    }
  } else if (signerName !== undefined) {
    if (signerName === '') errors.push(required(path.child('signerName'), 'must be a valid signer name'))
    checkSignerName(errors, signerName, path.child('signerName'))
    errors.push(...validateLabelSelector(labelSelector, {}, path.child('labelSelector')))
  } else errors.push(required(path, 'either name or signerName must be specified'))
  checkRequired(errors, bundle.path, path, 'path')
  checkLocalNonReservedPath(errors, bundle.path ?? '', path.child('path'))
  used.add(bundle.path ?? '', bundle.path ?? '')
}

function checkPodCertificate(
  errors: Errors,
  certificate: PodCertificateProjection,
  path: FieldPath,
  { used }: ProjectionContext,
): void {
  const { signerName = '', keyType = '', userAnnotations } = certificate
  checkSignerName(errors, signerName, path.child('signerName'))
  if (userAnnotations) checkUserAnnotations(errors, userAnnotations, path.child('userAnnotations'))
  if (!KEY_TYPES.includes(keyType)) errors.push(notSupported(path.child('keyType'), keyType, KEY_TYPES))
  checkCertificateLifetime(errors, certificate, path.child('maxExpirationSeconds'))
  let paths = 0
  for (const field of ['credentialBundlePath', 'keyPath', 'certificateChainPath'] as const) {
    const text = certificate[field]
    if (!text) continue
    paths++
    checkLocalNonReservedPath(errors, text, path.child(field))
    used.add(text, text)
  }
  if (paths === 0) {
    errors.push(required(path, 'specify at least one of credentialBundlePath, keyPath, and certificateChainPath'))
  }
}

function checkUserAnnotations(errors: Errors, annotations: Record<string, string>, path: FieldPath): void {
  for (const key in annotations) errors.push(...isDomainPrefixedKey(path, key.toLowerCase()))
  const tooLarge = validateAnnotations(annotations, path).filter((error) => error.type === 'FieldValueTooLong')
  errors.push(...tooLarge)
}

function checkCertificateLifetime(errors: Errors, certificate: PodCertificateProjection, path: FieldPath): void {
  const { maxExpirationSeconds: seconds, signerName = '' } = certificate
  if (seconds === undefined) return
  if (seconds < MIN_CERTIFICATE_SECONDS) {
    errors.push(invalid(path, seconds, `if provided, maxExpirationSeconds must be >= ${MIN_CERTIFICATE_SECONDS}`))
  }
  const max = isKubernetesSignerName(signerName) ? KUBERNETES_MAX_CERTIFICATE_SECONDS : MAX_CERTIFICATE_SECONDS
  if (seconds > max) errors.push(invalid(path, seconds, `if provided, maxExpirationSeconds must be <= ${max}`))
}
