import { type GoType, goAny, goList, goPointer, goString, goStruct } from '../apimachinery/go-struct.ts'

const goRequirement = goStruct(
  ['Key', 'key', goString],
  ['Operator', 'operator', goString],
  ['Values', 'values', goAny],
)

const goTerm = goStruct(
  ['MatchExpressions', 'matchExpressions', goList(goRequirement)],
  ['MatchFields', 'matchFields', goList(goRequirement)],
)

/** @see kubernetes pkg/apis/core/types.go NodeSelector */
export const goNodeSelectorTerms: GoType = goList(goTerm)
export const goNodeSelector: GoType = goPointer(
  goStruct(['NodeSelectorTerms', 'nodeSelectorTerms', goNodeSelectorTerms]),
)
