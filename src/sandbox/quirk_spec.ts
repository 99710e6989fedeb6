/**
 * What a quirk may be set to.
 *
 * @module
 */

/** The default of a quirk, and its other values. */
export interface Spec<T> {
  initial: T;
  accepts: (value: unknown) => boolean;
}

/** One spec for each quirk of `Q`. */
export type Specs<Q> = { [K in keyof Q]: Spec<Q[K]> };

/** One of some values; the first is the default. */
export function choice<const T extends string | number>(...values: [T, ...T[]]): Spec<T> {
  return { initial: values[0], accepts: (value) => values.some((v) => v === value) };
}

/** Like {@linkcode choice}, with a default that is not the first. */
export function choiceOf<const T extends string | number>(initial: T, ...values: T[]): Spec<T> {
  return { initial, accepts: (value) => values.some((v) => v === value) };
}

/** Yes or no. */
export function flag(initial: boolean): Spec<boolean> {
  return { initial, accepts: (value) => typeof value === "boolean" };
}

/** A whole number from 0; the default is 0. */
export const COUNT: Spec<number> = {
  initial: 0,
  accepts: (value) => Number.isSafeInteger(value) && (value as number) >= 0,
};

/** Any text. */
export function text(initial = ""): Spec<string> {
  return { initial, accepts: (value) => typeof value === "string" };
}
