/**
 * Members: what a list destination receives, one profile with all its accepted identifiers.
 *
 * @since 0.1.0
 */

/**
 * One profile in a list batch.
 *
 * **Details**
 *
 * In an `add`, `identifiers` holds everything that the vendor should match the profile by; in a `discard`, what it
 * received and should forget. There is at least one value.
 *
 * @category models
 * @since 0.1.0
 */
export interface Member<T extends string = string, P = unknown> {
  readonly identifiers: { readonly [K in T]?: ReadonlyArray<string> }
  /**
   * The properties that the plugin requires, filled in. In a `discard` those that the profile has now, where all of it
   * exits; none where only some of its identifiers do, or where it lacks one that is not optional.
   */
  readonly required: P
}
