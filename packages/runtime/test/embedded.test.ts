// The embedded store in its folder, after a kill at an instant that PGlite does not survive by itself.
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { SqlClient } from "effect/sql"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { layerFolder } from "../src/store/sql/Pglite.ts"

const inFolder = <A, E>(use: (folder: string) => Effect.Effect<A, E>) =>
  Effect.acquireUseRelease(
    Effect.sync(() => fs.mkdtempSync(path.join(os.tmpdir(), "tributary-embedded-"))),
    (made) => use(path.join(made, ".tributary")),
    (made) => Effect.sync(() => fs.rmSync(made, { recursive: true, force: true }))
  )

const query = (folder: string, statement: string) =>
  Effect.flatMap(SqlClient.SqlClient, (sql) => sql.unsafe<{ n: number }>(statement)).pipe(
    Effect.provide(layerFolder(folder)),
    Effect.scoped
  )

describe("R40 a store whose process was killed while it opened it", () => {
  it.live("opens again, with all that was committed, whatever is in postmaster.pid", () =>
    inFolder((folder) =>
      Effect.gen(function* () {
        yield* query(folder, "create table kept as select 7 as n")
        for (const content of ["", "\n", "4"]) {
          fs.writeFileSync(path.join(folder, "pgdata", "postmaster.pid"), content)
          assert.deepStrictEqual(yield* query(folder, "select n from kept"), [{ n: 7 }])
        }
      })
    )
  )

  it.live("is laid out anew where that was not finished", () =>
    inFolder((folder) =>
      Effect.gen(function* () {
        fs.mkdirSync(path.join(folder, "pgdata", "base"), { recursive: true })
        fs.writeFileSync(path.join(folder, "pgdata", "PG_VERSION"), "17\n")
        fs.writeFileSync(path.join(folder, "pgdata.unfinished"), "")
        assert.deepStrictEqual(yield* query(folder, "select 1 as n"), [{ n: 1 }])
        assert.isFalse(fs.existsSync(path.join(folder, "pgdata.unfinished")))
        yield* query(folder, "create table kept as select 7 as n")
        assert.deepStrictEqual(yield* query(folder, "select n from kept"), [{ n: 7 }])
      })
    )
  )
})
