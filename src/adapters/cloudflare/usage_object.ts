/**
 * The books of a gateway in one Durable Object, so that they survive and every isolate adds to the same
 * ones. What the books are, the gateway knows: a program hands that in.
 *
 * @module
 */

import type { KvStore, Lease } from "../../credentials/kv_store.ts";
import { createMemoryStore } from "../../credentials/memory_store.ts";
import { toWireError } from "./credential_call.ts";
import type { ObjectState } from "./durable_object.ts";
import type { Books } from "./remote_books.ts";
import { createStorageStore } from "./storage_store.ts";

/** An object that keeps books. */
export interface UsageObject {
  /** Answers a call of a gateway. */
  fetch(request: Request): Promise<Response>;
}

/** Makes the class of the binding `USAGE`, whose books `open` opens over the object's storage. */
export function defineUsageObject<Row, Query>(
  open: (store: KvStore & Lease) => Books<Row, Query>,
): new (state: ObjectState) => UsageObject {
  return class {
    readonly #books: Books<Row, Query>;

    constructor({ storage }: ObjectState) {
      const { withLease } = createMemoryStore();
      this.#books = open({ ...createStorageStore(storage, () => Date.now()), withLease });
    }

    async fetch(request: Request): Promise<Response> {
      try {
        switch (new URL(request.url).pathname) {
          case "/add":
            await this.#books.add(await request.json());
            return Response.json({ rows: [] });
          case "/read":
            return Response.json({ rows: await this.#books.read(await request.json()) });
          default:
            return Response.json({ error: toWireError(undefined) });
        }
      } catch (error) {
        return Response.json({ error: toWireError(error) });
      }
    }
  };
}
