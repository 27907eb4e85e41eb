/**
 * Keys: by what a vendor matches an identifier.
 *
 * A vendor normalises, folds case or hashes before it matches, so two spellings may be one person to it. What the ledger
 * counts is the key: nobody is removed while another current spelling has theirs, and a change of spelling that the
 * vendor cannot see sends nothing (R43).
 *
 * @since 0.1.0
 */

/**
 * What a vendor matches an identifier by, or why it cannot take it.
 *
 * **Details**
 *
 * The key is a spelling that the vendor takes as well, and its own key: `key(key(x)) = key(x)`. A removal may be sent
 * with it.
 *
 * @category models
 * @since 0.1.0
 */
export type Key = { readonly key: string } | { readonly reason: string }

/**
 * From a spelling to its key. Pure: the same spelling has the same key under the same settings.
 *
 * @category models
 * @since 0.1.0
 */
export type KeyOf<S = unknown> = (value: string, settings: S) => Key

/**
 * The keys of a plugin's identifier types. A type that is left out is matched as it is spelled.
 *
 * @category models
 * @since 0.1.0
 */
export type Keys<T extends string, S> = { readonly [K in T]?: KeyOf<S> }

/**
 * The same keys once the settings are known, by type.
 *
 * @category models
 * @since 0.1.0
 */
export interface BoundKeys {
  readonly [type: string]: (value: string) => Key
}

/**
 * The spelling without surrounding white space, in lower case: how most vendors match addresses.
 *
 * @example
 * ```ts
 * keys: { email: Key.lowerCase }
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const lowerCase: KeyOf = (value) => {
  const key = value.trim().toLowerCase()
  return key === "" ? { reason: "it is blank" } : { key }
}
