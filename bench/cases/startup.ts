import { spawnSync } from "node:child_process"
import { fileURLToPath } from "node:url"
import * as fs from "node:fs"
import { type Case, median } from "../support/Case.ts"

const built = fileURLToPath(new URL("../../packages/runtime/dist/main.js", import.meta.url))

const startup: Case = {
  name: "startup",
  title: "Start-up: tributary --help, from the built package",
  run: async () => {
    if (!fs.existsSync(built)) throw new Error(`Build first: npx -y pnpm@12 build`)
    const seconds = await median(5, 1, async () => {
      const began = performance.now()
      spawnSync(process.execPath, [built, "--help"])
      return (performance.now() - began) / 1000
    })
    const bare = await median(5, 1, async () => {
      const began = performance.now()
      spawnSync(process.execPath, ["-e", "0"])
      return (performance.now() - began) / 1000
    })
    return [
      {
        what: "tributary --help",
        figure: seconds,
        unit: "s",
        reference: { what: "Node alone", figure: bare },
        goal: { words: "0.4 s at most", isReached: seconds <= 0.4 }
      }
    ]
  }
}

export default startup
