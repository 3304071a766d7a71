import { ApiError } from '../api-error.ts'

/** 422 of a patch that does not fit the object: upstream tells the client no more than this. */
export function patchNotApplicable(cause: string): ApiError {
  const message = 'the server rejected our request due to an error in our request'
  return new ApiError({ code: 422, reason: 'Invalid', message, details: {} }, { cause: new Error(cause) })
}

/** 500 without a reason: what upstream makes of an error that has no status of its own. */
export function patchFailed(message: string): ApiError {
  return new ApiError({ code: 500, reason: '', message })
}
