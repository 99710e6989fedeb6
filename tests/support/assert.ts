/**
 * The functions of `@std/assert` that the tests use, over `node:assert/strict`, for networks
 * without JSR. One line of `tests/deno.json` swaps in the original.
 *
 * @module
 */

import nodeAssert from "node:assert/strict";

/** A failed assertion. */
export { AssertionError } from "node:assert";

/** Fails unless `value` is truthy. */
export function assert(value: unknown, message?: string): asserts value {
  nodeAssert.ok(value, message);
}

/** Fails unless both are deeply equal. */
export function assertEquals<T>(actual: T, expected: T, message?: string): void {
  nodeAssert.deepStrictEqual(actual, expected, message);
}

/** Fails if both are deeply equal. */
export function assertNotEquals<T>(actual: T, expected: T, message?: string): void {
  nodeAssert.notDeepStrictEqual(actual, expected, message);
}

/** Fails unless both are the same. */
export function assertStrictEquals<T>(actual: unknown, expected: T, message?: string): void {
  nodeAssert.strictEqual(actual, expected, message);
}

/** Fails unless `value` is neither null nor undefined. */
export function assertExists<T>(value: T, message?: string): asserts value is NonNullable<T> {
  nodeAssert.ok(value !== null && value !== undefined, message ?? "value is missing");
}

/** Fails unless `actual` contains `expected`. */
export function assertStringIncludes(actual: string, expected: string, message?: string): void {
  nodeAssert.ok(
    actual.includes(expected),
    message ?? `${JSON.stringify(actual)} does not include ${JSON.stringify(expected)}`,
  );
}

/** Fails unless `actual` matches. */
export function assertMatch(actual: string, expected: RegExp, message?: string): void {
  nodeAssert.match(actual, expected, message);
}

/** Fails if `actual` matches. */
export function assertNotMatch(actual: string, expected: RegExp, message?: string): void {
  nodeAssert.doesNotMatch(actual, expected, message);
}

// deno-lint-ignore no-explicit-any
type ErrorClass<E extends Error> = abstract new (...args: any[]) => E;

function checkError<E extends Error>(
  error: unknown,
  errorClass?: ErrorClass<E>,
  messageIncludes?: string,
): E {
  if (errorClass) {
    nodeAssert.ok(error instanceof errorClass, `expected ${errorClass.name}, got ${error}`);
  }
  if (messageIncludes !== undefined) {
    assertStringIncludes((error as Error).message, messageIncludes);
  }
  return error as E;
}

/** Fails unless `run` throws; returns what it threw. */
export function assertThrows<E extends Error = Error>(
  run: () => unknown,
  errorClass?: ErrorClass<E>,
  messageIncludes?: string,
): E {
  try {
    run();
  } catch (error) {
    return checkError(error, errorClass, messageIncludes);
  }
  return nodeAssert.fail("expected the function to throw");
}

/** Fails unless `run` rejects; returns what it rejected with. */
export async function assertRejects<E extends Error = Error>(
  run: () => PromiseLike<unknown>,
  errorClass?: ErrorClass<E>,
  messageIncludes?: string,
): Promise<E> {
  try {
    await run();
  } catch (error) {
    return checkError(error, errorClass, messageIncludes);
  }
  return nodeAssert.fail("expected the promise to reject");
}

/** Fails always. */
export function fail(message?: string): never {
  return nodeAssert.fail(message ?? "failed");
}
