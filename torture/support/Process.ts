// The process under test: the real binary, on a clock of ours, killed where we say.
import { type ChildProcess, spawn } from "node:child_process"
import { createServer, connect as dial, type Server } from "node:net"
import * as os from "node:os"
import * as path from "node:path"
import { fileURLToPath } from "node:url"

// What was compiled once is not compiled again by each of the many processes of a seed.
const compiled = path.join(os.tmpdir(), "tributary-torture-compiled")

const main = fileURLToPath(new URL("../../packages/runtime/src/main.ts", import.meta.url))
const clockModule = new URL("clock.ts", import.meta.url).href

export interface Clock {
  readonly speed: number
  readonly now: () => number
  /** Hours pass while no process runs. */
  readonly jump: (hours: number) => void
  readonly environment: () => Readonly<Record<string, string>>
}

export const makeClock = (speed: number): Clock => {
  const wall = Date.now()
  let start = Date.parse("2026-01-05T08:00:00Z")
  return {
    speed,
    now: () => Math.floor(start + (Date.now() - wall) * speed),
    jump: (hours) => {
      start += hours * 3_600_000
    },
    environment: () => ({
      TORTURE_SPEED: String(speed),
      TORTURE_WALL: String(wall),
      TORTURE_NOW: String(start)
    })
  }
}

export interface Ran {
  readonly code: number | null
  readonly output: string
}

export interface Running {
  readonly child: ChildProcess
  readonly ended: Promise<Ran>
}

export const run = (
  folder: string,
  environment: Readonly<Record<string, string>>,
  args: ReadonlyArray<string>
): Running => {
  const env = {
    PATH: process.env["PATH"] ?? "",
    HOME: process.env["HOME"] ?? "",
    NODE_COMPILE_CACHE: compiled,
    ...environment
  }
  const child = spawn(process.execPath, ["--conditions=source", "--import", clockModule, main, ...args], {
    cwd: folder,
    env,
    stdio: ["ignore", "pipe", "pipe"]
  })
  let output = ""
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      output += text
    })
  }
  return { child, ended: new Promise((resolve) => child.once("close", (code) => resolve({ code, output }))) }
}

/** What stands between the process and PostgreSQL: it kills at the n-th COMMIT, before the server hears of it or after. */
export interface Proxy {
  readonly port: number
  readonly killAt: (boundary: "before commit" | "after commit", n: number, kill: () => void) => void
  readonly calm: () => void
  readonly close: () => void
}

export const proxy = async (host: string, port: number): Promise<Proxy> => {
  let plan: { readonly boundary: string; left: number; readonly kill: () => void } | undefined
  const server: Server = createServer((client) => {
    const upstream = dial(port, host)
    let isDead = false
    const end = () => {
      client.destroy()
      upstream.destroy()
    }
    for (const socket of [client, upstream]) socket.on("error", end).on("close", end)
    client.on("data", (part) => {
      if (isDead) return
      if (plan !== undefined && /commit/i.test(part.toString("latin1")) && --plan.left <= 0) {
        const { boundary, kill } = plan
        plan = undefined
        isDead = true
        if (boundary === "after commit") upstream.write(part, () => kill())
        else kill()
        return
      }
      upstream.write(part)
    })
    upstream.on("data", (part) => {
      if (!isDead) client.write(part)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const address = server.address()
  return {
    port: typeof address === "object" && address !== null ? address.port : 0,
    killAt: (boundary, n, kill) => {
      plan = { boundary, left: n, kill }
    },
    calm: () => {
      plan = undefined
    },
    close: () => void server.close()
  }
}
