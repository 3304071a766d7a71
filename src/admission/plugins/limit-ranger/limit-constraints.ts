import { parseQuantity, Quantity } from '../../../apimachinery/quantity.ts'
import type {
  Container,
  LimitRangeItem,
  PersistentVolumeClaim,
  Pod,
  PodSpec,
} from '../../../apimachinery/types/core-v1.ts'
import { aggregateContainers } from '../../../registry/core/pod/pod-resources.ts'

type Amounts = ReadonlyMap<string, Quantity>

const NONE: Amounts = new Map()
const ZERO = new Quantity(0n, 0, 'DecimalSI')
/** The largest number of units whose thousandths fit an int64. */
const MAX_MILLI_VALUE = (2n ** 63n - 1n) / 1000n
const POD_LEVEL_RESOURCES = ['cpu', 'memory'] as const

/** What is asked for, and under which kind of limit. */
interface Usage {
  readonly limitType: string
  readonly requests: Amounts
  readonly limits: Amounts
}

/** What a pod breaks of the limits of its namespace, in upstream's order. */
export function podProblems(pod: Pod, items: readonly LimitRangeItem[], podLevelResources: boolean): string[] {
  const spec: PodSpec = pod.spec ?? { containers: [] }
  return items.flatMap((item) => {
    if (item.type === 'Container') {
      const containers: readonly Container[] = [...(spec.containers ?? []), ...(spec.initContainers ?? [])]
      return containers.flatMap(({ resources }) =>
        usageProblems(item, {
          limitType: item.type,
          requests: amountsOf(resources?.requests),
          limits: amountsOf(resources?.limits),
        }),
      )
    }
    if (item.type !== 'Pod') return []
    const total = (side: 'requests' | 'limits') => podAmounts(spec, side, podLevelResources)
    return usageProblems(item, { limitType: item.type, requests: total('requests'), limits: total('limits') })
  })
}

/** What a claim breaks of the limits of its namespace; only what it requests counts. */
export function claimProblems(claim: PersistentVolumeClaim, items: readonly LimitRangeItem[]): string[] {
  const requests = amountsOf(claim.spec?.resources?.requests)
  return items.flatMap((item) => {
    if (item.type !== 'PersistentVolumeClaim') return []
    const usage = { limitType: item.type, requests, limits: NONE }
    return [
      ...entriesOf(item.min).map(([name, bound]) => minProblem(usage, name, bound)),
      ...entriesOf(item.max).map(([name, bound]) => maxRequestProblem(usage, name, bound)),
    ].filter((problem) => problem !== undefined)
  })
}

function usageProblems(item: LimitRangeItem, usage: Usage): string[] {
  return [
    ...entriesOf(item.min).map(([name, bound]) => minProblem(usage, name, bound)),
    ...entriesOf(item.max).map(([name, bound]) => maxProblem(usage, name, bound)),
    ...entriesOf(item.maxLimitRequestRatio).map(([name, bound]) => ratioProblem(usage, name, bound)),
  ].filter((problem) => problem !== undefined)
}

const amountsOf = (list: Record<string, string> | undefined): Amounts => (list ? new Map(entriesOf(list)) : NONE)

const entriesOf = (list: Record<string, string> | undefined): [string, Quantity][] =>
  Object.entries(list ?? {}).map(([name, text]) => [name, parseQuantity(text)])

/** What the whole pod asks for: its own word on cpu and memory, else its containers' together. */
function podAmounts(spec: PodSpec, side: 'requests' | 'limits', podLevelResources: boolean): Amounts {
  const total = aggregateContainers(spec, side)
  const own = podLevelResources ? spec.resources?.[side] : undefined
  if (!own) return total
  const merged = new Map(total)
  for (const name of POD_LEVEL_RESOURCES) if (own[name] !== undefined) merged.set(name, parseQuantity(own[name]))
  return merged
}

/** The values in thousandths where all of them fit, else in whole units: what upstream compares. */
function comparable(...quantities: readonly (Quantity | undefined)[]): readonly bigint[] {
  const whole = quantities.map((q) => (q ?? ZERO).scaledValue(0))
  return whole.every((v) => v <= MAX_MILLI_VALUE) ? quantities.map((q) => (q ?? ZERO).scaledValue(-3)) : whole
}

function minProblem({ limitType, requests, limits }: Usage, name: string, bound: Quantity): string | undefined {
  const request = requests.get(name)
  const limit = limits.get(name)
  const head = `minimum ${name} usage per ${limitType} is ${bound}`
  if (!request) return `${head}.  No request is specified`
  const [requested, limited, enforced] = comparable(request, limit, bound)
  if (requested! < enforced!) return `${head}, but request is ${request}`
  if (limit && limited! < enforced!) return `${head}, but limit is ${limit}`
  return undefined
}

function maxRequestProblem({ limitType, requests }: Usage, name: string, bound: Quantity): string | undefined {
  const request = requests.get(name)
  const head = `maximum ${name} usage per ${limitType} is ${bound}`
  if (!request) return `${head}.  No request is specified`
  const [requested, enforced] = comparable(request, bound)
  return requested! > enforced! ? `${head}, but request is ${request}` : undefined
}

function maxProblem({ limitType, requests, limits }: Usage, name: string, bound: Quantity): string | undefined {
  const request = requests.get(name)
  const limit = limits.get(name)
  const head = `maximum ${name} usage per ${limitType} is ${bound}`
  if (!limit) return `${head}.  No limit is specified`
  const [requested, limited, enforced] = comparable(request, limit, bound)
  if (limited! > enforced!) return `${head}, but limit is ${limit}`
  if (request && requested! > enforced!) return `${head}, but request is ${request}`
  return undefined
}

function ratioProblem({ limitType, requests, limits }: Usage, name: string, bound: Quantity): string | undefined {
  const request = requests.get(name)
  const limit = limits.get(name)
  const head = `${name} max limit to request ratio per ${limitType} is ${bound}`
  const [requested, limited] = comparable(request, limit, bound)
  if (!request || requested === 0n) return `${head}, but no request is specified or request is 0`
  if (!limit || limited === 0n) return `${head}, but no limit is specified or limit is 0`
  const ratio = Number(limited) / Number(requested)
  const inMilli = bound.scaledValue(0) <= MAX_MILLI_VALUE
  const tooLarge = inMilli ? ratio * 1000 > Number(bound.scaledValue(-3)) : ratio > Number(bound.scaledValue(0))
  return tooLarge ? `${head}, but provided ratio is ${ratio.toFixed(6)}` : undefined
}
