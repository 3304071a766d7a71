import { forbidden, invalid, notFoundField, required } from '../../../apimachinery/field-error.ts'
import type { FieldPath } from '../../../apimachinery/field-path.ts'
import type { VolumeMount } from '../../../apimachinery/types/core-v1.ts'
import { checkLocalDescendingPath, checkOneOf, type Errors, hasBacksteps } from './field-checks.ts'
import type { AnyContainer } from './pod-containers.ts'
import type { VolumesByName } from './volume-validation.ts'

const MOUNT_PROPAGATIONS = ['Bidirectional', 'HostToContainer', 'None']
const RECURSIVE_READ_ONLY = ['Disabled', 'Enabled', 'IfPossible']

/** Where a container mounts its volumes. Errors of some fields stand on the list, not on the item: so upstream. */
export function checkVolumeMounts(
  errors: Errors,
  container: AnyContainer,
  volumes: VolumesByName,
  path: FieldPath,
): void {
  const mounts = container.volumeMounts ?? []
  const devices = container.volumeDevices ?? []
  const seen = new Set<string>()
  for (const [i, mount] of mounts.entries()) {
    const own = path.index(i)
    const { name = '', mountPath = '' } = mount
    if (name === '') errors.push(required(own.child('name'), ''))
    if (!volumes.has(name)) errors.push(notFoundField(own.child('name'), name))
    if (mountPath === '') errors.push(required(own.child('mountPath'), ''))
    if (seen.has(mountPath)) errors.push(invalid(own.child('mountPath'), mountPath, 'must be unique'))
    seen.add(mountPath)
    if (devices.some((d) => (d.name ?? '') === name)) {
      errors.push(invalid(own.child('name'), name, 'must not already exist in volumeDevices'))
    }
    if (devices.some((d) => (d.devicePath ?? '') === mountPath)) {
      errors.push(invalid(own.child('mountPath'), mountPath, 'must not already exist as a path in volumeDevices'))
    }
    checkSubPaths(errors, mount, own, path)
    if (mount.mountPropagation !== undefined) checkPropagation(errors, mount, container, path.child('mountPropagation'))
    if (mount.recursiveReadOnly !== undefined) checkRecursiveReadOnly(errors, mount, path.child('recursiveReadOnly'))
  }
}

function checkSubPaths(errors: Errors, mount: VolumeMount, own: FieldPath, list: FieldPath): void {
  const { subPath, subPathExpr } = mount
  if (subPath) checkLocalDescendingPath(errors, subPath, list.child('subPath'))
  if (!subPathExpr) return
  if (subPath) {
    errors.push(invalid(own.child('subPathExpr'), subPathExpr, 'subPathExpr and subPath are mutually exclusive'))
  }
  checkLocalDescendingPath(errors, subPathExpr, list.child('subPathExpr'))
}

function checkPropagation(errors: Errors, mount: VolumeMount, container: AnyContainer, path: FieldPath): void {
  checkOneOf(errors, mount.mountPropagation, path, MOUNT_PROPAGATIONS)
  if (mount.mountPropagation === 'Bidirectional' && !container.securityContext?.privileged) {
    errors.push(forbidden(path, 'Bidirectional mount propagation is available only to privileged containers'))
  }
}

function checkRecursiveReadOnly(errors: Errors, mount: VolumeMount, path: FieldPath): void {
  const mode = mount.recursiveReadOnly
  if (mode === 'Disabled') return
  checkOneOf(errors, mode, path, RECURSIVE_READ_ONLY)
  if (mode !== 'Enabled' && mode !== 'IfPossible') return
  if (!mount.readOnly) errors.push(forbidden(path, 'may only be specified when readOnly is true'))
  if ((mount.mountPropagation ?? 'None') !== 'None') {
    errors.push(forbidden(path, 'may only be specified when mountPropagation is None or not specified'))
  }
}

/** Raw block devices of a container. */
export function checkVolumeDevices(
  errors: Errors,
  container: AnyContainer,
  volumes: VolumesByName,
  path: FieldPath,
): void {
  const mounts = container.volumeMounts ?? []
  const names = new Set<string>()
  const paths = new Set<string>()
  for (const [i, { name = '', devicePath = '' }] of (container.volumeDevices ?? []).entries()) {
    const own = path.index(i)
    const volume = volumes.get(name)
    if (name === '') errors.push(required(own.child('name'), ''))
    if (names.has(name)) errors.push(invalid(own.child('name'), name, 'must be unique'))
    if (!volume) errors.push(notFoundField(own.child('name'), name))
    else if (!volume.persistentVolumeClaim && !volume.ephemeral) {
      const detail = 'can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode'
      errors.push(invalid(own.child('name'), name, detail))
    }
    const at = own.child('devicePath')
    if (devicePath === '') errors.push(required(at, ''))
    if (paths.has(devicePath)) errors.push(invalid(at, devicePath, 'must be unique'))
    if (hasBacksteps(devicePath)) errors.push(invalid(at, devicePath, "can not contain backsteps ('..')"))
    else paths.add(devicePath)
    if (mounts.some((m) => (m.name ?? '') === name)) {
      errors.push(invalid(own.child('name'), name, 'must not already exist in volumeMounts'))
    }
    if (mounts.some((m) => (m.mountPath ?? '') === devicePath)) {
      errors.push(invalid(at, devicePath, 'must not already exist as a path in volumeMounts'))
    }
    if (name !== '') names.add(name)
  }
}
