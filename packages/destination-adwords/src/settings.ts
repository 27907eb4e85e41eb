/**
 * Settings: which Google Ads account, signed by whom, with whose consent, and what kind of list.
 *
 * @since 0.1.0
 */
import { Client, Setting } from "@tributary/core"
import { Effect, Schema, SchemaTransformation } from "effect"
import { isCountry } from "./phone.ts"

/** Google writes customer ids as 123-456-7890 and its API wants the ten digits. */
const customerId = Schema.String.check(
  Schema.makeFilter(
    (value: string) =>
      /^\d{10}$/.test(value.replaceAll("-", "")) ||
      "must be a Google Ads customer id of ten digits, such as 123-456-7890",
    { title: "customer id" }
  )
).pipe(
  Schema.decodeTo(
    Schema.String,
    SchemaTransformation.transform({ decode: (value: string) => value.replaceAll("-", ""), encode: (value) => value })
  )
)

const consentValue = Schema.Literals(["granted", "denied"])

const oauth = Schema.Struct({
  clientId: Schema.NonEmptyString.annotate({ description: "The OAuth client's id." }),
  clientSecret: Setting.secret.annotate({ description: "The OAuth client's secret." }),
  refreshToken: Setting.secret.annotate({
    description: "A refresh token for the scope https://www.googleapis.com/auth/datamanager."
  })
})

const serviceAccount = Schema.Struct({
  clientEmail: Schema.NonEmptyString.annotate({ description: "The key file's `client_email`." }),
  // Not Setting.secret, which takes no white space: PEM has line breaks.
  privateKey: Schema.Redacted(Schema.NonEmptyString).annotate({
    description: "The key file's `private_key`: PKCS #8 in PEM, line breaks included."
  })
})

const fields = Schema.Struct({
  accountId: customerId.annotate({ description: "The Google Ads customer id whose lists are written." }),
  loginAccountId: Schema.optionalKey(
    customerId.annotate({
      description: "The manager account through which the signer has access. Leave it out where access is direct."
    })
  ),
  oauth: Schema.optionalKey(
    oauth.annotate({ description: "Signs as a user. Give this or `serviceAccount`.", ...Setting.usual })
  ),
  serviceAccount: Schema.optionalKey(
    serviceAccount.annotate({ description: "Signs as a service account. Give this or `oauth`." })
  ),
  termsOfServiceAccepted: Schema.Literal(true).annotate({
    message: "must be true: read and accept the Customer Match terms of service of Google Ads first",
    description: "The operator's statement that the Customer Match terms are accepted. Sent with every upload."
  }),
  consent: Schema.optionalKey(
    Schema.Struct({
      adUserData: Schema.optionalKey(
        consentValue.annotate({ description: "Consent to send user data to Google for advertising." })
      ),
      adPersonalization: Schema.optionalKey(
        consentValue.annotate({ description: "Consent to personalised advertising." })
      )
    }).annotate({
      description: "Stated for every member. Without it Google uses the account's own settings."
    })
  ),
  defaultCountry: Schema.optionalKey(
    Schema.String.check(
      Schema.makeFilter(
        (value: string) => isCountry(value) || "must be a country of two capital letters (ISO 3166-1), such as GB",
        { title: "country" }
      )
    ).annotate({
      description:
        "The country of phone numbers that are written without a country code: ISO 3166-1 alpha-2, such as `GB`. " +
        "Without it they are rejected."
    })
  ),
  addresses: Schema.Boolean.annotate({
    description:
      "For CONTACT_ID: whether name, country and postal code are sent too, where the profile has all four traits."
  }).pipe(Schema.withDecodingDefaultKey(Effect.succeed(true))),
  membershipDays: Schema.Int.check(Schema.isBetween({ minimum: 181, maximum: 540 }))
    .annotate({
      description:
        "Days that a member stays without being added again; 181 to 540, because members are added again every 180 days."
    })
    .pipe(Schema.withDecodingDefaultKey(Effect.succeed(540))),
  uploadKeyType: Schema.Literals(["CONTACT_ID", "MOBILE_ID", "USER_ID"])
    .annotate({
      description: "What lists are made of: e-mails and phones, mobile advertising ids, or your own user ids."
    })
    .pipe(Schema.withDecodingDefaultKey(Effect.succeed("CONTACT_ID" as const))),
  keySpace: Schema.optionalKey(
    Schema.Literals(["IOS", "ANDROID"]).annotate({
      description: "For MOBILE_ID: which ids a list holds, `ios.idfa` or `android.idfa`."
    })
  ),
  appId: Schema.optionalKey(
    Schema.NonEmptyString.annotate({ description: "For MOBILE_ID: the app whose users the ids are." })
  ),
  baseUrl: Setting.baseUrl
    .annotate({ description: "Another address of the API, for tests." })
    .pipe(Schema.withDecodingDefaultKey(Effect.succeed("https://datamanager.googleapis.com"))),
  tokenUrl: Setting.baseUrl
    .annotate({ description: "Another address to get tokens from, for tests." })
    .pipe(Schema.withDecodingDefaultKey(Effect.succeed("https://oauth2.googleapis.com/token")))
})

/**
 * The settings of a Google Ads destination.
 *
 * **Details**
 *
 * Exactly one of `oauth` and `serviceAccount`; `keySpace` and `appId` together with `MOBILE_ID`.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Settings = fields.check(
  Schema.makeFilter((settings) => {
    const issues: Array<Schema.FilterIssue> = []
    if ((settings.oauth === undefined) === (settings.serviceAccount === undefined)) {
      issues.push({ path: ["oauth"], issue: "give either oauth or serviceAccount, and not both" })
    }
    if (settings.uploadKeyType === "MOBILE_ID") {
      if (settings.keySpace === undefined) {
        issues.push({ path: ["keySpace"], issue: "is needed for MOBILE_ID: IOS or ANDROID" })
      }
      if (settings.appId === undefined) {
        issues.push({ path: ["appId"], issue: "is needed for MOBILE_ID: the id of the app" })
      }
    }
    return issues
  })
)

/**
 * @category models
 * @since 0.1.0
 */
export type Settings = typeof Settings.Type

/**
 * Where requests go and how they are signed.
 *
 * **Details**
 *
 * The API takes neither an API key nor a developer token: an OAuth token of a signer who was given access to the
 * Google Ads account is all (source: developers.google.com/data-manager/api/devguides).
 *
 * @category constructors
 * @since 0.1.0
 */
export const client = ({ baseUrl, oauth, serviceAccount, tokenUrl }: Settings): Client.ClientSpec => {
  if (serviceAccount !== undefined) {
    return Client.serviceAccount(baseUrl, {
      ...serviceAccount,
      tokenUrl,
      scope: "https://www.googleapis.com/auth/datamanager"
    })
  }
  // The schema lets nothing through that has neither; without a signer Google answers 401, which says so.
  if (oauth === undefined) return Client.anonymous(baseUrl)
  return Client.refreshToken(baseUrl, { ...oauth, tokenUrl, rotates: false, body: "form" })
}
