import { type FieldError, invalid, required } from '../../apimachinery/field-error.ts'
import { FieldPath } from '../../apimachinery/field-path.ts'
import { goPointer, goString, goStruct, goStructValue } from '../../apimachinery/go-struct.ts'
import { qualifiedResource } from '../../apimachinery/group-version.ts'
import { semanticEqual } from '../../apimachinery/semantic-equal.ts'
import type { IPAddress, ParentReference } from '../../apimachinery/types/networking-v1.ts'
import { isValidIP } from '../../apimachinery/validation/ip.ts'
import { invalidEach, isDNS1123Subdomain, isPathSegmentName } from '../../apimachinery/validation/names.ts'
import { FIELD_IMMUTABLE_MESSAGE, type ValidateName } from '../../apimachinery/validation/object-meta.ts'
import { validateObjectMeta, validateObjectMetaUpdate } from '../core/core-object-meta.ts'
import { defineResource, type TableDefinition } from '../resource.ts'
import { age, column, nameColumn } from '../table-cells.ts'
import { validateSegment } from './ingress-backend-validation.ts'

const METADATA = FieldPath.of('metadata')
const PARENT_REF = FieldPath.of('spec', 'parentRef')

const parentReferenceType = goPointer(
  goStruct(
    ['Group', 'group', goString],
    ['Resource', 'resource', goString],
    ['Namespace', 'namespace', goString],
    ['Name', 'name', goString],
  ),
)

/** The name is the address itself, in canonical form; it is never generated. */
const nameIsIp: ValidateName = (name) => isValidIP(undefined, name).map(({ detail }) => detail)

function validateParent(parent: ParentReference | undefined): FieldError[] {
  if (!parent) return [required(PARENT_REF, '')]
  const { group, resource, name, namespace } = parent
  return [
    ...(group ? invalidEach(PARENT_REF.child('group'), group, isDNS1123Subdomain(group)) : []),
    ...validateSegment(resource, PARENT_REF.child('resource')),
    ...validateSegment(name, PARENT_REF.child('name')),
    ...(namespace ? invalidEach(PARENT_REF.child('namespace'), namespace, isPathSegmentName(namespace)) : []),
  ]
}

function validateIpAddress(ipAddress: IPAddress): FieldError[] {
  return [
    ...validateObjectMeta(ipAddress.metadata, false, nameIsIp, METADATA),
    ...validateParent(ipAddress.spec?.parentRef),
  ]
}

function validateParentKept(parent: ParentReference | undefined, old: ParentReference | undefined): FieldError[] {
  if (semanticEqual(parent, old)) return []
  return [invalid(PARENT_REF, goStructValue(parentReferenceType, parent), FIELD_IMMUTABLE_MESSAGE)]
}

function parentCell(parent: ParentReference | undefined): string {
  if (!parent) return '<none>'
  const { group = '', resource = '', namespace, name = '' } = parent
  const qualified = qualifiedResource({ group, resource }).toLowerCase()
  return [qualified, ...(namespace ? [namespace] : []), name].join('/')
}

const table: TableDefinition<IPAddress> = {
  columns: [nameColumn, column('ParentRef')],
  // Upstream sends the age without declaring a column for it.
  cells: (ipAddress, now) => [
    ipAddress.metadata.name ?? '',
    parentCell(ipAddress.spec?.parentRef),
    age(ipAddress, now),
  ],
}

/** @see pkg/registry/networking/ipaddress/strategy.go, pkg/apis/networking/validation/validation.go */
export const ipAddresses = defineResource<IPAddress>({
  group: 'networking.k8s.io',
  resource: 'ipaddresses',
  hubVersion: 'v1',
  generatesNames: false,
  strategy: {
    validate: validateIpAddress,
    validateUpdate: (ipAddress, old) => [
      ...validateIpAddress(ipAddress),
      ...validateObjectMetaUpdate(ipAddress.metadata, old.metadata, METADATA),
      ...validateParentKept(ipAddress.spec?.parentRef, old.spec?.parentRef),
    ],
  },
  table,
})
