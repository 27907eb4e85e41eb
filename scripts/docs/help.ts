// Prints, as JSON, the --help of every command: one process for all of them, as each would load Effect again.
//
// main.ts is imported once for each command line. The event loop is empty when a help has been printed, and then it is
// the next one's turn.
const main = new URL("../../packages/runtime/src/main.ts", import.meta.url)
const written: Array<string> = []
console.log = (...parts) => void written.push(parts.join(" "))
console.error = (...parts) => void written.push(parts.join(" "))
process.setMaxListeners(0)
process.stdout.setMaxListeners(0)

const helps: Record<string, string> = {}
const waiting: Array<string> = [""]
let current: string | undefined

process.on("beforeExit", () => {
  if (current !== undefined) {
    const text = written.splice(0).join("\n")
    helps[current] = text
    if (current === "") {
      for (const [, name = ""] of text.slice(text.indexOf("SUBCOMMANDS")).matchAll(/^ {2}([a-z-]+) {2,}/gm)) {
        waiting.push(name)
      }
    }
  }
  current = waiting.shift()
  if (current === undefined) {
    process.removeAllListeners("beforeExit")
    process.stdout.write(JSON.stringify(helps))
    return
  }
  process.argv = [process.execPath, "tributary", ...(current === "" ? [] : [current]), "--help"]
  void import(`${main.href}?${current}`)
})
