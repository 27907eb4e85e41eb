#!/usr/bin/env node
/**
 * The `tributary` command.
 *
 * What each command needs is loaded when it runs, and of Effect only what is used here, so that `--help` answers at once.
 *
 * @since 0.1.0
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import type { Verb } from "./cli/operate.ts"
import { codeOf, type ExitCode, exitCode, type Run } from "./cli/Exit.ts"
import { growSlowly } from "./cli/Heap.ts"
import { version } from "./version.ts"

growSlowly()

const config = Flag.String("config").pipe(
  Flag.withAlias("c"),
  Flag.withDefault("tributary.config.ts"),
  Flag.withDescription("The configuration")
)
const store = Flag.String("store").pipe(
  Flag.optional,
  Flag.withDescription(
    "Folder of the embedded store, whatever DATABASE_URL says. Default: .tributary beside the config"
  )
)
const json = Flag.Boolean("json").pipe(Flag.withDefault(false), Flag.withDescription("Print JSON, for scripts"))
const session = { config, store, json }

const activation = Argument.String("activation").pipe(
  Argument.withDescription(`An activation, as "tributary status" names it: braze/big_spenders`)
)

let code: ExitCode = exitCode.done

/** What a process that was told to stop ends with: for `start` that is how it ends, for others it is cut short. */
let stoppedCode = 130

const inWords = (defect: unknown): string => {
  const message = defect instanceof Error ? defect.message : String(defect)
  const trace = process.env["TRIBUTARY_DEBUG"] === "1" && defect instanceof Error ? `\n${defect.stack ?? ""}` : ""
  return (
    `This is a bug in tributary, not in what you did: ${message}\n` +
    `Set TRIBUTARY_DEBUG=1 for its trace, and report it.${trace}`
  )
}

/** Ends the process with the command's code; a failure is one message on standard error, and never a stack trace. */
const conclude = (run: Run) =>
  run.pipe(
    Effect.catch((failure) => Effect.as(Console.error(failure.message), codeOf(failure))),
    Effect.catchDefect((defect) => Effect.as(Console.error(inWords(defect)), exitCode.failed)),
    Effect.map((ended) => {
      code = ended
    })
  )

const lazily = <Module>(load: () => Promise<Module>, run: (module: Module) => Run) =>
  conclude(Effect.flatMap(Effect.promise(load), run))

const init = Command.make(
  "init",
  {
    folder: Argument.String("folder").pipe(
      Argument.withDefault("."),
      Argument.withDescription("Where to write. Default: the current folder")
    )
  },
  (flags) =>
    lazily(
      () => import("./cli/init.ts"),
      ({ init }) => init(flags)
    )
).pipe(
  Command.withDescription("Write a commented configuration and an example that runs against a sandbox"),
  Command.withExamples([{ command: "tributary init my-company", description: "Start in a folder of its own" }])
)

const check = Command.make("check", session, (flags) =>
  lazily(
    () => import("./cli/check.ts"),
    ({ check }) => check(flags)
  )
).pipe(
  Command.withDescription(
    "Check configuration, settings and queries: every mistake, with its place. Sends and writes nothing"
  ),
  Command.withExamples([{ command: "tributary check", description: "Exit code 2 where there is a mistake" }])
)

const sync = Command.make(
  "sync",
  {
    ...session,
    activations: Argument.String("activation").pipe(
      Argument.variadic(),
      Argument.withDescription("Only these; all where none is named")
    ),
    full: Flag.Boolean("full").pipe(
      Flag.withDefault(false),
      Flag.withDescription("Read everything, also where a source says what changed")
    )
  },
  (flags) =>
    lazily(
      () => import("./cli/sync.ts"),
      ({ sync }) => sync(flags)
    )
).pipe(
  Command.withDescription(
    "Evaluate and deliver once. Exit code: 0 all told, 1 something failed, 3 something waits (held, postponed)"
  ),
  Command.withExamples([
    { command: "tributary sync", description: "Everything" },
    { command: "tributary sync braze/big_spenders --json", description: "One activation, for a script" }
  ])
)

const start = Command.make("start", session, (flags) =>
  lazily(
    () => import("./cli/start.ts"),
    ({ start }) => start(flags)
  ).pipe(
    Effect.onInterrupt(() =>
      Effect.sync(() => {
        stoppedCode = exitCode.done
      })
    )
  )
).pipe(
  Command.withDescription(
    "Run for good: evaluate by schedule, tell events at once and lists when due. SIGTERM stops it in peace"
  ),
  Command.withExamples([{ command: "tributary start --json", description: "With a log in JSON lines" }])
)

const preview = Command.make(
  "preview",
  {
    ...session,
    activation,
    sample: Flag.Int("sample").pipe(
      Flag.withDefault(3),
      Flag.withDescription("Items of each kind to show the requests of")
    )
  },
  (flags) =>
    lazily(
      () => import("./cli/preview.ts"),
      ({ preview }) => preview(flags)
    )
).pipe(
  Command.withDescription("What a sync would do, with the exact requests of a sample. Sends and writes nothing"),
  Command.withExamples([
    { command: "tributary preview braze/big_spenders --sample 1", description: "With one request" }
  ])
)

const status = Command.make("status", session, (flags) =>
  lazily(
    () => import("./cli/status.ts"),
    ({ status }) => status(flags)
  )
).pipe(
  Command.withDescription("How every activation stands: told, dirty, rejected, held; last and next sync"),
  Command.withExamples([{ command: "tributary status", description: "A table" }])
)

const operation = (verb: Verb, description: string) =>
  Command.make(verb, { ...session, activation }, (flags) =>
    lazily(
      () => import("./cli/operate.ts"),
      ({ operate }) => operate(verb, flags)
    )
  ).pipe(
    Command.withDescription(description),
    Command.withExamples([{ command: `tributary ${verb} braze/big_spenders`, description: "For one activation" }])
  )

const rejections = Command.make(
  "rejections",
  {
    ...session,
    activation: activation.pipe(Argument.optional),
    limit: Flag.Int("limit").pipe(Flag.withDefault(50), Flag.withDescription("How many, newest first")),
    unmasked: Flag.Boolean("unmasked").pipe(Flag.withDefault(false), Flag.withDescription("Show identifiers in full"))
  },
  (flags) =>
    lazily(
      () => import("./cli/operate.ts"),
      ({ rejections }) => rejections(flags)
    )
).pipe(
  Command.withDescription("What was rejected, and why"),
  Command.withExamples([
    { command: "tributary rejections braze/big_spenders --limit 10", description: "The newest ten" }
  ])
)

const retry = Command.make(
  "retry",
  {
    ...session,
    activation: activation.pipe(Argument.optional),
    profile: Argument.String("profile").pipe(Argument.optional, Argument.withDescription("Only this profile")),
    all: Flag.Boolean("all").pipe(Flag.withDefault(false), Flag.withDescription("Of all activations"))
  },
  (flags) =>
    lazily(
      () => import("./cli/operate.ts"),
      ({ retry }) => retry(flags)
    )
).pipe(
  Command.withDescription("Try what was rejected again, with the next sync"),
  Command.withExamples([
    { command: "tributary retry braze/big_spenders c2", description: "One profile" },
    { command: "tributary retry --all", description: "Everything" }
  ])
)

const history = Command.make(
  "history",
  {
    ...session,
    activation: activation.pipe(Argument.optional),
    limit: Flag.Int("limit").pipe(Flag.withDefault(20), Flag.withDescription("How many syncs, newest first"))
  },
  (flags) =>
    lazily(
      () => import("./cli/history.ts"),
      ({ history }) => history(flags)
    )
).pipe(
  Command.withDescription("Past syncs: when, why, what was told, and what went wrong first"),
  Command.withExamples([{ command: "tributary history braze/big_spenders", description: "Of one activation" }])
)

const sandbox = Command.make(
  "sandbox",
  {
    plugin: Argument.String("plugin").pipe(
      Argument.withDescription("braze, adwords, zendesk, or the name of a package with a sandbox")
    ),
    port: Flag.Int("port").pipe(Flag.withDefault(0), Flag.withDescription("Default: one that is free")),
    json
  },
  (flags) =>
    lazily(
      () => import("./cli/sandbox.ts"),
      ({ sandbox }) => sandbox(flags)
    )
).pipe(
  Command.withDescription("Run a plugin's fake vendor, which keeps the vendor's documented rules"),
  Command.withExamples([{ command: "tributary sandbox braze --port 4010", description: "A Braze on this machine" }])
)

const plugins = Command.make(
  "plugins",
  {
    plugin: Argument.String("plugin").pipe(
      Argument.optional,
      Argument.withDescription("A package, or a plugin's name: show its settings, identifiers, limits and an example")
    ),
    json
  },
  (flags) =>
    lazily(
      () => import("./cli/plugins.ts"),
      ({ plugins }) => plugins(flags)
    )
).pipe(
  Command.withDescription("Destination plugins that are installed here, with their contract, calls and limits"),
  Command.withExamples([
    { command: "tributary plugins", description: "A table" },
    { command: "tributary plugins braze", description: "One plugin's reference page" }
  ])
)

const demo = Command.make(
  "demo",
  {
    seed: Flag.Int("seed").pipe(Flag.withDefault(1), Flag.withDescription("The same seed makes the same shop")),
    customers: Flag.Int("customers").pipe(Flag.withDefault(4000), Flag.withDescription("How many customers it has")),
    keep: Flag.Boolean("keep").pipe(Flag.withDefault(false), Flag.withDescription("Keep the store, to look at it")),
    json
  },
  (flags) =>
    lazily(
      () => import("./cli/demo.ts"),
      ({ demo }) => demo(flags)
    )
).pipe(
  Command.withDescription(
    "A generated shop, two syncs and three fake vendors on this machine: the whole way, in under a minute"
  ),
  Command.withExamples([{ command: "tributary demo --seed 7", description: "Another shop" }])
)

const root = Command.make("tributary").pipe(
  Command.withDescription("Keeps marketing tools in step with what is known of people and accounts"),
  Command.withSubcommands([
    demo,
    init,
    check,
    preview,
    sync,
    start,
    status,
    rejections,
    retry,
    operation("pause", "Tell nothing more of an activation, until resume. Changes are kept"),
    operation("resume", "Undo pause and empty; let a stopped destination try again"),
    operation("approve", "Let a held sync go ahead, whatever it removes"),
    operation("resync", "Tell everybody again with the next sync"),
    operation("baseline", "Take everything as told with the next sync, and send nothing"),
    operation("empty", "Have everybody leave with the next sync, and nobody come back until resume"),
    operation("delete-list", "Delete the list downstream with the next sync, and make none until resume"),
    history,
    plugins,
    sandbox
  ])
)

// A reader that has seen enough (`| head`) is no failure.
process.stdout.on("error", (error) => {
  if ("code" in error && error.code === "EPIPE") process.exit(exitCode.done)
  throw error
})

Command.run(root, { version }).pipe(
  Effect.catchCause(() =>
    Effect.sync(() => {
      code = exitCode.wrong // the command line has said why
    })
  ),
  Effect.provide(NodeServices.layer),
  (program) =>
    NodeRuntime.runMain(program, {
      disableErrorReporting: true,
      teardown: (exit, onExit) => onExit(exit._tag === "Success" ? code : stoppedCode)
    })
)
