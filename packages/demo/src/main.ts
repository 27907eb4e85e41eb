#!/usr/bin/env node
/**
 * `npx @tributary/demo`: `tributary demo`, with its flags.
 *
 * @since 0.1.0
 */
import { main } from "@tributary/runtime/engine"

main(["demo", ...process.argv.slice(2)])
