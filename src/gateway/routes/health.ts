/**
 * `GET /healthz`: the process runs and answers. It says nothing about credentials or providers, needs
 * no key and touches no store.
 *
 * @module
 */

import type { Handler } from "hono";

/** Answers `{ "status": "ok", "version": "…" }`. */
export function health(version: string): Handler {
  return (context) =>
    context.json({ status: "ok", version }, 200, {
      // A cached answer would say nothing about now.
      "cache-control": "no-store",
    });
}
