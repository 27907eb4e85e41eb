/**
 * The Data Manager API as far as Customer Match needs it: wire types, schemas of answers, and the requests.
 *
 * Sources: google/ads/datamanager/v1/*.proto; developers.google.com/data-manager/api/reference/rest. An int64 travels
 * as a JSON string.
 *
 * @since 0.1.0
 */
import { type Client, type DeliveryError, Reply } from "@tributary/core"
import { type Effect, Schema } from "effect"
import { HttpClientRequest } from "effect/http"
import type { AddressInfo } from "./address.ts"
import type { Settings } from "./settings.ts"

/**
 * One identifier of a member: e-mail addresses, phone numbers and names are hashed.
 *
 * @category models
 * @since 0.1.0
 */
export type UserIdentifier =
  | { readonly emailAddress: string }
  | { readonly phoneNumber: string }
  | { readonly address: AddressInfo }

/**
 * One member on the wire. All members of a request carry the same kind of data.
 *
 * @category models
 * @since 0.1.0
 */
export type AudienceMember =
  | { readonly userData: { readonly userIdentifiers: ReadonlyArray<UserIdentifier> } }
  | { readonly mobileData: { readonly mobileIds: ReadonlyArray<string> } }
  | { readonly userIdData: { readonly userId: string } }

/**
 * A user list as far as it is read.
 *
 * @category schemas
 * @since 0.1.0
 */
export const UserList = Schema.Struct({
  id: Schema.String,
  displayName: Schema.optionalKey(Schema.String),
  readOnly: Schema.optionalKey(Schema.Boolean),
  membershipDuration: Schema.optionalKey(Schema.String),
  ingestedUserListInfo: Schema.optionalKey(
    Schema.Struct({ uploadKeyTypes: Schema.optionalKey(Schema.Array(Schema.String)) })
  )
})

/**
 * @category models
 * @since 0.1.0
 */
export type UserList = typeof UserList.Type

/**
 * A page of user lists.
 *
 * @category schemas
 * @since 0.1.0
 */
export const UserListPage = Schema.Struct({
  userLists: Schema.optionalKey(Schema.Array(UserList)),
  nextPageToken: Schema.optionalKey(Schema.String)
})

/**
 * The answer to an ingest or remove request.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Taken = Schema.Struct({ requestId: Schema.NonEmptyString })

const int64 = Schema.Union([Schema.String, Schema.Finite])

/**
 * How far a request was processed, for each of its destinations.
 *
 * @category schemas
 * @since 0.1.0
 */
export const RequestStatus = Schema.Struct({
  requestStatusPerDestination: Schema.Array(
    Schema.Struct({
      requestStatus: Schema.optionalKey(Schema.String),
      errorInfo: Schema.optionalKey(
        Schema.Struct({
          errorCounts: Schema.optionalKey(
            Schema.Array(
              Schema.Struct({ recordCount: Schema.optionalKey(int64), reason: Schema.optionalKey(Schema.String) })
            )
          )
        })
      )
    })
  )
})

/**
 * @category models
 * @since 0.1.0
 */
export type RequestStatus = typeof RequestStatus.Type

/** What every request needs. */
interface To {
  readonly client: Client.Client
  readonly settings: Settings
}

type Answer = Effect.Effect<Reply.Reply, DeliveryError.DeliveryError>

const destination = ({ accountId, loginAccountId }: Settings, list: string) => ({
  ...(loginAccountId === undefined ? {} : { loginAccount: { accountType: "GOOGLE_ADS", accountId: loginAccountId } }),
  operatingAccount: { accountType: "GOOGLE_ADS", accountId },
  productDestinationId: list
})

const consentOf = ({ consent }: Settings) => {
  const word = (value: "granted" | "denied") => (value === "granted" ? "CONSENT_GRANTED" : "CONSENT_DENIED")
  const stated = {
    ...(consent?.adUserData === undefined ? {} : { adUserData: word(consent.adUserData) }),
    ...(consent?.adPersonalization === undefined ? {} : { adPersonalization: word(consent.adPersonalization) })
  }
  return Object.keys(stated).length === 0 ? {} : { consent: stated }
}

/**
 * Adds members to a list: 10,000 at most, 10 identifiers each.
 *
 * @category requests
 * @since 0.1.0
 */
export const ingest = (
  { client, settings }: To,
  list: string,
  audienceMembers: ReadonlyArray<AudienceMember>
): Answer =>
  Reply.send(
    client,
    HttpClientRequest.bodyJsonUnsafe(HttpClientRequest.post("/v1/audienceMembers:ingest"), {
      destinations: [destination(settings, list)],
      audienceMembers,
      ...consentOf(settings),
      encoding: "HEX",
      termsOfService: { customerMatchTermsOfServiceStatus: "ACCEPTED" }
    })
  )

/**
 * Removes members from a list. Consent and terms have no place in this request.
 *
 * @category requests
 * @since 0.1.0
 */
export const remove = (
  { client, settings }: To,
  list: string,
  audienceMembers: ReadonlyArray<AudienceMember>
): Answer =>
  Reply.send(
    client,
    HttpClientRequest.bodyJsonUnsafe(HttpClientRequest.post("/v1/audienceMembers:remove"), {
      destinations: [destination(settings, list)],
      audienceMembers,
      encoding: "HEX"
    })
  )

/**
 * Asks how far an ingest or remove request was processed.
 *
 * @category requests
 * @since 0.1.0
 */
export const retrieveStatus = ({ client }: To, requestId: string): Answer =>
  Reply.send(
    client,
    HttpClientRequest.setUrlParam(HttpClientRequest.get("/v1/requestStatus:retrieve"), "requestId", requestId)
  )

const userLists = ({ accountId }: Settings) => `/v1/accountTypes/GOOGLE_ADS/accounts/${accountId}/userLists`

/** User lists name the manager account in a header, where ingestion names it in the body. */
const throughLogin =
  ({ loginAccountId }: Settings) =>
  (request: HttpClientRequest.HttpClientRequest) =>
    loginAccountId === undefined
      ? request
      : HttpClientRequest.setHeader(request, "login-account", `accountTypes/GOOGLE_ADS/accounts/${loginAccountId}`)

/**
 * A page of the lists with this display name.
 *
 * @category requests
 * @since 0.1.0
 */
export const findLists = ({ client, settings }: To, name: string, pageToken: string | undefined): Answer =>
  Reply.send(
    client,
    HttpClientRequest.get(userLists(settings)).pipe(
      HttpClientRequest.setUrlParams({
        pageSize: "1000",
        filter: `display_name = "${name.replace(/["\\]/g, "\\$&")}"`,
        ...(pageToken === undefined ? {} : { pageToken })
      }),
      throughLogin(settings)
    )
  )

/** What a list is made of. It cannot be changed later. */
const listInfo = ({ appId, keySpace, uploadKeyType }: Settings) => {
  const source = { dataSourceType: "DATA_SOURCE_TYPE_FIRST_PARTY" }
  switch (uploadKeyType) {
    case "CONTACT_ID":
      return { uploadKeyTypes: [uploadKeyType], contactIdInfo: source }
    case "MOBILE_ID":
      return { uploadKeyTypes: [uploadKeyType], mobileIdInfo: { ...source, keySpace, appId } }
    case "USER_ID":
      return { uploadKeyTypes: [uploadKeyType], userIdInfo: source }
  }
}

/**
 * Creates a list.
 *
 * @category requests
 * @since 0.1.0
 */
export const createList = ({ client, settings }: To, displayName: string, description: string): Answer =>
  Reply.send(
    client,
    HttpClientRequest.post(userLists(settings)).pipe(
      throughLogin(settings),
      HttpClientRequest.bodyJsonUnsafe({
        displayName,
        description,
        membershipDuration: `${settings.membershipDays * 86_400}s`,
        ingestedUserListInfo: listInfo(settings)
      })
    )
  )

/**
 * Changes a list's display name.
 *
 * @category requests
 * @since 0.1.0
 */
export const renameList = ({ client, settings }: To, list: string, displayName: string): Answer =>
  Reply.send(
    client,
    HttpClientRequest.patch(`${userLists(settings)}/${encodeURIComponent(list)}`).pipe(
      HttpClientRequest.setUrlParam("updateMask", "displayName"),
      throughLogin(settings),
      HttpClientRequest.bodyJsonUnsafe({ displayName })
    )
  )

/**
 * Deletes a list.
 *
 * @category requests
 * @since 0.1.0
 */
export const deleteList = ({ client, settings }: To, list: string): Answer =>
  Reply.send(
    client,
    HttpClientRequest.delete(`${userLists(settings)}/${encodeURIComponent(list)}`).pipe(throughLogin(settings))
  )
