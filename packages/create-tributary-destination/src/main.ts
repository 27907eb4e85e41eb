#!/usr/bin/env node
/**
 * `npm create tributary-destination`.
 *
 * @since 0.1.0
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Console, Effect, Option } from "effect"
import { Argument, Command, Flag, Prompt } from "effect/cli"
import { type Auth, auths, type Form, forms, versions } from "./Choices.ts"
import { create, nextSteps } from "./create.ts"

const titles: { readonly [F in Form]: string } = {
  event: "Events: one call for each identifier (traits, audiences)",
  list: "Lists: batches of members that are added and removed (audiences)",
  both: "Both"
}

const signatures: { readonly [A in Auth]: string } = {
  bearer: "Authorization: Bearer <token>",
  header: "A key in a header of its own (x-api-key)",
  basic: "HTTP Basic: user name and password",
  oauth: "OAuth 2.0 with a refresh token",
  none: "None"
}

const choicesOf = <A extends string>(words: { readonly [K in A]: string }, values: ReadonlyArray<A>) =>
  values.map((value) => ({ title: words[value], value }))

const name = Argument.String("name").pipe(
  Argument.withDescription("The vendor, in lower-case letters, digits and hyphens: acme-crm"),
  Argument.withFallbackPrompt(Prompt.String({ message: "The vendor's name (lower-case letters, digits, hyphens)" }))
)
const form = Flag.Literals("form", forms).pipe(
  Flag.withDescription("What it receives: event, list or both"),
  Flag.withFallbackPrompt(Prompt.Select({ message: "What does it receive?", choices: choicesOf(titles, forms) }))
)
const auth = Flag.Literals("auth", auths).pipe(
  Flag.withDescription("How requests are signed: bearer, header, basic, oauth or none"),
  Flag.withFallbackPrompt(Prompt.Select({ message: "How are requests signed?", choices: choicesOf(signatures, auths) }))
)
const packageName = Flag.String("package").pipe(
  Flag.optional,
  Flag.withDescription("The package's name. Default: tributary-destination-<name>")
)
const folder = Flag.String("folder").pipe(
  Flag.optional,
  Flag.withDescription("Where to write. Default: a folder named as the package, here")
)

let code = 0

const command = Command.make(
  "create-tributary-destination",
  { name, form, auth, package: packageName, folder },
  (flags) =>
    create({
      name: flags.name,
      form: flags.form,
      auth: flags.auth,
      packageName: Option.getOrElse(flags.package, () => `tributary-destination-${flags.name}`),
      folder: Option.getOrUndefined(flags.folder)
    }).pipe(
      Effect.flatMap((created) => Console.log(nextSteps(created))),
      Effect.catchTag("CannotCreate", (error) => {
        code = 2
        return Console.error(error.message)
      })
    )
).pipe(
  Command.withDescription("Start a destination plugin for Tributary. What is not said by a flag is asked"),
  Command.withExamples([
    { command: "npm create tributary-destination", description: "Ask" },
    { command: "npm create tributary-destination acme-crm -- --form event --auth bearer", description: "Ask nothing" }
  ])
)

Command.run(command, { version: versions.tributary }).pipe(
  Effect.catchCause(() =>
    Effect.sync(() => {
      code = 2 // the command line has said why
    })
  ),
  Effect.provide(NodeServices.layer),
  (program) =>
    NodeRuntime.runMain(program, {
      disableErrorReporting: true,
      teardown: (exit, onExit) => onExit(exit._tag === "Success" ? code : 130)
    })
)
