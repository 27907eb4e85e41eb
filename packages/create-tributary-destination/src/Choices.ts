/**
 * What an author chooses.
 *
 * @since 0.1.0
 */

/**
 * @category constants
 * @since 0.1.0
 */
export const forms = ["event", "list", "both"] as const

/**
 * What the plugin receives.
 *
 * @category models
 * @since 0.1.0
 */
export type Form = (typeof forms)[number]

/**
 * @category constants
 * @since 0.1.0
 */
export const auths = ["bearer", "header", "basic", "oauth", "none"] as const

/**
 * How its requests are signed.
 *
 * @category models
 * @since 0.1.0
 */
export type Auth = (typeof auths)[number]

/**
 * @category models
 * @since 0.1.0
 */
export interface Choices {
  /** `acme-crm`. */
  readonly name: string
  readonly packageName: string
  readonly form: Form
  readonly auth: Auth
}

/**
 * Versions that work together. A test keeps them equal to the workspace's.
 *
 * @category constants
 * @since 0.1.0
 */
export const versions = {
  tributary: "0.1.0",
  effect: "4.1.0",
  typescript: "7.0.2",
  vitest: "5.1.1",
  nodeTypes: "24.19.2"
} as const

/**
 * `AcmeCrm` of `acme-crm`: what the package exports.
 *
 * @category combinators
 * @since 0.1.0
 */
export const exportOf = (name: string): string =>
  name.replace(/(^|-)([a-z0-9])/g, (_, __, letter: string) => letter.toUpperCase())

/**
 * `Acme Crm` of `acme-crm`.
 *
 * @category combinators
 * @since 0.1.0
 */
export const titleOf = (name: string): string =>
  name.replace(
    /(^|-)([a-z0-9])/g,
    (_, dash: string, letter: string) => `${dash === "" ? "" : " "}${letter.toUpperCase()}`
  )
