import type { IntOrString } from '../../apimachinery/types/intstr.ts'

/**
 * A number, or a percentage of `total`. Errors: throws for a text that is no percentage, as upstream words it.
 *
 * @see apimachinery pkg/util/intstr/intstr.go GetScaledValueFromIntOrPercent
 */
export function scaledValue(value: IntOrString | undefined, total: number, rounding: 'up' | 'down'): number {
  if (value === undefined) return 0
  if (typeof value === 'number') return value
  const percent = /^([+-]?\d+)%$/.exec(value)
  if (!percent) {
    throw new Error(`invalid value for IntOrString: invalid type: string is not a percentage`)
  }
  const part = (Number(percent[1]) * total) / 100
  return rounding === 'up' ? Math.ceil(part) : Math.floor(part)
}
