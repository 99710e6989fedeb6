/**
 * One request of a `node:http` server, answered by a handler that knows the web's `Request` and
 * `Response` only.
 *
 * @module
 */

import type { IncomingMessage, ServerResponse } from "node:http";
import process from "node:process";

/** Answers a request. */
export type Handler = (request: Request) => Response | Promise<Response>;

/** Of a body that nobody reads yet, the most that is kept; the rest waits in the socket. */
const MAX_WAITING_BYTES = 256 * 1024;
const MAX_HEADERS = 100;
const BODILESS_METHODS: readonly string[] = ["GET", "HEAD"];
/** A `Request` cannot have it. */
const FORBIDDEN_METHOD = "TRACE";

/** Hands a request to `handler`, and its answer to the client. Never rejects. */
export async function exchange(
  handler: Handler,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
): Promise<void> {
  // Behind another one of its connection; when its client leaves first, it is never begun.
  if (outgoing.socket === null) {
    await new Promise<void>((resolve) => outgoing.once("socket", () => resolve()));
  }
  const left = new AbortController();
  outgoing.once("close", () => {
    if (!outgoing.writableFinished) left.abort();
  });
  const body = new IncomingBody(incoming, left);
  try {
    const request = requestOf(incoming, body, left.signal);
    const response = typeof request === "number"
      ? new Response(null, { status: request, headers: { connection: "close" } })
      : await handler(request);
    await send(response, outgoing, left.signal);
  } catch {
    // An answer that broke off must not look complete.
    if (outgoing.headersSent) outgoing.destroy();
    else outgoing.writeHead(500).end();
  }
  // Where unread bytes stay, the next request of the connection is never seen.
  body.discard();
}

/** A request whose URL is as it was sent, and whose signal tells of its client only. */
class LocalRequest extends Request {
  readonly #url: string;
  readonly #left: AbortSignal;

  constructor(url: string, left: AbortSignal, init: RequestInit) {
    super("http://localhost/", init);
    this.#url = url;
    this.#left = left;
  }

  override get url(): string {
    return this.#url;
  }

  override get signal(): AbortSignal {
    return this.#left;
  }
}

/**
 * The request; the status of its refusal where it has too many headers, (RFC 9112 3.2) two hosts, or a
 * method that nobody answers.
 */
function requestOf(
  { method = "", url = "", rawHeaders }: IncomingMessage,
  body: IncomingBody,
  left: AbortSignal,
): Request | 400 | 405 | 431 {
  if (method === FORBIDDEN_METHOD) return 405;
  if (rawHeaders.length > 2 * MAX_HEADERS) return 431;
  const headers: [string, string][] = [];
  let host: string | undefined;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at]!, value = rawHeaders[at + 1]!;
    headers.push([name, value]);
    if (name.length !== 4 || name.toLowerCase() !== "host") continue;
    if (host !== undefined) return 400;
    host = value;
  }
  const origin = `http://${host ?? ""}`;
  // Another host than the header's may stand in the request line (RFC 9112 3.2.2); `*` is no path.
  const whole = url.startsWith("/") ? origin + url : url.includes("://") ? url : `${origin}/${url}`;
  return new LocalRequest(whole, left, {
    method,
    headers,
    body: BODILESS_METHODS.includes(method) ? null : body.stream,
  });
}

/** The body of a request, taken from its socket as it is read. */
class IncomingBody {
  readonly stream: ReadableStream<Uint8Array<ArrayBuffer>>;
  readonly #incoming: IncomingMessage;
  #isTaken = false;

  constructor(incoming: IncomingMessage, left: AbortController) {
    this.#incoming = incoming;
    this.stream = new ReadableStream({
      // At once: who begins to read when the client has left would wait for ever.
      start: (controller) => {
        incoming.once("close", () => {
          if (incoming.readableEnded) return;
          left.abort();
          controller.error(left.signal.reason);
        });
      },
      pull: (controller) => {
        if (this.#isTaken) return void incoming.resume();
        this.#isTaken = true;
        incoming.on("data", (chunk: Uint8Array<ArrayBuffer>) => {
          controller.enqueue(chunk);
          if (controller.desiredSize! < -MAX_WAITING_BYTES) incoming.pause();
        });
        incoming.once("end", () => controller.close());
      },
      cancel: () => this.discard(),
    }, { highWaterMark: 0, size: ({ length }) => length });
  }

  /** Takes what still comes, for nobody. */
  discard(): void {
    this.#incoming.removeAllListeners("data").removeAllListeners("end").resume();
  }
}

/** Resolves when the answer is on its way, or its client has left. */
async function send(
  { status, headers, body }: Response,
  outgoing: ServerResponse,
  left: AbortSignal,
): Promise<void> {
  const reader = body?.getReader();
  let goOn = () => {};
  const leave = () => {
    goOn();
    reader?.cancel(left.reason).catch(() => {});
  };
  if (left.aborted) return leave();
  left.addEventListener("abort", leave, { once: true });
  outgoing.writeHead(status, [...headers].flat());
  if (reader === undefined) return void outgoing.end();
  let hasBegun = false;
  // What is there at once travels in one packet with the head; else the head goes first.
  process.nextTick(() => hasBegun || outgoing.flushHeaders());
  outgoing.on("drain", () => goOn());
  for (;;) {
    const { done, value } = await reader.read();
    hasBegun = true;
    if (left.aborted) return;
    if (done) return void outgoing.end();
    if (!outgoing.write(value)) {
      await new Promise<void>((resolve) => goOn = resolve);
    }
  }
}
