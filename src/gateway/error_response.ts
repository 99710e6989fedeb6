/**
 * Error answers of the gateway itself, as JSON.
 *
 * @module
 */

import type { Handler, NotFoundHandler } from "hono";

/** Answers 404. The path is not repeated: it may hold what the caller mistook for a header. */
export const notFound: NotFoundHandler = (context) =>
  context.json({ error: { type: "not_found", message: "No such route" } }, 404, {
    "cache-control": "no-store",
  });

/** Answers 405 and names what is allowed, as RFC 9110 15.5.6 requires. */
export function methodNotAllowed(methods: readonly string[]): Handler {
  const allow = methods.join(", ");
  return (context) =>
    context.json(
      { error: { type: "method_not_allowed", message: `This route takes ${allow}` } },
      405,
      { allow, "cache-control": "no-store" },
    );
}
