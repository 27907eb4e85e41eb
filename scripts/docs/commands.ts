// The page of commands, from --help.
import { spawnSync } from "node:child_process"

/** What every command has is shown once, on the first page. */
const withoutGlobals = (text: string): string => {
  const shared = text.indexOf("GLOBAL FLAGS")
  const examples = text.indexOf("EXAMPLES")
  return shared === -1 ? text : `${text.slice(0, shared)}${examples === -1 ? "" : text.slice(examples)}`.trimEnd()
}

export const commandsPage = (): string => {
  const run = spawnSync(process.execPath, ["--conditions=source", "scripts/docs/help.ts"], {
    encoding: "utf8",
    env: { ...process.env, NO_COLOR: "1", COLUMNS: "120" }
  })
  if (run.status !== 0 || run.stdout === "") throw new Error(`scripts/docs/help.ts failed: ${run.stderr}`)
  const helps = Object.entries<string>(JSON.parse(run.stdout)).map(
    ([name, text]) => [name, text.replaceAll(/^ +$/gm, "").trimEnd()] as const
  )
  return [
    "# Commands",
    ...helps.flatMap(([name, text]) =>
      name === "" ? ["", "```", text, "```"] : ["", `## tributary ${name}`, "", "```", withoutGlobals(text), "```"]
    ),
    ""
  ].join("\n")
}
