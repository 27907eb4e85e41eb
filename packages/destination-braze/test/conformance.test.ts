import { conformance } from "@tributary/core/testing"
import { Braze } from "../src/index.ts"
import * as Sandbox from "../src/sandbox/index.ts"

conformance(Braze, {
  sandbox: () => Sandbox.make(),
  holds: ({ count, users }) => ({ count, users }),
  refused: { type: "email", value: "no address" }
})
