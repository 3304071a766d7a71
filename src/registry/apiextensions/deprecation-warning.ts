import { byteLength } from '../../apimachinery/validation/names.ts'

/** @see apiextensions-apiserver pkg/apis/apiextensions/validation/validation.go validateDeprecationWarning */
export function deprecationWarningProblems(isDeprecated: boolean, warning: string | undefined): string[] {
  if (warning === undefined) return []
  if (!isDeprecated) return ['can only be set for deprecated versions']
  const problems: string[] = []
  if (byteLength(warning) > 256) problems.push('must be <= 256 characters long')
  if (warning === '') problems.push('must not be an empty string')
  let index = 0
  for (const char of warning) {
    if (!/^[\p{L}\p{M}\p{N}\p{P}\p{S} ]$/u.test(char)) {
      problems.push(`must only contain printable UTF-8 characters; non-printable character found at index ${index}`)
      break
    }
    index += byteLength(char)
  }
  return problems
}
