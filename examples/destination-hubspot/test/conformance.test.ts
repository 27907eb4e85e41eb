import { conformance } from "@tributary/core/testing"
import { HubSpot } from "../src/index.ts"
import * as Sandbox from "../src/sandbox/index.ts"

conformance(HubSpot, { sandbox: () => Sandbox.make(), refused: { type: "email", value: "no address" } })
