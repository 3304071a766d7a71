import type { JsonObject } from '../../apimachinery/kube-object.ts'

/** Sends a review to a webhook; resolves with the status of its answer, throws where there is none to be had. */
export interface Reviewer {
  review(review: object): Promise<JsonObject>
}
