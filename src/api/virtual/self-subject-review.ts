import { type Clock, formatTime } from '../../apimachinery/clock.ts'
import type { UserInfo as ReviewedUser } from '../../apimachinery/types/authentication-v1.ts'
import type { UserInfo } from '../../apimachinery/user-info.ts'
import type { VirtualHandlers } from '../api-resource.ts'

/** Tells the client who it is taken for (kubernetes pkg/registry/authentication/selfsubjectreview). */
export function selfSubjectReview(clock: Clock): VirtualHandlers {
  return {
    async create(call, { body, validate }) {
      await validate()
      const { kind, apiVersion } = body
      const metadata = { creationTimestamp: formatTime(clock.now()) }
      return { kind, apiVersion, metadata, status: { userInfo: reviewedUser(call.user!) } }
    },
  }
}

/** A user as reviews show it: what is empty is left out. */
export function reviewedUser({ name, uid, groups, extra }: UserInfo): ReviewedUser {
  return {
    ...(name === '' ? {} : { username: name }),
    ...(uid === '' ? {} : { uid }),
    ...(groups.length > 0 ? { groups: [...groups] } : {}),
    ...(Object.keys(extra).length > 0
      ? { extra: Object.fromEntries(Object.entries(extra).map(([key, values]) => [key, [...values]])) }
      : {}),
  }
}
