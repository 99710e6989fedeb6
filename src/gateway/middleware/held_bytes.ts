/**
 * How many bytes of bodies all requests may hold at once: a process, or an isolate, has a bounded
 * memory, and goes with everything in it when that is not enough.
 *
 * @module
 */

import { Refusal } from "../error_response.ts";

/** Where nothing is said: for a machine of one's own. */
export const DEFAULT_HELD_BYTES: number = 256 * 1024 * 1024;
/** A request that ends makes place; nobody knows when. */
const RETRY_MS = 2_000;

/** What one request holds. */
export interface Hold {
  /**
   * It holds so much more.
   *
   * @throws {Refusal} 503 where there is no room, unless nobody else holds anything.
   */
  grow(bytes: number): void;
  /** It is over, and holds nothing any more. */
  release(): void;
}

/** Creates a count; each call is for one request, which holds nothing yet. */
export function createHeldBytes(maxBytes: number): () => Hold {
  let held = 0;
  return () => {
    let own = 0, isOver = false;
    return {
      grow: (bytes: number): void => {
        // What a body still sends then, nobody would give back.
        if (isOver) throw new TypeError("Cannot hold more: the request is over");
        if (held > own && held + bytes > maxBytes) {
          throw new Refusal(
            503,
            "overloaded",
            "The gateway holds as many bytes of requests as its memory allows just now",
            // Unread bytes would be taken for the next request: the connection ends with this one.
            { retryAfterMs: RETRY_MS, headers: { connection: "close" } },
          );
        }
        held += bytes;
        own += bytes;
      },
      release: (): void => {
        held -= own;
        own = 0;
        isOver = true;
      },
    };
  };
}

/** A request whose body is counted: at once where its length is declared, else as it comes. */
export function counted(request: Request, limitBytes: number, hold: Hold): Request | Response {
  const { headers, body } = request;
  if (body === null) return request;
  const declared = headers.get("content-length");
  if (declared !== null && !headers.has("content-encoding")) {
    // A longer one is refused unread.
    if (Number(declared) <= limitBytes) hold.grow(Number(declared));
    return request;
  }
  const counter = new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>({
    transform: (chunk, controller) => {
      hold.grow(chunk.length);
      controller.enqueue(chunk);
    },
  });
  return new Response(body.pipeThrough(counter));
}
