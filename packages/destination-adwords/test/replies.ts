// Answers as the fact sheet records them (rudder-transformer's fixture form of Google's errors).
import type { Reply } from "@tributary/core"

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** 2026-01-15, 23:00 in California. */
export const receivedAt = Date.parse("2026-01-16T07:00:00Z")

export const reply = (
  status: number,
  body: unknown,
  headers: Readonly<Record<string, string | undefined>> = {}
): Reply.Reply => {
  const text = typeof body === "string" ? body : JSON.stringify(body)
  return { status, headers, text, json: parse(text), receivedAt }
}

const codes: Readonly<Record<string, number>> = {
  INVALID_ARGUMENT: 400,
  FAILED_PRECONDITION: 400,
  UNAUTHENTICATED: 401,
  PERMISSION_DENIED: 403,
  NOT_FOUND: 404,
  ABORTED: 409,
  RESOURCE_EXHAUSTED: 429,
  INTERNAL: 500,
  UNAVAILABLE: 503,
  DEADLINE_EXCEEDED: 504
}

export const refusal = (
  status: string,
  fieldViolations: ReadonlyArray<{
    readonly field: string
    readonly description: string
    readonly reason: string
  }> = [],
  metadata: Readonly<Record<string, string>> = {}
) => ({
  error: {
    code: codes[status],
    message: "There was a problem with the request.",
    status,
    details: [
      {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        reason: status,
        domain: "datamanager.googleapis.com",
        metadata: { requestId: "r-9", ...metadata }
      },
      { "@type": "type.googleapis.com/google.rpc.RequestInfo", requestId: "r-9" },
      ...(fieldViolations.length === 0
        ? []
        : [{ "@type": "type.googleapis.com/google.rpc.BadRequest", fieldViolations }])
    ]
  }
})
