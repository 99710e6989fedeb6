/**
 * Every way in which the sandbox can depart from the well-behaved server, by name.
 *
 * The defaults are the server as it was seen last. Each other value was seen in the field, or is a
 * fault that a client must survive.
 *
 * @module
 */

import { choice, choiceOf, COUNT, flag, type Specs, text } from "./quirk_spec.ts";
import { type SandboxXaiQuirks, XAI_SPECS } from "./xai/quirks.ts";

/** What a failing request is answered with. */
export type SandboxFailure =
  /** HTTP 500 with a JSON error. */
  | "status_500"
  /** HTTP 502 with an HTML page, as an edge gives it. */
  | "html_502"
  /** HTTP 403 with an edge's challenge page and `cf-mitigated: challenge`. */
  | "challenge_403"
  /** The same with HTTP 503. */
  | "challenge_503"
  /** HTTP 520 with an HTML page, as Cloudflare gives it for an origin that fails. */
  | "html_520"
  /** HTTP 503 without a body. */
  | "status_503"
  /** HTTP 429 with `retry-after: 1`. */
  | "status_429"
  /** HTTP 408 without a body. */
  | "status_408"
  /** HTTP 403 with a JSON body that holds no OAuth error. */
  | "status_403"
  /** HTTP 400 without a body. */
  | "status_400"
  /** HTTP 401 with a JSON body that holds no OAuth error. */
  | "status_401"
  /** HTTP 400 `invalid_grant`, whatever the books say. */
  | "invalid_grant"
  /** HTTP 401 `invalid_client`. */
  | "invalid_client"
  /** HTTP 400 `temporarily_unavailable`. */
  | "temporarily_unavailable"
  /** HTTP 400 with `error` as an object that says `invalid_grant`. */
  | "nested_error"
  /** HTTP 200 with a JSON object that holds nothing asked for. */
  | "empty_object"
  /** HTTP 200 with a JSON array. */
  | "json_array"
  /** HTTP 200 without a body. */
  | "empty"
  /** HTTP 200 with an HTML page, as a captive portal gives it. */
  | "html"
  /** HTTP 200 with plain text. */
  | "not_json"
  /** HTTP 200 with JSON that breaks off. */
  | "truncated_json"
  /** HTTP 200 with 2 MiB of JSON. */
  | "oversized"
  /** HTTP 500 with 2 MiB of text. */
  | "oversized_500"
  /** `fetch` rejects with a `TypeError`; behind a socket the body breaks off. */
  | "connection_lost"
  /** No answer until the caller aborts. */
  | "never";

/**
 * Kinds of request that a fault can be limited to; `code` asks for a user code, `exchange` redeems an
 * authorization code, `messages` is all of inference, `media` all requests for speech and pictures,
 * `catalog` the list of models at models.dev.
 */
export type SandboxOperation =
  | "any"
  | "discovery"
  | "code"
  | "poll"
  | "exchange"
  | "refresh"
  | "revoke"
  | "messages"
  | "media"
  | "catalog";

/** What models.dev lists. */
export type SandboxCatalog =
  /** The models of July 2026. */
  | "good"
  /** And one that came out later, `grok-4.6`. */
  | "newer"
  /** Rows among them that are not what they should be. */
  | "strange_rows"
  /** Nothing of xAI's. */
  | "missing_vendor"
  /** 24 MiB. */
  | "huge";

/** How an absolute or relative expiry is written as `expired_in`. */
export type SandboxExpiryForm =
  /** Unix time, milliseconds. */
  | "absolute_ms"
  /** Unix time, seconds. */
  | "absolute_s"
  /** Lifetime, seconds. */
  | "ttl_s"
  /** Unix time in milliseconds as a JSON string. */
  | "string"
  /** Left out. */
  | "missing"
  /** `null`. */
  | "null"
  /** Unix time, milliseconds, an hour ago. */
  | "past";

/** The switches of the sandbox; see {@linkcode DEFAULT_QUIRKS} for what it does without any. */
export interface SandboxQuirks extends SandboxXaiQuirks {
  // Any request.

  /** The next so many requests of `failOn` are answered by `failWith`, unprocessed. Counts down. */
  failNext: number;
  /** What they are answered with. */
  failWith: SandboxFailure;
  /** Which requests fail. */
  failOn: SandboxOperation;
  /** The next so many requests of `loseOn` are processed, then answered by `loseWith`. Counts down. */
  loseNext: number;
  /** What they are answered with. */
  loseWith: SandboxFailure;
  /** Whose answers are lost. */
  loseOn: SandboxOperation;
  /** Every vendor answer waits so long, ms. */
  delayMs: number;
  /** How far the server's clock (and `date` header) is ahead of `now`, ms; may be negative. */
  clockOffsetMs: number;
  /** What models.dev lists. */
  catalog: SandboxCatalog;

  // MiniMax: where the OAuth endpoints are.

  /** `/oauth/…` on the API host: redirect to the account host, answer there, or be gone. */
  legacyPaths: "redirect" | "serve" | "not_found" | "method_not_allowed";
  /** `/oauth2/…` on the account host. */
  accountPaths: "serve" | "not_found" | "method_not_allowed";
  /** Status of that redirect. */
  redirectStatus: 301 | 302 | 303 | 307 | 308;
  /** Host the redirect names; empty: the account host. The API host itself makes a loop. */
  redirectHost: string;
  /** Paths on which the client id is unknown (`invalid_client`). */
  unknownClientOn: "none" | "account" | "legacy" | "both";

  // The answer with the user code.

  /** `state`: as sent, left out, or another. */
  stateEcho: "echo" | "missing" | "other";
  /** `expired_in` of the user code. */
  codeExpiredIn: SandboxExpiryForm;
  /** `interval`, ms or at xAI s: as it is, left out, or a value no client should use. */
  interval: "sent" | "missing" | "string" | "zero" | "negative" | "huge" | "null";
  /** Host of `verification_uri`. `www` leads to the marketing page; `foreign` is not the vendor's. */
  verificationHost: "platform" | "www" | "foreign";

  // Polling.

  /** The next so many polls answer HTTP 400 `slow_down`. Counts down. */
  slowDownNext: number;
  /** MiniMax: a poll sooner than the interval answers HTTP 400 `slow_down`. */
  slowDownEarly: boolean;
  /**
   * How "not yet", "denied" and "expired" are said: HTTP 200 with `status` and an `error` code,
   * with `status` alone, or the HTTP 400 errors of RFC 8628.
   */
  pollAnswers: "status" | "status_only" | "rfc8628";

  // The token set.

  /** `expired_in` of the access token. */
  tokenExpiredIn: SandboxExpiryForm;
  /** `status` of a token set: present, left out, or one no client knows. */
  tokenStatus: "success" | "missing" | "unknown";
  /** `token_type`. */
  tokenType: "Bearer" | "bearer" | "missing" | "mac";
  /** Leaves a field out of the token set of a login. */
  tokenMissing: "none" | "access_token" | "refresh_token";
  /** `resource_url`: this region's API, left out, the other region's, another host, or plain http. */
  resourceUrl: "region" | "missing" | "other_region" | "foreign" | "http";
  /** `notification_message` of a login; empty: left out. */
  notificationMessage: string;

  // Refresh.

  /** A refresh gives a new refresh token, leaves it out, or repeats it. The last two spend nothing. */
  rotation: "rotate" | "omit" | "repeat";
  /** What presenting a spent refresh token does: revoke its whole family, or only refuse. */
  reuse: "revoke_family" | "refuse";
  /** For so long after its first use a spent refresh token is honoured once more, ms. */
  reuseGraceMs: number;
  /** Whether a rotation ends the access tokens issued before. */
  rotationEndsAccess: boolean;
  /** Whether a login ends the account's earlier grants to the same client. */
  singleGrant: boolean;
  /** Code for a dead refresh token; `by_cause`: `refresh_token_reused`, else `invalid_grant`. */
  deadError: "by_cause" | "invalid_grant" | "refresh_token_reused" | "invalid_refresh_token";
  /** HTTP 400 with RFC 6749 JSON, HTTP 200 with `status: error`, or HTTP 200 with `base_resp`. */
  deadShape: "rfc6749" | "status" | "base_resp";

  // Inference.

  /** M2.x puts a short thinking block before every answer. */
  alwaysThinks: boolean;
  /** Errors come as HTTP status and Anthropic body, or as HTTP 200 with `base_resp` alone. */
  inferenceErrors: "http" | "base_resp";
  /** A tool without `type: "custom"` is refused. */
  toolTypeRequired: boolean;
  /** A signed thinking block that the sandbox did not sign is refused. */
  checkSignatures: boolean;
  /** `base_resp` on messages. */
  baseResp: boolean;
  /** Usage in `message_delta`: all of it, `output_tokens` only, or none. */
  deltaUsage: "full" | "output_only" | "missing";
  /** A `ping` after `message_start`. */
  pings: boolean;
  /** An event and a delta of a type that no client knows. */
  unknownEvents: boolean;
  /** Spaces after the JSON of each `data` line. */
  dataPadding: number;
  /** Line ends of the stream. */
  lineEnd: "lf" | "crlf" | "cr";
  /** Bytes per chunk; 0: one chunk per frame. 1 splits every multi-byte character. */
  chunkBytes: number;
  /** Wait before each frame, ms. */
  chunkDelayMs: number;
  /** `stream: true` is ignored: the answer is one JSON body. */
  ignoreStream: boolean;
}

const FAILURES = [
  "status_500",
  "html_502",
  "challenge_403",
  "challenge_503",
  "html_520",
  "status_503",
  "status_429",
  "status_408",
  "status_403",
  "status_400",
  "status_401",
  "invalid_grant",
  "invalid_client",
  "temporarily_unavailable",
  "nested_error",
  "empty_object",
  "json_array",
  "empty",
  "html",
  "not_json",
  "truncated_json",
  "oversized",
  "oversized_500",
  "connection_lost",
  "never",
] as const satisfies SandboxFailure[];
const OPERATIONS = [
  "any",
  "discovery",
  "code",
  "poll",
  "exchange",
  "refresh",
  "revoke",
  "messages",
  "media",
  "catalog",
] as const satisfies SandboxOperation[];
const EXPIRY_FORMS = [
  "absolute_ms",
  "absolute_s",
  "ttl_s",
  "string",
  "missing",
  "null",
  "past",
] as const satisfies SandboxExpiryForm[];

const SPECS: Specs<SandboxQuirks> = {
  ...XAI_SPECS,
  failNext: COUNT,
  failWith: choiceOf("status_503", ...FAILURES),
  failOn: choice(...OPERATIONS),
  loseNext: COUNT,
  loseWith: choiceOf("connection_lost", ...FAILURES),
  loseOn: choice(...OPERATIONS),
  delayMs: COUNT,
  clockOffsetMs: { initial: 0, accepts: Number.isSafeInteger },
  catalog: choice("good", "newer", "strange_rows", "missing_vendor", "huge"),
  legacyPaths: choice("redirect", "serve", "not_found", "method_not_allowed"),
  accountPaths: choice("serve", "not_found", "method_not_allowed"),
  redirectStatus: choiceOf(307, 301, 302, 303, 307, 308),
  redirectHost: text(),
  unknownClientOn: choice("none", "account", "legacy", "both"),
  stateEcho: choice("echo", "missing", "other"),
  codeExpiredIn: choice(...EXPIRY_FORMS),
  interval: choice("sent", "missing", "string", "zero", "negative", "huge", "null"),
  verificationHost: choice("platform", "www", "foreign"),
  slowDownNext: COUNT,
  slowDownEarly: flag(false),
  pollAnswers: choice("status", "status_only", "rfc8628"),
  tokenExpiredIn: choice(...EXPIRY_FORMS),
  tokenStatus: choice("success", "missing", "unknown"),
  tokenType: choice("Bearer", "bearer", "missing", "mac"),
  tokenMissing: choice("none", "access_token", "refresh_token"),
  resourceUrl: choice("region", "missing", "other_region", "foreign", "http"),
  notificationMessage: text(),
  rotation: choice("rotate", "omit", "repeat"),
  reuse: choice("revoke_family", "refuse"),
  reuseGraceMs: COUNT,
  rotationEndsAccess: flag(false),
  singleGrant: flag(false),
  deadError: choice("by_cause", "invalid_grant", "refresh_token_reused", "invalid_refresh_token"),
  deadShape: choice("rfc6749", "status", "base_resp"),
  alwaysThinks: flag(true),
  inferenceErrors: choice("http", "base_resp"),
  toolTypeRequired: flag(false),
  checkSignatures: flag(false),
  baseResp: flag(true),
  deltaUsage: choice("full", "output_only", "missing"),
  pings: flag(true),
  unknownEvents: flag(false),
  dataPadding: COUNT,
  lineEnd: choice("lf", "crlf", "cr"),
  chunkBytes: COUNT,
  chunkDelayMs: COUNT,
  ignoreStream: flag(false),
};

/** The well-behaved server. */
export const DEFAULT_QUIRKS: Readonly<SandboxQuirks> = Object.freeze(
  Object.fromEntries(
    Object.entries(SPECS).map(([name, spec]) => [name, spec.initial]),
  ) as unknown as SandboxQuirks,
);

/**
 * Sets the quirks named in `changes` on `quirks`, all or none.
 *
 * @throws {TypeError} For an unknown name, or a value that the quirk does not take.
 */
export function changeQuirks(quirks: SandboxQuirks, changes: Partial<SandboxQuirks>): void {
  for (const [name, value] of Object.entries(changes)) {
    const spec = Object.hasOwn(SPECS, name) ? SPECS[name as keyof SandboxQuirks] : undefined;
    if (spec === undefined) throw new TypeError(`Cannot set quirk ${name}: there is none so named`);
    if (!spec.accepts(value)) {
      throw new TypeError(
        `Cannot set quirk ${name}: ${JSON.stringify(value)} is not one of its values`,
      );
    }
  }
  Object.assign(quirks, changes);
}
