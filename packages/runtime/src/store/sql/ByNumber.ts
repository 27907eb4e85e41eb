/**
 * What is known of each of some numbers: a map whose keys are given, in ascending order.
 *
 * A claim is read by several queries, each of which says something of thousands of profiles, mostly in their order. A
 * place in an array is found by looking at the next one, where a `Map` would be filled, and grown, for each query (`bench list`).
 *
 * @since 0.1.0
 */

/**
 * Values by number.
 *
 * @category models
 * @since 0.1.0
 */
export class ByNumber<A> {
  readonly #numbers: ReadonlyArray<number>
  readonly #values: Array<A | undefined>
  #last = -1

  /** Of these numbers, in ascending order, each once. */
  constructor(numbers: ReadonlyArray<number>) {
    this.#numbers = numbers
    this.#values = numbers.map((): A | undefined => undefined)
  }

  /** `undefined` where nothing was set, and of other numbers. */
  get(no: number): A | undefined {
    return this.#values[this.#placeOf(no)]
  }

  /** Nothing is kept of other numbers. */
  set(no: number, value: A): void {
    const place = this.#placeOf(no)
    if (place >= 0) this.#values[place] = value
  }

  #placeOf(no: number): number {
    if (this.#numbers[this.#last] === no) return this.#last
    if (this.#numbers[this.#last + 1] === no) return ++this.#last
    let low = 0
    let high = this.#numbers.length - 1
    while (low <= high) {
      const middle = (low + high) >> 1
      const found = this.#numbers[middle] ?? 0
      if (found === no) return (this.#last = middle)
      if (found < no) low = middle + 1
      else high = middle - 1
    }
    return -1
  }
}
