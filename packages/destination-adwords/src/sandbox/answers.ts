/**
 * The sandbox's refusals, in the shape of Google's REST errors: `google.rpc.Status` as JSON with typed details.
 *
 * @since 0.1.0
 */
import type { Sandbox } from "@tributary/core"

/**
 * One entry of `google.rpc.BadRequest`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Violation {
  readonly field: string
  readonly description: string
  readonly reason: string
}

/**
 * What a refusal says beside its status.
 *
 * @category models
 * @since 0.1.0
 */
export interface Details {
  readonly requestId: string
  /** `ErrorInfo.reason`; left out of the answers that carry code, status and RequestInfo only. */
  readonly reason?: string
  readonly metadata?: Readonly<Record<string, string>>
  readonly violations?: ReadonlyArray<Violation>
}

const type = (name: string) => ({ "@type": `type.googleapis.com/google.rpc.${name}` })

/**
 * An error answer.
 *
 * @category constructors
 * @since 0.1.0
 */
export const refuse = (
  code: number,
  status: string,
  message: string,
  { requestId, reason, metadata, violations }: Details
): Sandbox.SandboxResponse => ({
  status: code,
  body: {
    error: {
      code,
      message,
      status,
      details: [
        ...(reason === undefined
          ? []
          : [
              {
                ...type("ErrorInfo"),
                reason,
                domain: "datamanager.googleapis.com",
                metadata: { requestId, ...metadata }
              }
            ]),
        { ...type("RequestInfo"), requestId },
        ...(violations === undefined ? [] : [{ ...type("BadRequest"), fieldViolations: violations }])
      ]
    }
  }
})

/**
 * 400 with field violations: the whole request is refused, nothing of it is taken.
 *
 * @category constructors
 * @since 0.1.0
 */
export const invalid = (requestId: string, violations: ReadonlyArray<Violation>): Sandbox.SandboxResponse =>
  refuse(400, "INVALID_ARGUMENT", "There was a problem with the request.", {
    requestId,
    reason: "INVALID_ARGUMENT",
    violations
  })

/**
 * 404 in Google's shape: the path is right, the resource is not there.
 *
 * @category constructors
 * @since 0.1.0
 */
export const notFound = (requestId: string): Sandbox.SandboxResponse =>
  refuse(404, "NOT_FOUND", "Resource not found.", { requestId, reason: "NOT_FOUND" })

/**
 * 403: the signer may not do this in this account.
 *
 * @category constructors
 * @since 0.1.0
 */
export const forbidden = (requestId: string): Sandbox.SandboxResponse =>
  refuse(403, "PERMISSION_DENIED", "The user does not have permission or the resource is not found.", {
    requestId,
    reason: "PERMISSION_DENIED"
  })

/**
 * A violation.
 *
 * @category constructors
 * @since 0.1.0
 */
export const violation = (field: string, reason: string, description: string): Violation => ({
  field,
  description,
  reason
})

/**
 * Whether a JSON value is an object with fields.
 *
 * @category guards
 * @since 0.1.0
 */
export const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value)
