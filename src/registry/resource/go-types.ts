import {
  type GoType,
  goAny,
  goInt,
  goList,
  goMap,
  goPointer,
  goString,
  goStruct,
} from '../../apimachinery/go-struct.ts'
import { goNodeSelector } from '../go-node-selector.ts'

const goSelectors = goList(goStruct(['CEL', 'cel', goPointer(goStruct(['Expression', 'expression', goString]))]))

const goTolerations = goList(
  goStruct(
    ['Key', 'key', goString],
    ['Operator', 'operator', goString],
    ['Value', 'value', goString],
    ['Effect', 'effect', goString],
    ['TolerationSeconds', 'tolerationSeconds', goAny],
  ),
)

const goCapacity = goPointer(goStruct(['Requests', 'requests', goMap(goAny)]))
const goOpaque = goPointer(goStruct(['Driver', 'driver', goString], ['Parameters', 'parameters', goAny]))

const goRequest = goStruct(
  ['Name', 'name', goString],
  [
    'Exactly',
    'exactly',
    goPointer(
      goStruct(
        ['DeviceClassName', 'deviceClassName', goString],
        ['Selectors', 'selectors', goSelectors],
        ['AllocationMode', 'allocationMode', goString],
        ['Count', 'count', goInt],
        ['AdminAccess', 'adminAccess', goAny],
        ['Tolerations', 'tolerations', goTolerations],
        ['Capacity', 'capacity', goCapacity],
      ),
    ),
  ],
  [
    'FirstAvailable',
    'firstAvailable',
    goList(
      goStruct(
        ['Name', 'name', goString],
        ['DeviceClassName', 'deviceClassName', goString],
        ['Selectors', 'selectors', goSelectors],
        ['AllocationMode', 'allocationMode', goString],
        ['Count', 'count', goInt],
        ['Tolerations', 'tolerations', goTolerations],
        ['Capacity', 'capacity', goCapacity],
      ),
    ),
  ],
)

const goConstraint = goStruct(
  ['Requests', 'requests', goAny],
  ['MatchAttribute', 'matchAttribute', goAny],
  ['DistinctAttribute', 'distinctAttribute', goAny],
)

/** @see kubernetes pkg/apis/resource/types.go ResourceClaimSpec */
export const goClaimSpec: GoType = goStruct([
  'Devices',
  'devices',
  goStruct(
    ['Requests', 'requests', goList(goRequest)],
    ['Constraints', 'constraints', goList(goConstraint)],
    ['Config', 'config', goList(goStruct(['Requests', 'requests', goAny], ['Opaque', 'opaque', goOpaque]))],
  ),
])

/** ObjectMeta is embedded and has JSON tags: its fields come first and only where they are set. */
export const goClaimTemplateSpec: GoType = (v) => {
  const { metadata, spec } = (v ?? {}) as { readonly metadata?: object; readonly spec?: unknown }
  return { ...metadata, Spec: goClaimSpec(spec) }
}

const goResult = goStruct(
  ['Request', 'request', goString],
  ['Driver', 'driver', goString],
  ['Pool', 'pool', goString],
  ['Device', 'device', goString],
  ['AdminAccess', 'adminAccess', goAny],
  ['Tolerations', 'tolerations', goTolerations],
  ['BindingConditions', 'bindingConditions', goAny],
  ['BindingFailureConditions', 'bindingFailureConditions', goAny],
  ['ShareID', 'shareID', goAny],
  ['ConsumedCapacity', 'consumedCapacity', goMap(goAny)],
)

const goAllocationConfig = goStruct(
  ['Source', 'source', goString],
  ['Requests', 'requests', goAny],
  ['Opaque', 'opaque', goOpaque],
)

/** @see kubernetes pkg/apis/resource/types.go AllocationResult */
export const goAllocation: GoType = goPointer(
  goStruct(
    [
      'Devices',
      'devices',
      goStruct(['Results', 'results', goList(goResult)], ['Config', 'config', goList(goAllocationConfig)]),
    ],
    ['NodeSelector', 'nodeSelector', goNodeSelector],
    ['AllocationTimestamp', 'allocationTimestamp', goAny],
  ),
)

/** @see kubernetes pkg/apis/resource/types.go DeviceAttribute */
export const goDeviceAttribute: GoType = goStruct(
  ['IntValue', 'int', goAny],
  ['BoolValue', 'bool', goAny],
  ['StringValue', 'string', goAny],
  ['VersionValue', 'version', goAny],
  ['IntValues', 'ints', goAny],
  ['BoolValues', 'bools', goAny],
  ['StringValues', 'strings', goAny],
  ['VersionValues', 'versions', goAny],
)

/** Driver, pool, device and share: what tells one allocated device from another. */
export const goDeviceId: GoType = goStruct(
  ['Driver', 'driver', goString],
  ['Pool', 'pool', goString],
  ['Device', 'device', goString],
  ['ShareID', 'shareID', goString],
)
