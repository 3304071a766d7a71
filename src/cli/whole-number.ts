import { InvalidArgumentError } from 'commander'

/** Reads the value of a flag that takes a number from 0 on; refuses others in pflag's words. */
export function wholeNumber(max: number = Number.MAX_SAFE_INTEGER): (text: string) => number {
  return (text) => {
    const value = Number(text)
    if (!/^-?\d+$/.test(text)) {
      throw new InvalidArgumentError(`strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`)
    }
    if (value >= 0 && value <= max) return value
    if (max === Number.MAX_SAFE_INTEGER) throw new InvalidArgumentError('can not be negative value')
    throw new InvalidArgumentError(`must be between 0 and ${max}, inclusive`)
  }
}

/** A port; 0 means whatever the flag says of it. */
export const portNumber = wholeNumber(65_535)
