#!/usr/bin/env node
/**
 * The `tributary` command, as a process.
 *
 * @since 0.1.0
 */
import { main } from "./cli/Program.ts"

main(process.argv.slice(2))
