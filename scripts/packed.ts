// Follows docs/write-a-destination.md to the letter, in an empty folder outside the repository, with packed packages.
//
// npm talks to a registry on this machine that serves what was packed here, and passes every other package on to the
// registry that npm is configured with. So the commands are those of the page.
import { type ChildProcess, spawn, spawnSync } from "node:child_process"
import { createHash } from "node:crypto"
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { createServer } from "node:http"
import { createConnection } from "node:net"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"

const home = mkdtempSync(join(tmpdir(), "tributary-packed-"))
const background: Array<ChildProcess> = []

const fail = (what: string): never => {
  throw new Error(what)
}

const output = (command: string, args: ReadonlyArray<string>, cwd: string): string => {
  const { status, stderr, stdout } = spawnSync(command, args, { cwd, encoding: "utf8" })
  return status === 0 ? stdout.trim() : fail(`${command} ${args.join(" ")}: ${stdout}${stderr}`)
}

// ---- pack ----------------------------------------------------------------------------------------------------------

interface Packed {
  readonly manifest: { readonly name: string; readonly version: string; readonly [key: string]: unknown }
  readonly tarball: Buffer
}

const packed = new Map<string, Packed>()
for (const folder of readdirSync("packages").map((name) => join("packages", name))) {
  if (!existsSync(join(folder, "dist"))) fail(`${folder} is not built: npx -y pnpm@12 build`)
  const target = join(home, "tarballs", folder.replace("/", "-"))
  mkdirSync(target, { recursive: true })
  output("npx", ["-y", "pnpm@12", "pack", "--pack-destination", target], folder)
  const file = join(target, readdirSync(target)[0] ?? fail(`${folder} packed nothing`))
  const manifest = JSON.parse(output("tar", ["-xOf", file, "package/package.json"], home))
  packed.set(manifest.name, { manifest, tarball: readFileSync(file) })
}
console.log(`Packed ${[...packed.keys()].join(", ")}`)

// ---- a registry ----------------------------------------------------------------------------------------------------

const upstream = output("npm", ["config", "get", "registry"], home).replace(/\/$/, "")

const packument = (base: string, { manifest, tarball }: Packed) => {
  const { name, version } = manifest
  const integrity = `sha512-${createHash("sha512").update(tarball).digest("base64")}`
  const dist = { tarball: `${base}/-/packed/${encodeURIComponent(name)}.tgz`, integrity }
  return { name, "dist-tags": { latest: version }, versions: { [version]: { ...manifest, dist } } }
}

const registry = createServer((request, response) => {
  const url = request.url ?? "/"
  const base = `http://${request.headers.host}`
  const tarball = /^\/-\/packed\/(.+)\.tgz$/.exec(url)?.[1]
  const ours = packed.get(decodeURIComponent(tarball ?? url.slice(1)))
  if (ours !== undefined) {
    response.writeHead(200, { "content-type": tarball === undefined ? "application/json" : "application/octet-stream" })
    response.end(tarball === undefined ? JSON.stringify(packument(base, ours)) : ours.tarball)
    return
  }
  const { accept } = request.headers
  fetch(`${upstream}${url}`, { headers: accept === undefined ? {} : { accept } })
    .then(async (answer) => {
      const body = Buffer.from(await answer.arrayBuffer())
      response.writeHead(answer.status, { "content-type": answer.headers.get("content-type") ?? "application/json" })
      response.end(body)
    })
    .catch((error: unknown) => {
      response.writeHead(502)
      response.end(String(error))
    })
})
await new Promise<void>((resolve) => void registry.listen(0, "127.0.0.1", resolve))
const address = registry.address()
const port = typeof address === "object" && address !== null ? address.port : fail("no port")

const environment: NodeJS.ProcessEnv = {
  ...process.env,
  // The Node that runs this is the Node that runs everything.
  PATH: `${dirname(process.execPath)}:${process.env["PATH"]}`,
  npm_config_registry: `http://127.0.0.1:${port}`,
  npm_config_cache: join(home, "cache"),
  npm_config_audit: "false",
  npm_config_fund: "false",
  npm_config_update_notifier: "false",
  CI: "true",
  NO_COLOR: "1"
}
// An author or operator has none of these.
for (const name of Object.keys(environment)) {
  if (/^(npm_(package|lifecycle|command|execpath|node)|pnpm_|INIT_CWD|NODE_OPTIONS|DATABASE_URL|TEST_)/i.test(name))
    delete environment[name]
}

// ---- the page --------------------------------------------------------------------------------------------------------

/** What a shell does, with its output to ours. */
const run = (command: string, cwd: string): Promise<string> =>
  new Promise((resolve, reject) => {
    const child = spawn("bash", ["-c", command], { cwd, env: environment, stdio: ["ignore", "pipe", "pipe"] })
    let said = ""
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (data: Buffer) => {
        said += data.toString()
      })
    }
    child.on("close", (code) =>
      code === 0 ? resolve(said) : reject(new Error(`${command}\nended with ${code}:\n${said}`))
    )
  })

const answers = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = createConnection(port, "127.0.0.1")
    socket.on("connect", () => {
      socket.destroy()
      resolve(true)
    })
    socket.on("error", () => resolve(false))
  })

const until = async (holds: () => Promise<boolean>, what: string): Promise<void> => {
  for (let tries = 0; tries < 300; tries++) {
    if (await holds()) return
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  fail(`Waited 30 seconds for ${what}.`)
}

let cwd = join(home, "empty")
mkdirSync(cwd)
const said: Array<string> = []

const page = readFileSync("docs/write-a-destination.md", "utf8")
const blocks = [...page.matchAll(/^```(ts|sh)\n([\s\S]*?)^```$/gm)]
try {
  for (const [, language = "", block = ""] of blocks) {
    const file = /^(?:\/\/|#) ([\w./-]+\.(?:ts|env)|example\/\.env)\n/.exec(block)
    if (file !== null) {
      const target = join(cwd, file[1] ?? "")
      mkdirSync(dirname(target), { recursive: true })
      writeFileSync(target, language === "sh" ? block.slice(file[0].length) : block)
      console.log(`   wrote ${file[1]}`)
      continue
    }
    if (language !== "sh") continue
    for (const line of block.trim().split("\n")) {
      const started = Date.now()
      if (line.startsWith("cd ")) cwd = join(cwd, line.slice(3))
      else if (line.includes("# in another terminal")) {
        const child = spawn("bash", ["-c", `exec ${line}`], { cwd, env: environment, stdio: "ignore", detached: true })
        background.push(child)
        await until(() => answers(4010), line)
      } else said.push(await run(line, cwd))
      console.log(`ok ${line} (${((Date.now() - started) / 1000).toFixed(1)} s)`)
    }
  }

  // What the page promises of the last commands.
  const state = await (await fetch("http://127.0.0.1:4010/_sandbox/state")).json()
  const sent: ReadonlyArray<Record<string, unknown>> = Object.values(state.users)
  const isSent = sent.some((user) => user["firstName"] === "Grace" && user["big_spenders"] === true)
  if (!isSent) fail(`The sandbox holds ${JSON.stringify(sent)}`)

  // And an operator's side: the packed plugin in a company's folder, found and imported by its name.
  const company = join(home, "company")
  mkdirSync(company)
  const tarball = (await run("npm pack --ignore-scripts --silent", cwd)).trim().split("\n").at(-1) ?? ""
  for (const name of ["tributary.config.ts", "customers.csv", "big_spenders.csv", ".env"]) {
    writeFileSync(join(company, name), readFileSync(join(cwd, "example", name)))
  }
  await run("npm init --yes --silent && npm pkg set type=module", company)
  await run(`npm install ${join(cwd, tarball)} @tributary/core @tributary/runtime effect`, company)
  const list = await run("npx tributary plugins", company)
  if (!/tributary-destination-segment +0\.1\.0 +segment +1 +identify, track/.test(list))
    fail(`tributary plugins:\n${list}`)
  await run("npx tributary sync", company)
  console.log("ok the packed plugin, imported by name in a folder of its own")

  // The example of a destination is packed by npm itself, and installed like any other.
  const example = (await run(`npm pack --silent --pack-destination ${home}`, "examples/destination-hubspot")).trim()
  await run(`npm install ${join(home, example)}`, company)
  const plugins = await run("npx tributary plugins", company)
  if (!/destination-hubspot +0\.1\.0 +hubspot +1/.test(plugins)) fail(`tributary plugins:\n${plugins}`)
  console.log("ok the HubSpot example, from its tarball")

  // The demo is a package of its own: without it the command says how to get it, and npx runs it in any folder.
  const missing = await run("npx tributary demo && exit 1 || test $? = 2", company)
  if (!missing.includes("npm install @tributary/demo")) fail(`tributary demo:\n${missing}`)
  const elsewhere = join(home, "elsewhere")
  mkdirSync(elsewhere)
  const played = await run("npx -y @tributary/demo --customers 60", elsewhere)
  if (!played.includes("Every sandbox holds what the database says")) fail(`npx @tributary/demo:\n${played}`)
  await run("npm install @tributary/demo && npx tributary demo --customers 60 --json", company)
  console.log("ok the demo, by npx and installed")

  // The operator's page begins in an empty folder too.
  const setUp = /^```sh\n([\s\S]*?)^```$/m.exec(readFileSync("docs/operate.md", "utf8"))?.[1] ?? fail("no set-up")
  await run(`set -e\n${setUp}`, home)
  console.log("ok docs/operate.md, set up")

  // Every way to start: what the scaffold writes compiles and keeps the laws outside this repository too.
  for (const [name, form, auth] of [["acme-crm", "both", "oauth"]]) {
    await run(`npm create --yes tributary-destination ${name} -- --form ${form} --auth ${auth}`, join(home, "empty"))
    const folder = join(home, "empty", `tributary-destination-${name}`)
    await run("npm install && npm test && npm run build", folder)
    console.log(`ok a destination with --form ${form} --auth ${auth}`)
  }
} finally {
  for (const { pid } of background) if (pid !== undefined) process.kill(-pid)
  registry.close()
  registry.closeAllConnections()
  rmSync(home, { recursive: true, force: true })
}
console.log("docs/write-a-destination.md holds, to the letter.")
