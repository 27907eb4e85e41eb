/**
 * Flags and arguments that several commands have.
 *
 * @since 0.1.0
 */
import * as Argument from "effect/cli/Argument"
import * as Flag from "effect/cli/Flag"

/**
 * Prints JSON in place of text.
 *
 * @category constructors
 * @since 0.1.0
 */
export const json = Flag.Boolean("json").pipe(Flag.withDefault(false), Flag.withDescription("Print JSON, for scripts"))

/**
 * The flags of every command that works on a configuration and its store.
 *
 * @category constructors
 * @since 0.1.0
 */
export const session = {
  config: Flag.String("config").pipe(
    Flag.withAlias("c"),
    Flag.withDefault("tributary.config.ts"),
    Flag.withDescription("The configuration")
  ),
  store: Flag.String("store").pipe(
    Flag.optional,
    Flag.withDescription(
      "Folder of the embedded store, whatever DATABASE_URL says. Default: .tributary beside the config"
    )
  ),
  json
}

/**
 * One activation.
 *
 * @category constructors
 * @since 0.1.0
 */
export const activation = Argument.String("activation").pipe(
  Argument.withDescription(`An activation, as "tributary status" names it: braze/big_spenders`)
)
