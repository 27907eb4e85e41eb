/**
 * People: one user of Zendesk for each, found by external id, with their address as an identity of it.
 *
 * `create_or_update` matches by external id or by address, whichever it finds. Three things follow. An unknown external
 * id with the address of another user takes that user over, so whoever is not known by their id is looked for by address
 * first. A known external id with an address of another user is refused whole, so the address is freed there, where it
 * is a user of ours, or left out. And a new address of a known user is added beside the primary one, which stays.
 *
 * @since 0.1.0
 */
import { type Call, type Client, DeliveryError, Identifier, Outcome } from "@tributary/core"
import { Effect, Option } from "effect"
import * as Api from "./api.ts"
import * as Event from "./event.ts"
import { concerns, isRejected, Refused } from "./refusal.ts"

type Identify = Call.Identify<Event.IdentifierType, Event.Required>
type Told = Effect.fn.Return<Outcome.Outcome, Refused | DeliveryError.DeliveryError>

/**
 * Writes what a call says of a person.
 *
 * @category requests
 * @since 0.1.0
 */
export const tell = Effect.fnUntraced(function* (client: Client.Client, call: Identify): Told {
  if (call.existingOnly) return yield* tellExisting(client, call)
  const address = Event.addressOf(call)
  const write = Event.user(call)
  if (address === undefined) {
    const user = yield* Api.writeUser(client, write)
    return Event.outcome(write.user.user_fields, user.user_fields)
  }
  return yield* tellBoth(client, write, address)
})

/** An exit, or another address: a user who does not exist is not created. Without a name Zendesk creates nobody. */
const tellExisting = Effect.fnUntraced(function* (client: Client.Client, call: Identify): Told {
  const { beside, identifier } = call
  const { name: _, ...change } = Event.user(call).user
  if (identifier.type === "user_id") {
    // An id with a comma would read as two others.
    const isAskable = !identifier.value.includes(",")
    if (isAskable && (yield* Api.findUsers(client, [identifier.value])).length === 0) return Outcome.delivered
  } else if (beside !== undefined) {
    // Who has an external id has a record of their own, or is somebody else.
    const holder = yield* holderOf(client, Event.normal(identifier.value))
    if (holder._tag !== "Unclaimed") return Outcome.delivered
  }
  const user = yield* Api.changeUser(client, change)
  return Option.isNone(user) ? Outcome.delivered : Event.outcome(change.user_fields, user.value.user_fields)
})

const tellBoth = Effect.fnUntraced(function* (
  client: Client.Client,
  write: Api.UserWrite,
  address: Identifier.Identifier
): Told {
  const { email = "", external_id = "", name, ...rest } = write.user
  // Mostly nothing else has changed, and this is all.
  const known = yield* Api.changeUser(client, { ...rest, external_id })
  if (Option.isSome(known) && Event.isSameAddress(known.value, email) && known.value.name === name.trim()) {
    return Event.outcome(rest.user_fields, known.value.user_fields)
  }
  // What fails from here on leaves the user in doubt: fields may stand there already.
  return yield* tellAddress(client, write, address, Option.isSome(known)).pipe(
    Effect.mapError((error) => (error._tag === "Refused" ? error : DeliveryError.partway(error))),
    Effect.catchTag("Refused", (refused) => Effect.succeed(inDoubt(refused.outcome)))
  )
})

/**
 * What was refused after something else was written.
 *
 * @category combinators
 * @since 0.1.0
 */
export const inDoubt = (outcome: Outcome.Outcome): Outcome.Outcome =>
  outcome._tag === "Retry" ? { ...outcome, inDoubt: true } : outcome

const tellAddress = Effect.fnUntraced(function* (
  client: Client.Client,
  write: Api.UserWrite,
  address: Identifier.Identifier,
  isKnown: boolean
): Told {
  const { email = "", external_id = "" } = write.user
  const leftOut = (reason: string) => withoutAddress(client, write, address, reason)
  const freed = isKnown ? undefined : yield* freeFor(client, email, external_id)
  if (freed !== undefined) return yield* leftOut(freed)
  const first = yield* Effect.result(Api.writeUser(client, write))
  if (first._tag === "Success") return yield* withPrimary(client, write, address, first.success)
  const { failure } = first
  if (failure._tag !== "Refused" || !concerns(failure, "email")) return yield* failure
  if (!failure.duplicates.includes("email")) return yield* leftOut(reasonOf(failure))
  const kept = yield* freeFor(client, email, external_id, reasonOf(failure))
  if (kept !== undefined) return yield* leftOut(kept)
  const second = yield* Effect.result(Api.writeUser(client, write))
  if (second._tag === "Success") return yield* withPrimary(client, write, address, second.success)
  const again = second.failure
  return again._tag === "Refused" && concerns(again, "email") ? yield* leftOut(reasonOf(again)) : yield* again
})

const reasonOf = ({ outcome }: Refused): string => ("reason" in outcome ? (outcome.reason ?? "") : "")

/** What can be sent without the address goes out, and the address is kept as refused. */
const withoutAddress = Effect.fnUntraced(function* (
  client: Client.Client,
  write: Api.UserWrite,
  { type, value }: Identifier.Identifier,
  reason: string
): Told {
  const { email: _, ...rest } = write.user
  const user = yield* Api.writeUser(client, { user: rest })
  const outcome = Event.outcome(rest.user_fields, user.user_fields)
  return outcome._tag === "Delivered" ? Outcome.partly([{ type, value, reason }]) : outcome
})

/** A new address of a known user stands beside the old one until it is made primary. */
const withPrimary = Effect.fnUntraced(function* (
  client: Client.Client,
  { user: { email = "", user_fields } }: Api.UserWrite,
  { type, value }: Identifier.Identifier,
  user: Api.User
): Told {
  const outcome = Event.outcome(user_fields, user.user_fields)
  if (outcome._tag !== "Delivered" || Event.isSameAddress(user, email)) return outcome
  const refused = (reason: string) => Outcome.partly([{ type, value, reason }])
  const identity = yield* identityOf(client, user.id, email)
  if (identity === undefined)
    return refused("Zendesk took the call, and the address is not among the user's identities.")
  if (identity.primary === true) return outcome
  return yield* Api.makePrimary(client, user.id, identity.id).pipe(
    Effect.as(outcome),
    Effect.catchTag("Refused", (error) =>
      isRejected(error)
        ? Effect.succeed(refused(`Zendesk does not make the address primary: ${reasonOf(error)}`))
        : Effect.fail(error)
    )
  )
})

const identityOf = (client: Client.Client, user: number, email: string) =>
  Effect.map(Api.findIdentities(client, user), (identities) =>
    identities.find(({ type, value }) => type === "email" && typeof value === "string" && Event.normal(value) === email)
  )

type Holder =
  | { readonly _tag: "Nobody" }
  /** A user without an external id: known by the address alone. */
  | { readonly _tag: "Unclaimed" }
  /** One with an external id, which some system keeps. */
  | { readonly _tag: "Claimed"; readonly id: number; readonly externalId: string }
  /** One who cannot be changed, such as an agent. */
  | { readonly _tag: "Closed"; readonly reason: string }

/**
 * Who has an address. The search would lag: it still finds a user by an address that was taken from them (recorded). So
 * this is a write that changes nothing, and creates nobody, as it has no name.
 */
const holderOf = (client: Client.Client, email: string): Effect.Effect<Holder, Refused | DeliveryError.DeliveryError> =>
  Api.changeUser(client, { email, skip_verify_email: true }).pipe(
    Effect.map(
      Option.match({
        onNone: (): Holder => ({ _tag: "Nobody" }),
        onSome: ({ external_id, id, role }): Holder =>
          role !== undefined && role !== null && role !== "end-user"
            ? { _tag: "Closed", reason: "Zendesk has the address at somebody who works in Zendesk." }
            : external_id === undefined || external_id === null || external_id === ""
              ? { _tag: "Unclaimed" }
              : { _tag: "Claimed", id, externalId: external_id }
      })
    ),
    Effect.catchTag("Refused", (refused) =>
      isRejected(refused) ? Effect.succeed<Holder>({ _tag: "Closed", reason: reasonOf(refused) }) : Effect.fail(refused)
    )
  )

/**
 * Takes an address from another user who has an external id, as in our data it belongs to this one. Returns why it stays
 * where it is; `isRefused` is what Zendesk said where it had refused it already.
 */
const freeFor = Effect.fnUntraced(function* (
  client: Client.Client,
  email: string,
  externalId: string,
  isRefused?: string
): Effect.fn.Return<string | undefined, Refused | DeliveryError.DeliveryError> {
  const holder = yield* holderOf(client, email)
  switch (holder._tag) {
    case "Nobody":
      return undefined
    case "Closed":
      return holder.reason
    case "Unclaimed":
      // Who is not known by the id yet takes that user over, and is one user with it.
      return isRefused === undefined
        ? undefined
        : `${isRefused}. That user has no external id. Merge the two users in Zendesk, then retry.`
    case "Claimed": {
      if (holder.externalId.toLowerCase() === externalId.toLowerCase()) return undefined
      const identity = yield* identityOf(client, holder.id, email)
      if (identity === undefined) return undefined
      return yield* Api.removeIdentity(client, holder.id, identity.id).pipe(
        Effect.as(undefined),
        Effect.catchTag("Refused", (refused) =>
          isRejected(refused)
            ? Effect.succeed(`Zendesk does not take the address from the user who had it: ${reasonOf(refused)}`)
            : Effect.fail(refused)
        )
      )
    }
  }
})
