import { duplicate, type FieldError, invalid, required } from '../../apimachinery/field-error.ts'
import { FieldPath } from '../../apimachinery/field-path.ts'
import { goAny, goPointer, goString, goStruct, goStructValue } from '../../apimachinery/go-struct.ts'
import { semanticEqual } from '../../apimachinery/semantic-equal.ts'
import type { CSINode, CSINodeDriver } from '../../apimachinery/types/storage-v1.ts'
import { byteLength, invalidEach, isQualifiedName } from '../../apimachinery/validation/names.ts'
import {
  FIELD_IMMUTABLE_MESSAGE,
  nameIsDNSSubdomain,
  validateNonnegativeField,
} from '../../apimachinery/validation/object-meta.ts'
import { validateObjectMeta } from '../core/core-object-meta.ts'
import { defineResource } from '../resource.ts'
import { age, ageColumn, column, nameColumn } from '../table-cells.ts'
import { validateCsiDriverName } from './driver-parameters.ts'

const MAX_NODE_ID_BYTES = 256

/** @see kubernetes pkg/apis/storage/validation/validation.go ValidateCSINode */
function validateCsiNode(node: CSINode): FieldError[] {
  const errors = validateObjectMeta(node.metadata, false, nameIsDNSSubdomain, FieldPath.of('metadata'))
  const path = FieldPath.of('spec', 'drivers')
  const names = new Set<string>()
  driversOf(node).forEach((driver, i) => {
    errors.push(...validateDriver(driver, names, path.index(i)))
  })
  return errors
}

const driversOf = (node: CSINode): readonly CSINodeDriver[] => node.spec?.drivers ?? []

function validateDriver(driver: CSINodeDriver, names: Set<string>, path: FieldPath): FieldError[] {
  const { name = '', nodeID = '', allocatable } = driver
  const errors = validateCsiDriverName(name, path.child('name'))
  if (nodeID === '') errors.push(required(path.child('nodeID'), ''))
  if (byteLength(nodeID) > MAX_NODE_ID_BYTES) {
    errors.push(invalid(path.child('nodeID'), nodeID, `must be ${MAX_NODE_ID_BYTES} characters or less`))
  }
  if (allocatable?.count !== undefined) {
    errors.push(...validateNonnegativeField(allocatable.count, path.child('allocatable', 'count')))
  }
  if (names.has(name)) errors.push(duplicate(path.child('name'), name))
  names.add(name)
  return errors.concat(validateTopologyKeys(driver.topologyKeys ?? [], path))
}

function validateTopologyKeys(keys: readonly string[], path: FieldPath): FieldError[] {
  const errors: FieldError[] = []
  const seen = new Set<string>()
  for (const key of keys) {
    if (key === '') errors.push(required(path, ''))
    if (seen.has(key)) errors.push(duplicate(path, key))
    seen.add(key)
    errors.push(...invalidEach(path, key, isQualifiedName(key)))
  }
  return errors
}

const goCsiNodeDriver = goStruct(
  ['Name', 'name', goString],
  ['NodeID', 'nodeID', goString],
  ['TopologyKeys', 'topologyKeys', goAny],
  ['Allocatable', 'allocatable', goPointer(goStruct(['Count', 'count', goAny]))],
)

/** A driver that is there already may change only what it can allocate. */
function validateUpdate(node: CSINode, old: CSINode): FieldError[] {
  const errors = validateCsiNode(node)
  const path = FieldPath.of('spec', 'drivers')
  const byName = new Map<string, CSINodeDriver[]>()
  for (const driver of driversOf(node)) {
    const sameName = byName.get(driver.name)
    if (sameName) sameName.push(driver)
    else byName.set(driver.name, [driver])
  }
  for (const oldDriver of driversOf(old)) {
    for (const driver of byName.get(oldDriver.name) ?? []) {
      const fixed = { ...driver, allocatable: undefined }
      if (semanticEqual(fixed, { ...oldDriver, allocatable: undefined })) continue
      errors.push(invalid(path, goStructValue(goCsiNodeDriver, fixed), FIELD_IMMUTABLE_MESSAGE))
    }
  }
  return errors
}

export const csiNodes = defineResource<CSINode>({
  group: 'storage.k8s.io',
  resource: 'csinodes',
  hubVersion: 'v1',
  deletion: { returnsObject: true },
  strategy: { validate: validateCsiNode, validateUpdate },
  table: {
    columns: [nameColumn, column('Drivers', 'integer'), ageColumn],
    cells: (node, now) => [node.metadata.name ?? '', driversOf(node).length, age(node, now)],
  },
})
