/**
 * One request on its way through the gateway, and what is known of it so far.
 *
 * @module
 */

import type { Dialect, Usage } from "../protocols/event.ts";
import type { AccessLog, AccessOutcome } from "./access_log.ts";
import type { ClientKey } from "./client_keys.ts";
import type { Hold } from "./middleware/held_bytes.ts";
import { rawPath } from "./middleware/path.ts";
import type { GatewaySettings } from "./settings.ts";
import type { UsageLedger } from "./usage.ts";

/** Who is told of the end of a request. */
export interface Books {
  /** Wall clock, ms since the epoch. */
  now: () => number;
  /** Takes a line per request. */
  log?: AccessLog | undefined;
  /** Counts what was sent to a provider. */
  usage?: UsageLedger | undefined;
}

const NO_USAGE: Usage = {
  inputTokens: 0,
  cacheReadTokens: 0,
  cacheWriteTokens: 0,
  outputTokens: 0,
};

/** One request. */
export class Visit {
  /** Its id. */
  readonly id: string = `req_${crypto.randomUUID().replaceAll("-", "")}`;
  /** The path as it was sent. */
  readonly path: string;
  /** The dialect that its errors are told in. */
  readonly dialect: Dialect;
  /** The settings that hold for it. */
  readonly settings: GatewaySettings;
  /** The route that it takes. */
  route = "unknown";
  /** Whose it is, once that is known. */
  key: ClientKey | undefined;
  /** Id of the provider. */
  provider: string | undefined;
  /** The provider's own name of the model. */
  model: string | undefined;
  /** Ids of the accounts that were tried. */
  readonly accounts: string[] = [];
  /** Gives back what the request holds of its key, and of the gateway's memory. */
  leave: () => void = () => {};
  /** What it holds of the gateway's memory, once it is let in. */
  hold: Hold | undefined;
  /** Whether the ledger counts it: it asks for an answer of a model. */
  isCounted = false;
  /** Whether its end comes after the answer was handed out, and is told by who writes it. */
  endsLater = false;
  readonly #books: Books;
  readonly #request: Request;
  readonly #startedAt: number;
  #answer: { status: number; at: number; error: string | undefined } | undefined;
  #end: { outcome: AccessOutcome; usage: Usage | undefined; at: number } | undefined;

  /** A request comes in. */
  constructor(request: Request, settings: GatewaySettings, books: Books) {
    this.#request = request;
    this.#books = books;
    this.#startedAt = books.now();
    this.settings = settings;
    this.path = rawPath(request.url);
    this.dialect = dialectOf(this.path, request.headers);
  }

  /** The answer begins; `error` is the code of the gateway's own refusal. */
  answers(status: number, error?: string): void {
    this.#answer = { status, at: this.#books.now(), error };
    this.#close();
  }

  /** The request is over, which may be known before its answer is handed out. */
  ends(outcome: AccessOutcome, usage?: Usage): void {
    if (this.#end !== undefined) return;
    this.#end = { outcome, usage, at: this.#books.now() };
    this.leave();
    this.#close();
  }

  #close(): void {
    if (this.#answer === undefined || this.#end === undefined) return;
    this.#record();
    this.#log();
  }

  #record(): void {
    const { key, provider, model, accounts } = this;
    const { outcome, usage = NO_USAGE, at } = this.#end!;
    const account = accounts.at(-1);
    if (!this.isCounted || outcome === "refused") return;
    if (!key || provider === undefined || model === undefined || account === undefined) return;
    const { inputTokens, cacheReadTokens, cacheWriteTokens, outputTokens } = usage;
    this.#books.usage?.record({
      at,
      keyId: key.id,
      provider,
      account,
      model,
      outcome,
      inputTokens,
      cacheReadTokens,
      cacheWriteTokens,
      outputTokens,
    });
  }

  #log(): void {
    const { id, key, provider, model, accounts, route } = this;
    const { status, at: answeredAt, error } = this.#answer!;
    const { outcome, usage, at } = this.#end!;
    this.#books.log?.({
      at: this.#startedAt,
      requestId: id,
      method: this.#request.method,
      route,
      status,
      outcome,
      durationMs: Math.max(at, answeredAt) - this.#startedAt,
      firstByteMs: answeredAt - this.#startedAt,
      key: key && { id: key.id, name: key.name },
      provider,
      account: accounts.at(-1),
      attempts: accounts.length > 1 ? accounts.length : undefined,
      model,
      usage,
      error,
    });
  }
}

/** By the path; where several dialects share one, by the header that only one of them sends. */
function dialectOf(path: string, headers: Headers): Dialect {
  if (path.startsWith("/v1/messages")) return "messages";
  if (path.startsWith("/v1/responses")) return "responses";
  if (path.startsWith("/v1/chat/")) return "chat";
  return headers.has("anthropic-version") ? "messages" : "chat";
}
