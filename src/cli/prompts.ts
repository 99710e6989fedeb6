/**
 * Questions on a terminal. Only called where one may ask; see `Context.interactive`.
 *
 * @module
 */

import { confirm as ask, isCancel, multiselect, password, select } from "@clack/prompts";
import { Interrupted } from "./interrupts.ts";

/** A row of a picker. */
export interface Row<T> {
  /** What is returned. */
  value: T;
  /** What is shown. */
  label: string;
  /** Shown beside the highlighted row. */
  hint?: string;
}

function unlessCancelled<T>(answer: T): Exclude<T, symbol> {
  if (isCancel(answer)) throw new Interrupted();
  return answer as Exclude<T, symbol>;
}

/** Yes or no. */
export async function confirm(message: string): Promise<boolean> {
  return unlessCancelled(await ask({ message }));
}

/** One of several rows. */
export async function pick<T extends string>(
  message: string,
  rows: readonly Row<T>[],
  initial?: T,
): Promise<T> {
  // deno-lint-ignore no-explicit-any -- the library's option type does not distribute over a type parameter
  const options = rows as any;
  return unlessCancelled(
    await select<T>({
      message,
      options,
      ...(initial === undefined ? {} : { initialValue: initial }),
    }),
  );
}

/** Any number of several rows, switched with the space bar. */
export async function pickMany<T extends string>(
  message: string,
  rows: readonly Row<T>[],
  initial: readonly T[],
): Promise<T[]> {
  // deno-lint-ignore no-explicit-any -- as above
  const options = rows as any;
  return unlessCancelled(
    await multiselect<T>({ message, options, initialValues: [...initial], required: false }),
  );
}

/** A secret, not echoed. */
export async function askSecret(message: string): Promise<string> {
  return unlessCancelled(await password({ message }));
}
