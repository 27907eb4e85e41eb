/**
 * A list's life at Google: found by its name, created, renamed, deleted (R19).
 *
 * @since 0.1.0
 */
import { DeliveryError, type Client, type Destination, type Reply } from "@tributary/core"
import { Effect, Option, Schema } from "effect"
import * as Api from "./api.ts"
import * as Refusal from "./refusal.ts"
import type { Settings } from "./settings.ts"

interface Context {
  readonly client: Client.Client
  readonly settings: Settings
}

const decodePage = Schema.decodeUnknownOption(Api.UserListPage)
const decodeList = Schema.decodeUnknownOption(Api.UserList)

const refused = (reply: Reply.Reply): boolean => reply.status > 299 || Refusal.read(reply) !== undefined

/** Members are added again this often, so a list must not forget them sooner. */
const leastDays = 181

/**
 * Why a list of the right name cannot be written to, or `undefined` where it can.
 *
 * @category combinators
 * @since 0.1.0
 */
export const obstacle = (list: Api.UserList, { uploadKeyType }: Settings): string | undefined => {
  const rename = "Rename it in Google Ads, or give the audience another list name."
  if (list.readOnly === true) return `The list ${list.id} has this name and cannot be edited. ${rename}`
  const kinds = list.ingestedUserListInfo?.uploadKeyTypes
  if (kinds === undefined) return `The list ${list.id} has this name and takes no uploads. ${rename}`
  if (!kinds.includes(uploadKeyType)) {
    return `The list ${list.id} has this name and holds ${kinds.join(", ")}, not ${uploadKeyType}. ${rename}`
  }
  const days = Number(/^(\d+)s$/.exec(list.membershipDuration ?? "")?.[1] ?? Number.NaN) / 86_400
  if (days < leastDays) {
    return (
      `The list ${list.id} keeps its members for ${days} days, and they are added again every 180 days only. ` +
      `Raise its membership duration to ${leastDays} days or more.`
    )
  }
  return undefined
}

/**
 * The id of the list with this display name.
 *
 * @category requests
 * @since 0.1.0
 */
export const find = Effect.fnUntraced(function* (
  name: string,
  context: Context
): Effect.fn.Return<Option.Option<string>, DeliveryError.DeliveryError> {
  let pageToken: string | undefined
  do {
    const reply = yield* Api.findLists(context, name, pageToken)
    const page = decodePage(reply.json)
    if (refused(reply) || Option.isNone(page)) return yield* Refusal.toError(reply, "account")
    // The filter is Google's word; the name is ours: a looser match must not pick another list.
    const list = page.value.userLists?.find(({ displayName }) => displayName === name)
    if (list !== undefined) {
      const reason = obstacle(list, context.settings)
      if (reason !== undefined) return yield* new DeliveryError.Misconfigured({ reason })
      return Option.some(list.id)
    }
    pageToken = page.value.nextPageToken === "" ? undefined : page.value.nextPageToken
  } while (pageToken !== undefined)
  return Option.none()
})

/**
 * Creates a list, or answers the id of the one that has its name already.
 *
 * @category requests
 * @since 0.1.0
 */
export const create = Effect.fnUntraced(function* (
  { description, name }: Destination.ListName,
  context: Context
): Effect.fn.Return<string, DeliveryError.DeliveryError> {
  const reply = yield* Api.createList(context, name, description)
  const list = decodeList(reply.json)
  if (!refused(reply) && Option.isSome(list)) return list.value.id
  const refusal = Refusal.read(reply)
  if (refusal?.reasons.has("DISPLAY_NAME_ALREADY_USED") === true || refusal?.status === "ALREADY_EXISTS") {
    const existing = yield* find(name, context)
    if (Option.isSome(existing)) return existing.value
  }
  return yield* Refusal.toError(reply, "account")
})

/**
 * Gives a list another display name.
 *
 * @category requests
 * @since 0.1.0
 */
export const rename = Effect.fnUntraced(function* (
  list: string,
  to: Destination.ListName,
  context: Context
): Effect.fn.Return<void, DeliveryError.DeliveryError> {
  const reply = yield* Api.renameList(context, list, to.name)
  if (refused(reply) || Option.isNone(decodeList(reply.json))) {
    return yield* Refusal.toError(reply, "list")
  }
})

/**
 * Deletes a list. One that is gone already is deleted.
 *
 * @category requests
 * @since 0.1.0
 */
export const remove = Effect.fnUntraced(function* (
  list: string,
  context: Context
): Effect.fn.Return<void, DeliveryError.DeliveryError> {
  const reply = yield* Api.deleteList(context, list)
  // An empty message is `{}`; anything but JSON comes from a proxy, and then nobody knows.
  if (!refused(reply) && reply.json !== undefined) return
  const error = Refusal.toError(reply, "list")
  if (error._tag !== "ListGone") return yield* error
})
