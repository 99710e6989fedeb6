/**
 * How a gateway reaches its books, which are an object: `usage_object.ts`.
 *
 * @module
 */

import { GrantwayError } from "../../core/errors.ts";
import { isJsonObject } from "../../core/http.ts";
import { bounded } from "./bounded.ts";
import { toWireError, type WireError } from "./credential_call.ts";
import type { ObjectNamespace } from "./durable_object.ts";

/** Books: rows in, rows out. */
export interface Books<Row, Query> {
  /** Adds `rows` to what is there. */
  add(rows: readonly Row[]): Promise<void>;
  /** The rows that a query asks for. */
  read(query: Query): Promise<Row[]>;
}

const LEDGER = "ledger";
const CALL_TIMEOUT_MS = 10_000;

/** How a gateway reaches its books. */
export interface RemoteBooksOptions {
  /** The objects; undefined where the deployment has no binding for them. */
  objects: ObjectNamespace | undefined;
  /** Waits. */
  sleep: (ms: number, signal?: AbortSignal) => Promise<void>;
}

/** The books of the object, for an isolate. Both methods reject where there is no binding. */
export function createRemoteBooks<Row, Query>(
  { objects, sleep }: RemoteBooksOptions,
): Books<Row, Query> {
  async function call(method: "add" | "read", body: unknown): Promise<Row[]> {
    if (objects === undefined) {
      throw new GrantwayError("invalid_configuration", "This deployment keeps no books of usage", {
        hint: "Add the binding USAGE of class UsageObject and its migration to wrangler.toml",
      });
    }
    const stub = objects.get(objects.idFromName(LEDGER));
    const init = { method: "POST", body: JSON.stringify(body) };
    const answering = stub.fetch(`https://object/${method}`, init)
      .then((response): Promise<unknown> => response.json());
    const answer = await bounded(answering, CALL_TIMEOUT_MS, "reach the books of usage", sleep);
    if (isJsonObject(answer) && Array.isArray(answer["rows"])) return answer["rows"] as Row[];
    const { code, message, ...details } = isJsonObject(answer) && isJsonObject(answer["error"])
      ? answer["error"] as unknown as WireError
      : toWireError(undefined);
    throw new GrantwayError(code, message, details);
  }

  return {
    add: async (rows: readonly Row[]): Promise<void> => void await call("add", rows),
    read: (query: Query): Promise<Row[]> => call("read", query),
  };
}
