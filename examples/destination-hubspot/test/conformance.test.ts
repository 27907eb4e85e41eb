import { conformance } from "@tributary/core/testing"
import { afterEach, assert } from "vitest"
import { HubSpot } from "../src/index.ts"
import * as Sandbox from "../src/sandbox/index.ts"
import { official, violations } from "./support/official.ts"

afterEach(() => assert.deepStrictEqual(violations.splice(0), []))

for (const traces of ["echoed", "errors", "none"] as const) {
  conformance(HubSpot, {
    sandbox: () => official(Sandbox.make({ traces })),
    refused: { type: "email", value: "no address" }
  })
}
