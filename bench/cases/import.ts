import { Effect, Redacted } from "effect"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { resolve } from "../../packages/runtime/src/config/Resolved.ts"
import { defineConfig } from "../../packages/runtime/src/config/defineConfig.ts"
import * as Source from "../../packages/runtime/src/config/Source.ts"
import { refreshProfiles } from "../../packages/runtime/src/engine/Refresh.ts"
import type { Case, Row } from "../support/Case.ts"
import * as World from "../support/world.ts"

const identifiers = { user_id: "id", email: "email", phone: "phone" }

/** The file, written in parts: a string of 10 M lines would be too long. */
const writeFile = (file: string, people: number) => {
  const handle = fs.openSync(file, "w")
  for (let from = 1; from <= people; from += 50_000) {
    const lines: Array<string> = []
    for (let i = from; i < Math.min(from + 50_000, people + 1); i++) {
      lines.push(
        `{"id":"u${i}","email":"u${i}@example.com","phone":"+336${String(i).padStart(8, "0")}","first_name":"Ada"}`
      )
    }
    fs.writeSync(handle, `${lines.join("\n")}\n`)
  }
  fs.closeSync(handle)
}

const importing: Case = {
  name: "import",
  title: "First import: people with three identifiers each, from another PostgreSQL database and from NDJSON",
  run: async ({ note, scale }) => {
    const people = Math.max(20_000, Math.round(10_000_000 * scale))
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), "tributary-bench-"))
    const rows: Array<Row> = []
    try {
      for (const kind of ["PostgreSQL", "NDJSON"] as const) {
        note(`${people} people from ${kind}`)
        rows.push(
          await World.inStore("PostgreSQL", () =>
            Effect.gen(function* () {
              const shop = yield* World.place("PostgreSQL")
              if (kind === "NDJSON") writeFile(path.join(folder, "users.ndjson"), people)
              else {
                yield* World.onPlace(
                  shop,
                  `create table customers as select 'u' || i as id, 'u' || i || '@example.com' as email,
                   '+336' || lpad(i::text, 8, '0') as phone, 'Ada' as first_name from generate_series(1, ${people}) i`
                )
              }
              const source =
                kind === "NDJSON"
                  ? Source.ndjson("users.ndjson").users({ id: "id", identifiers, traits: ["first_name"] })
                  : Source.postgres(shop._tag === "Postgres" ? shop.url : Redacted.make("")).users({
                      query: World.all("id, email, phone, first_name", "customers"),
                      id: "id",
                      identifiers,
                      traits: ["first_name"]
                    })
              const config = defineConfig({ space: "bench", activations: [], profiles: [source] })
              const [profiles] = (yield* Effect.fromResult(resolve(config))).profiles
              if (profiles === undefined) throw new Error("no profiles")
              const sampled = yield* World.sampled
              const { millis, value } = yield* World.timed(refreshProfiles(profiles, { folder, full: false }))
              if (value.profiles !== people) throw new Error(`${value.profiles} of ${people}`)
              return {
                what: `from ${kind}`,
                figure: (people / millis) * 1000,
                unit: "people/s",
                parameters: `${people} people, ${3 * people} identifiers; ${(millis / 1000).toFixed(1)} s; at most ${Math.round(sampled().most)} MB`
              }
            })
          )
        )
      }
      return rows
    } finally {
      fs.rmSync(folder, { recursive: true, force: true })
    }
  }
}

export default importing
