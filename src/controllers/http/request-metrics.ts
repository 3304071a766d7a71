/** Told of the requests of a client. `method`: `GET`; `host`: that of the server with its port. Must be cheap. */
export interface RequestMetrics {
  /** `code`: of the answer; `<error>` where there was none. Watches count as well. */
  answered(code: string, method: string, host: string): void
  /** How long a request took until its answer was there, attempts that had to be repeated included. */
  took(method: string, host: string, ms: number): void
  /** Bytes of both bodies. */
  sizes(method: string, host: string, request: number, response: number): void
  /** A request is made once more because of an answer with this code. */
  retried(code: string, method: string, host: string): void
  /** How long a request was held back by the client's own rate limit. */
  limited(method: string, host: string, ms: number): void
}

/** Counts nothing. */
export const noRequestMetrics: RequestMetrics = {
  answered: () => {},
  took: () => {},
  sizes: () => {},
  retried: () => {},
  limited: () => {},
}
