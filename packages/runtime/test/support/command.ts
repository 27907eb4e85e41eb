// The `tributary` command as an operator runs it: in a folder of its own, as a process of its own where the process is
// the point, against a vendor whose answers a test can hold back.
import type { Sandbox } from "@tributary/core"
import { assert } from "@effect/vitest"
import { type ChildProcess, spawn } from "node:child_process"
import { randomUUID } from "node:crypto"
import * as fs from "node:fs"
import { createServer } from "node:http"
import * as path from "node:path"
import { inject } from "vitest"
import { runIn } from "./inProcess.ts"

// Inside the package, so that a configuration finds "@tributary/runtime" and the plugins.
const home = path.resolve(import.meta.dirname, "../..")
const main = path.join(home, "src/main.ts")

/** Stands in every secret of these tests, and may stand in nothing that a command prints. */
export const mark = "not-to-be-seen"

export interface Ran {
  /** `null` where a signal ended it. */
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
  /** Both, for a message that may stand on either. */
  readonly said: string
}

export interface Running {
  /** The standard output so far. */
  readonly stdout: () => string
  /** Resolves once either output holds the text; rejects where the process ends without it. */
  readonly says: (text: string) => Promise<void>
  readonly kill: (signal: NodeJS.Signals) => void
  readonly ended: Promise<Ran>
}

export interface Folder {
  readonly path: string
  readonly write: (files: Readonly<Record<string, string>>) => void
  readonly has: (name: string) => boolean
  /** Runs a command to its end, in the process of the test. */
  readonly run: (...args: ReadonlyArray<string>) => Promise<Ran>
  /** Runs a command to its end, as a process. */
  readonly runProcess: (...args: ReadonlyArray<string>) => Promise<Ran>
  /** Starts a command as a process. */
  readonly start: (...args: ReadonlyArray<string>) => Running
  /** The same folder under another environment. */
  readonly under: (environment: Readonly<Record<string, string>>) => Folder
}

/** Whatever happened, nobody is shown a stack trace or a secret. */
export const assertDecent = (args: ReadonlyArray<string>, { said }: Ran) => {
  const what = `tributary ${args.join(" ")} printed:\n${said}`
  assert.notMatch(said, /^\s+at .*[:(]/m, `A stack trace. ${what}`)
  assert.notInclude(said, mark, `A secret. ${what}`)
  assert.notInclude(said, "This is a bug in tributary", what)
  assert.notInclude(said, "[object Object]", what)
}

/** Processes that a failed test has left behind. */
const alive = new Set<ChildProcess>()

const startIn = (
  folder: string,
  environment: Readonly<Record<string, string>>,
  args: ReadonlyArray<string>
): Running => {
  const env = { PATH: process.env["PATH"] ?? "", HOME: process.env["HOME"] ?? "", ...environment }
  const child = spawn(process.execPath, ["--conditions=source", main, ...args], { cwd: folder, env, stdio: "pipe" })
  alive.add(child)
  let stdout = ""
  let stderr = ""
  let isOver = false
  const listeners = new Set<() => void>()
  const heard = () => listeners.forEach((listener) => listener())
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text
    heard()
  })
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text
    heard()
  })
  const ended = new Promise<Ran>((resolve, reject) => {
    child.once("error", reject)
    child.once("close", (code) => {
      isOver = true
      alive.delete(child)
      heard()
      const ran = { code, stdout, stderr, said: stdout + stderr }
      try {
        assertDecent(args, ran)
        resolve(ran)
      } catch (error) {
        reject(error)
      }
    })
  })
  // A test that fails before it awaits the end has failed already.
  ended.catch(() => undefined)
  return {
    stdout: () => stdout,
    ended,
    kill: (signal) => child.kill(signal),
    says: (text) =>
      new Promise((resolve, reject) => {
        const look = () => {
          const isSaid = stdout.includes(text) || stderr.includes(text)
          if (!isSaid && !isOver) return
          listeners.delete(look)
          if (isSaid) resolve()
          else reject(new Error(`tributary ${args.join(" ")} ended without "${text}":\n${stdout}${stderr}`))
        }
        listeners.add(look)
        look()
      })
  }
}

const folderAt = (folder: string, environment: Readonly<Record<string, string>>): Folder => {
  const start = (...args: ReadonlyArray<string>) => startIn(folder, environment, args)
  return {
    path: folder,
    write: (files) => {
      for (const [name, text] of Object.entries(files)) {
        const file = path.join(folder, name)
        fs.mkdirSync(path.dirname(file), { recursive: true })
        fs.writeFileSync(file, text)
      }
    },
    has: (name) => fs.existsSync(path.join(folder, name)),
    start,
    run: async (...args) => {
      const { code, stderr, stdout } = await runIn(folder, environment, args)
      const ran = { code, stdout, stderr, said: stdout + stderr }
      assertDecent(args, ran)
      return ran
    },
    runProcess: (...args) => start(...args).ended,
    under: (more) => folderAt(folder, { ...environment, ...more })
  }
}

/** Folders for one test file. `prepared` folders hold a copy of a migrated store with nothing in it. */
export const makeFolders = () => {
  const root = path.join(home, `.tributary-test-${randomUUID()}`)
  let made = 0
  const empty = (files: Readonly<Record<string, string>> = {}): Folder => {
    const folder = folderAt(path.join(root, String(++made)), {})
    fs.mkdirSync(folder.path, { recursive: true })
    folder.write(files)
    return folder
  }
  return {
    empty,
    prepared: (files: Readonly<Record<string, string>> = {}): Folder => {
      const folder = empty(files)
      fs.cpSync(inject("store"), path.join(folder.path, ".tributary"), { recursive: true })
      return folder
    },
    /** Removes the folders, and ends what a failed test has left running in them. */
    remove: () => {
      for (const child of alive) child.kill("SIGKILL")
      fs.rmSync(root, { recursive: true, force: true })
    }
  }
}

export interface Vendor {
  readonly baseUrl: string
  /** The bodies that arrived, parsed, whatever became of their answers. */
  readonly bodies: Array<any>
  /** From now on, answers after so many more requests wait for `release`: the vendor has taken them, and says nothing. */
  readonly holdAfter: (requests: number) => void
  readonly release: () => void
  /** Resolves when so many answers are held. */
  readonly isHolding: (answers: number) => Promise<void>
  readonly close: () => Promise<void>
}

/** Serves a sandbox to other processes, in real time. */
export const serveVendor = async (sandbox: Sandbox.Sandbox): Promise<Vendor> => {
  const bodies: Array<any> = []
  let left = Infinity
  let held: Array<() => void> = []
  let waiting: Array<{ readonly answers: number; readonly resolve: () => void }> = []
  const server = createServer((request, response) => {
    const parts: Array<Buffer> = []
    request.on("data", (part: Buffer) => parts.push(part))
    request.on("end", () => {
      const body = Buffer.concat(parts).toString("utf8")
      const url = new URL(request.url ?? "/", "http://vendor")
      const headers = Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, String(value)]))
      const answer = sandbox.handle(
        { method: request.method ?? "GET", path: url.pathname, query: url.searchParams, headers, body },
        Date.now()
      )
      bodies.push(body === "" ? undefined : JSON.parse(body))
      const tell = () => {
        response.writeHead(answer.status, { "content-type": "application/json", ...answer.headers })
        response.end(typeof answer.body === "string" ? answer.body : JSON.stringify(answer.body ?? null))
      }
      if (left-- > 0) return tell()
      held.push(tell)
      waiting = waiting.filter(({ answers, resolve }) => {
        if (held.length >= answers) resolve()
        return held.length < answers
      })
    })
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const address = server.address()
  return {
    baseUrl: `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}`,
    bodies,
    holdAfter: (requests) => {
      left = requests
    },
    release: () => {
      left = Infinity
      for (const tell of held.splice(0)) tell()
    },
    isHolding: (answers) =>
      held.length >= answers ? Promise.resolve() : new Promise((resolve) => waiting.push({ answers, resolve })),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      })
  }
}

const imports = `import { Activation, Audience, ComputedTrait, Config, defineConfig, Source, sql } from "@tributary/runtime"
import { Braze } from "@tributary/destination-braze"
const braze = Braze.destination("braze", { endpoint: Config.String("BRAZE_ENDPOINT"), apiKey: Config.Redacted("BRAZE_KEY") })
const store = Source.store()
const users = store.users({ query: sql\`select 'u' || n as id, 'Ada' as name from generate_series(1, 3) n\`, identifiers: { user_id: "id" }, traits: ["name"] })
const everybody = Audience.make("Everybody", { of: users, query: sql\`select 'u' || n as id from generate_series(1, 3) n\` })
`

/** A configuration of these lines, whose last names the activations. */
export const config = (lines: string, activations = "Activation.events(everybody, braze)") => ({
  "tributary.config.ts": `${imports}${lines}\nexport default defineConfig({ space: "acme", activations: [${activations}] })\n`
})

export const ends = (ran: Ran, code: number, ...texts: ReadonlyArray<string | RegExp>) => {
  assert.strictEqual(ran.code, code, ran.said)
  for (const text of texts) {
    if (typeof text === "string") assert.include(ran.said, text)
    else assert.match(ran.said, text)
  }
}

/** How often a Braze was told of each person, by the requests since the last time that this was asked. */
export const timesTold = (vendor: Vendor): ReadonlyMap<string, number> => {
  const times = new Map<string, number>()
  for (const body of vendor.bodies.splice(0)) {
    for (const object of [...(body.attributes ?? []), ...(body.events ?? [])]) {
      const who = object.external_id ?? object.email
      times.set(who, (times.get(who) ?? 0) + 1)
    }
  }
  return times
}
