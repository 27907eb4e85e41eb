/**
 * What a `tributary.config.ts` imports.
 *
 * @since 0.1.0
 */
export { Activation } from "@tributary/core/runtime"
export { Config } from "effect"
export { Audience, ComputedTrait } from "./config/Computations.ts"
export { defineConfig, type TributaryConfig } from "./config/defineConfig.ts"
export { sql } from "./config/Query.ts"
export * as Source from "./config/Source.ts"
