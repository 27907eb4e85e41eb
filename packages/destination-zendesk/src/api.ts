/**
 * Zendesk's wire forms, and the requests of the plugin.
 *
 * Source: developer.zendesk.com, ticketing API (users, organizations, organization memberships, user fields), and the
 * vendor's OpenAPI of November 2026.
 *
 * @since 0.1.0
 */
import { type Client, type DeliveryError, type Json, Reply } from "@tributary/core"
import { type Computation } from "@tributary/core/runtime"
import { Effect, Option, Schema } from "effect"
import { HttpClientRequest } from "effect/http"
import { classify, concerns, isAboutRecord, read, type Refused } from "./refusal.ts"

/**
 * Values of custom fields by key; `null` empties a field.
 *
 * @category models
 * @since 0.1.0
 */
export type FieldValues = { readonly [key: string]: string | number | boolean | null }

/**
 * The body of `POST /api/v2/users/create_or_update`.
 *
 * @category models
 * @since 0.1.0
 */
export interface UserWrite {
  readonly user: {
    readonly external_id?: string
    readonly email?: string
    readonly name: string
    readonly skip_verify_email: true
    readonly user_fields: FieldValues
  }
}

/**
 * The body of `POST /api/v2/organizations/create_or_update`.
 *
 * @category models
 * @since 0.1.0
 */
export interface OrganizationWrite {
  readonly organization: {
    readonly external_id: string
    readonly name: string
    readonly organization_fields: FieldValues
  }
}

/**
 * The definition of a custom field.
 *
 * @category models
 * @since 0.1.0
 */
export interface FieldWrite {
  readonly key: string
  readonly title: string
  readonly type: string
}

type Failure = Refused | DeliveryError.DeliveryError

const values = Schema.Record(Schema.String, Schema.Unknown)
const text = Schema.optionalKey(Schema.NullOr(Schema.String))
const ShownUser = Schema.Struct({
  id: Schema.Finite,
  name: text,
  /** The primary address. */
  email: text,
  external_id: text,
  role: text,
  user_fields: Schema.optionalKey(Schema.NullOr(values))
})
const User = Schema.Struct({ user: ShownUser })
const Organization = Schema.Struct({
  organization: Schema.Struct({ id: Schema.Finite, organization_fields: Schema.optionalKey(Schema.NullOr(values)) })
})
const Users = Schema.Struct({ users: Schema.Array(Schema.Struct({ id: Schema.Finite })) })
const Membership = Schema.Struct({ organization_membership: Schema.Struct({ id: Schema.Finite }) })
const meta = Schema.Struct({ has_more: Schema.Boolean, after_cursor: Schema.optionalKey(Schema.NullOr(Schema.String)) })
const Memberships = Schema.Struct({
  organization_memberships: Schema.Array(Schema.Struct({ user_id: Schema.Finite })),
  meta
})
const Field = Schema.Struct({
  key: Schema.NullOr(Schema.String),
  type: Schema.String,
  active: Schema.optionalKey(Schema.Boolean)
})
const UserFields = Schema.Struct({ user_fields: Schema.Array(Field), meta })
const OrganizationFields = Schema.Struct({ organization_fields: Schema.Array(Field), meta })

/**
 * A custom field that exists.
 *
 * @category models
 * @since 0.1.0
 */
export type Field = typeof Field.Type

const post = (client: Client.Client, path: string, body: Json.Json) =>
  Reply.send(client, HttpClientRequest.bodyJsonUnsafe(HttpClientRequest.post(path), body))

const get = (client: Client.Client, path: string, query: Readonly<Record<string, string>>) =>
  Reply.send(client, HttpClientRequest.get(path, { urlParams: query }))

/**
 * A user as Zendesk shows one.
 *
 * @category models
 * @since 0.1.0
 */
export type User = typeof ShownUser.Type

const readUser = read(User)

/**
 * Creates or updates a user: 201 or 200.
 *
 * @category requests
 * @since 0.1.0
 */
export const writeUser = Effect.fnUntraced(function* (client: Client.Client, body: UserWrite) {
  const reply = yield* post(client, "/api/v2/users/create_or_update", { user: { ...body.user } })
  const { email = "", external_id = "" } = body.user
  return (yield* readUser(reply, [email, external_id])).user
})

/**
 * Updates the user with this external id or address, and creates nobody: without a name Zendesk refuses to.
 *
 * @category requests
 * @since 0.1.0
 */
export const changeUser = (
  client: Client.Client,
  change: Partial<UserWrite["user"]>
): Effect.Effect<Option.Option<User>, Failure> =>
  Effect.gen(function* () {
    const reply = yield* post(client, "/api/v2/users/create_or_update", { user: { ...change } })
    const { email = "", external_id = "" } = change
    return Option.some((yield* readUser(reply, [email, external_id])).user)
  }).pipe(
    Effect.catchTag("Refused", (refused) =>
      concerns(refused, "name") ? Effect.succeed(Option.none()) : Effect.fail(refused)
    )
  )

const Identity = Schema.Struct({
  id: Schema.Finite,
  type: Schema.String,
  value: Schema.optionalKey(Schema.Unknown),
  primary: Schema.optionalKey(Schema.Boolean)
})
const readIdentities = read(Schema.Struct({ identities: Schema.Array(Identity), meta: Schema.optionalKey(meta) }))

/**
 * The addresses, and other identities, of a user.
 *
 * @category requests
 * @since 0.1.0
 */
export const findIdentities = Effect.fnUntraced(function* (client: Client.Client, user: number) {
  const path = `/api/v2/users/${user}/identities`
  const pages = yield* allPages((page) =>
    Effect.map(Effect.flatMap(get(client, path, page), readIdentities), (read) => ({
      identities: read.identities,
      meta: read.meta ?? { has_more: false }
    }))
  )
  return pages.flatMap((page) => page.identities)
})

/**
 * Makes an identity of a user the primary one: 200.
 *
 * @category requests
 * @since 0.1.0
 */
export const makePrimary = Effect.fnUntraced(function* (client: Client.Client, user: number, identity: number) {
  const path = `/api/v2/users/${user}/identities/${identity}/make_primary`
  yield* readIdentities(yield* Reply.send(client, HttpClientRequest.put(path)))
})

/**
 * Takes an identity from a user: 204, or 404 where it is gone.
 *
 * @category requests
 * @since 0.1.0
 */
export const removeIdentity = Effect.fnUntraced(function* (
  client: Client.Client,
  user: number,
  identity: number
): Effect.fn.Return<void, Failure> {
  const path = `/api/v2/users/${user}/identities/${identity}`
  const reply = yield* Reply.send(client, HttpClientRequest.delete(path))
  const isGone = reply.status === 404 && isAboutRecord(reply)
  if (reply.status !== 204 && !isGone) return yield* classify(reply, [])
})

const readOrganization = read(Organization)

/**
 * Creates or updates an organization by its external id: 201 or 200.
 *
 * @category requests
 * @since 0.1.0
 */
export const writeOrganization = Effect.fnUntraced(function* (client: Client.Client, body: OrganizationWrite) {
  const reply = yield* post(client, "/api/v2/organizations/create_or_update", {
    organization: { ...body.organization }
  })
  return (yield* readOrganization(reply, [body.organization.external_id])).organization
})

const readUsers = read(Users)

/**
 * Zendesk's ids of the users with these external ids, 100 at most. Those that it does not know are left out.
 *
 * `/users/search` would lag behind writes by minutes; this reads the records.
 *
 * @category requests
 * @since 0.1.0
 */
export const findUsers = Effect.fnUntraced(function* (client: Client.Client, externalIds: ReadonlyArray<string>) {
  const reply = yield* get(client, "/api/v2/users/show_many", { external_ids: externalIds.join(",") })
  return (yield* readUsers(reply, externalIds)).users.map((user) => user.id)
})

const readMemberships = read(Memberships)

/**
 * Zendesk's ids of an organization's users.
 *
 * @category requests
 * @since 0.1.0
 */
export const findMembers = Effect.fnUntraced(function* (client: Client.Client, organization: number) {
  const path = `/api/v2/organizations/${organization}/organization_memberships`
  const pages = yield* allPages((page) => Effect.flatMap(get(client, path, page), (reply) => readMemberships(reply)))
  return new Set(pages.flatMap((page) => page.organization_memberships.map((membership) => membership.user_id)))
})

const readMembership = read(Membership)

/**
 * Puts a user into an organization: 201, or 422 where the user is in it.
 *
 * @category requests
 * @since 0.1.0
 */
export const addMember = Effect.fnUntraced(function* (client: Client.Client, organization: number, user: number) {
  const reply = yield* post(client, "/api/v2/organization_memberships", {
    organization_membership: { user_id: user, organization_id: organization }
  })
  // Another sync, or an agent, was faster. The vendor's OpenAPI gives the status; the words are unverified.
  if (reply.status === 422 && /DuplicateValue|already/i.test(reply.text)) return
  yield* readMembership(reply)
})

const readUserFields = read(UserFields)
const readOrganizationFields = read(OrganizationFields)

/**
 * The custom fields of users, or of organizations.
 *
 * @category requests
 * @since 0.1.0
 */
export const findFields = Effect.fnUntraced(function* (client: Client.Client, collection: Computation.Collection) {
  if (collection === "users") {
    const pages = yield* allPages((page) =>
      Effect.flatMap(get(client, "/api/v2/user_fields", page), (reply) => readUserFields(reply))
    )
    return pages.flatMap((page) => page.user_fields)
  }
  const pages = yield* allPages((page) =>
    Effect.flatMap(get(client, "/api/v2/organization_fields", page), (reply) => readOrganizationFields(reply))
  )
  return pages.flatMap((page) => page.organization_fields)
})

const readUserField = read(Schema.Struct({ user_field: Field }))
const readOrganizationField = read(Schema.Struct({ organization_field: Field }))

/**
 * Creates a custom field: 201. An admin's token is needed.
 *
 * @category requests
 * @since 0.1.0
 */
export const createField = Effect.fnUntraced(function* (
  client: Client.Client,
  collection: Computation.Collection,
  field: FieldWrite
) {
  if (collection === "users") {
    yield* readUserField(yield* post(client, "/api/v2/user_fields", { user_field: { ...field } }))
  } else {
    const body = { organization_field: { ...field } }
    yield* readOrganizationField(yield* post(client, "/api/v2/organization_fields", body))
  }
})

/** Cursor pagination, which the vendor recommends; 100 is the largest page. */
const allPages = Effect.fnUntraced(function* <P extends { readonly meta: typeof meta.Type }>(
  next: (page: Readonly<Record<string, string>>) => Effect.Effect<P, Failure>
): Effect.fn.Return<ReadonlyArray<P>, Failure> {
  const pages: Array<P> = []
  let cursor: string | undefined
  while (true) {
    const page = yield* next({ "page[size]": "100", ...(cursor === undefined ? {} : { "page[after]": cursor }) })
    pages.push(page)
    const after = page.meta.after_cursor
    // The same cursor twice would ask for ever.
    if (!page.meta.has_more || after === undefined || after === null || after === cursor) return pages
    cursor = after
  }
})
