import {
  type GoType,
  goAny,
  goBool,
  goInt,
  goList,
  goPointer,
  goString,
  goStruct,
} from '../../apimachinery/go-struct.ts'

const goNamed = goPointer(goStruct(['Name', 'name', goString]))

const goSubject = goStruct(
  ['Kind', 'kind', goString],
  ['User', 'user', goNamed],
  ['Group', 'group', goNamed],
  [
    'ServiceAccount',
    'serviceAccount',
    goPointer(goStruct(['Namespace', 'namespace', goString], ['Name', 'name', goString])),
  ],
)

const goRule = goStruct(
  ['Subjects', 'subjects', goList(goSubject)],
  [
    'ResourceRules',
    'resourceRules',
    goList(
      goStruct(
        ['Verbs', 'verbs', goAny],
        ['APIGroups', 'apiGroups', goAny],
        ['Resources', 'resources', goAny],
        ['ClusterScope', 'clusterScope', goBool],
        ['Namespaces', 'namespaces', goAny],
      ),
    ),
  ],
  [
    'NonResourceRules',
    'nonResourceRules',
    goList(goStruct(['Verbs', 'verbs', goAny], ['NonResourceURLs', 'nonResourceURLs', goAny])),
  ],
)

export const goDistinguisherMethod: GoType = goPointer(goStruct(['Type', 'type', goString]))

/** @see kubernetes pkg/apis/flowcontrol/types.go FlowSchemaSpec */
export const goFlowSchemaSpec: GoType = goStruct(
  ['PriorityLevelConfiguration', 'priorityLevelConfiguration', goStruct(['Name', 'name', goString])],
  ['MatchingPrecedence', 'matchingPrecedence', goInt],
  ['DistinguisherMethod', 'distinguisherMethod', goDistinguisherMethod],
  ['Rules', 'rules', goList(goRule)],
)

const goLimitResponse = goStruct(
  ['Type', 'type', goString],
  [
    'Queuing',
    'queuing',
    goPointer(
      goStruct(
        ['Queues', 'queues', goInt],
        ['HandSize', 'handSize', goInt],
        ['QueueLengthLimit', 'queueLengthLimit', goInt],
      ),
    ),
  ],
)

/** @see kubernetes pkg/apis/flowcontrol/types.go PriorityLevelConfigurationSpec */
export const goPriorityLevelSpec: GoType = goStruct(
  ['Type', 'type', goString],
  [
    'Limited',
    'limited',
    goPointer(
      goStruct(
        ['NominalConcurrencyShares', 'nominalConcurrencyShares', goInt],
        ['LimitResponse', 'limitResponse', goLimitResponse],
        ['LendablePercent', 'lendablePercent', goAny],
        ['BorrowingLimitPercent', 'borrowingLimitPercent', goAny],
      ),
    ),
  ],
  [
    'Exempt',
    'exempt',
    goPointer(
      goStruct(
        ['NominalConcurrencyShares', 'nominalConcurrencyShares', goAny],
        ['LendablePercent', 'lendablePercent', goAny],
      ),
    ),
  ],
)
