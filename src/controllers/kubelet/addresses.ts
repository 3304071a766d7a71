/** Addresses of one node's pods: the first of its range is the bridge's, the last the broadcast. */
export class AddressPool {
  readonly #prefix: string
  readonly #free: string[] = []
  #next = 2

  /** `prefix`: the first three bytes, `10.244.0`. */
  constructor(prefix: string) {
    this.#prefix = prefix
  }

  take(): string {
    // Used ones come back last, as containerd's host-local plugin does.
    if (this.#next <= 254) return `${this.#prefix}.${this.#next++}`
    const free = this.#free.shift()
    if (free) return free
    // More pods than a range has: these go on in the shared range of carriers (RFC 6598).
    const beyond = this.#next++ - 255
    return `100.${64 + ((beyond >> 16) & 63)}.${(beyond >> 8) & 255}.${beyond & 255}`
  }

  release(ip: string): void {
    this.#free.push(ip)
  }
}

/** The range of the pods of node number `index`. */
export function podPrefix(index: number): string {
  return index < 256 ? `10.244.${index}` : `10.${128 + (((index >> 8) - 1) % 116)}.${index & 255}`
}

/** The address of node number `index`. */
export function nodeAddress(index: number): string {
  const number = index + 2
  return `172.${18 + ((number >> 16) & 13)}.${(number >> 8) & 255}.${number & 255}`
}
