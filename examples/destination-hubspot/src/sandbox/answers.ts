/**
 * The forms of HubSpot's answers, as the official documents of 2026-09 require them.
 *
 * @since 0.1.0
 */
import type { Sandbox } from "@tributary/core"

/**
 * An object of JSON.
 *
 * @category models
 * @since 0.1.0
 */
export type Fields = Readonly<Record<string, unknown>>

/**
 * @category combinators
 * @since 0.1.0
 */
export const isFields = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/**
 * @category combinators
 * @since 0.1.0
 */
export const isTexts = (value: unknown): value is ReadonlyArray<string> =>
  Array.isArray(value) && value.every((item) => typeof item === "string")

/**
 * A request that is refused whole.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fault = (
  status: number,
  category: string,
  message: string,
  more: Fields = {}
): Sandbox.SandboxResponse => ({
  status,
  body: { status: "error", category, message, correlationId: "5a6c9fbd-0c1b-4b6a-9d8e-2d4f9a3f1c11", ...more }
})

/**
 * @category constructors
 * @since 0.1.0
 */
export const invalid = (message: string, more: Fields = {}): Sandbox.SandboxResponse =>
  fault(400, "VALIDATION_ERROR", message, more)

/**
 * One error of a batch that is otherwise taken (`StandardError`).
 *
 * @category constructors
 * @since 0.1.0
 */
export const itemError = (category: string, message: string, context: Fields): Fields => ({
  status: "error",
  category,
  message,
  context,
  errors: [],
  links: {}
})

/**
 * @category constructors
 * @since 0.1.0
 */
export const batch = (
  results: ReadonlyArray<unknown>,
  errors: ReadonlyArray<unknown>,
  now: number
): Sandbox.SandboxResponse => ({
  status: errors.length === 0 ? 200 : 207,
  body: {
    status: "COMPLETE",
    startedAt: new Date(now).toISOString(),
    completedAt: new Date(now).toISOString(),
    results,
    ...(errors.length === 0 ? {} : { numErrors: errors.length, errors })
  }
})
