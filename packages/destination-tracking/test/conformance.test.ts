import { conformance } from "@tributary/core/testing"
import { Tracking } from "../src/index.ts"
import * as Sandbox from "../src/sandbox/index.ts"

conformance(Tracking, { sandbox: () => Sandbox.make() })

conformance(Tracking, { sandbox: () => Sandbox.make({ dialect: "rudderstack" }) })
