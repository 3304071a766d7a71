import type { FuzzAnswer } from './fuzz-client.ts'
import type { FuzzRequest } from './fuzz-request.ts'

/** What strategicpatch and mergepatch say of such a patch. */
const STRATEGIC_ERROR =
  /unable to find api field in struct|unknown patch type|does not contain declared merge key|delete patch type with no merge key defined|cannot merge|invalid patch format|expected a \[\]interface|merging lists cannot yet be specified|list element types are not identical/

/** Answers of 500 and above that a kube-apiserver gives as well, and why. */
const EXPECTED: readonly { readonly why: string; is(request: FuzzRequest, answer: FuzzAnswer): boolean }[] = [
  {
    why: 'a resourceVersion that is not there yet: 504 Timeout (apiserver storage.NewTooLargeResourceVersionError)',
    is: ({ method }, { status, text }) =>
      status === 504 && (method === 'HEAD' || text.includes('Too large resource version')),
  },
  {
    why: 'a request that asks for so little time that it is over before its answer: 504 Timeout (filters/timeout.go)',
    is: ({ path }, { status }) => status === 504 && path.includes('timeout='),
  },
  {
    why: 'GET of an object at a resourceVersion that is no number: 500 (storage.InvalidError has no status of its own)',
    is: ({ method }, { status, text }) => status === 500 && (method === 'HEAD' || text.includes('strconv.ParseUint')),
  },
  {
    why: 'a binding without a target: 500 (core/pod/storage, BindingREST passes on a plain error)',
    is: ({ path }, { status, text }) => status === 500 && path.includes('/binding') && text.includes('target.'),
  },
  {
    why: 'a strategic merge patch that does not fit the type: 500 (patch.go maps only bad documents and preconditions)',
    is: ({ method }, { status, text }) => status === 500 && method === 'PATCH' && STRATEGIC_ERROR.test(text),
  },
  {
    why: 'a proxied service without endpoints: 503 ServiceUnavailable (core/service/storage, ResourceLocation)',
    is: ({ path }, { status }) => status === 503 && /\/services\/[^/]+\/proxy/.test(path),
  },
]

/** Whether an answer is a failure of the server that upstream would not show. */
export function isUnexpected(request: FuzzRequest, answer: FuzzAnswer): boolean {
  if (answer.status !== 0 && answer.status < 500) return false
  return !EXPECTED.some(({ is }) => is(request, answer))
}
