/**
 * The version that `tributary --version` prints: that of the package.
 *
 * @since 0.1.0
 */
import { createRequire } from "node:module"

const manifest: unknown = createRequire(import.meta.url)("../package.json")

/**
 * @category constants
 * @since 0.1.0
 */
export const version: string =
  typeof manifest === "object" && manifest !== null && "version" in manifest ? String(manifest.version) : "unknown"
