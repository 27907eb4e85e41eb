import { conformance } from "@tributary/core/testing"
import { Zendesk } from "../src/index.ts"
import * as Sandbox from "../src/sandbox/index.ts"

conformance(Zendesk, {
  sandbox: () => Sandbox.make(),
  holds: ({ organizations, users }) => ({ organizations, users }),
  refused: { type: "email", value: "no address" }
})
