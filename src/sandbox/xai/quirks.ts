/**
 * The ways in which xAI's part of the sandbox can depart from the well-behaved server. Faults,
 * rotation, polling and the form of streams are switches of every vendor and not repeated here.
 *
 * @module
 */

import { choice, flag, type Specs, text } from "../quirk_spec.ts";
import { MEDIA_SPECS, type SandboxMediaQuirks } from "./media/quirks.ts";

/** What the discovery document says. */
export type SandboxDiscovery =
  /** All endpoints, on x.ai hosts. */
  | "good"
  /** No `device_authorization_endpoint`. */
  | "no_device_endpoint"
  /** No `token_endpoint`. */
  | "no_token_endpoint"
  /** No `jwks_uri`. */
  | "no_jwks"
  /** `token_endpoint` is the retired one, which answers 403 with HTML. */
  | "retired_token_endpoint"
  /** An endpoint on a host that only begins like xAI's. */
  | "foreign_token_endpoint"
  | "foreign_authorization_endpoint"
  | "foreign_device_endpoint"
  /** An endpoint over plain http. */
  | "http_token_endpoint"
  /** Another `issuer`. */
  | "other_issuer";

/** What the id token is like. */
export type SandboxIdToken =
  /** Signed by the key of the JWKS, all claims right. */
  | "good"
  /** Left out, as for a Team principal. */
  | "missing"
  /** The signature does not fit. */
  | "bad_signature"
  /** Unsigned, `alg: none`. */
  | "alg_none"
  /** Signed by HMAC with the public key as the secret. */
  | "alg_hs256"
  /** Its `kid` is in no JWKS. */
  | "unknown_kid"
  /** Without `kid`. */
  | "no_kid"
  | "other_issuer"
  | "other_audience"
  | "other_nonce"
  | "no_nonce"
  /** Expired an hour ago. */
  | "expired"
  /** For another account than the grant. */
  | "other_subject"
  /** Not a JWT. */
  | "garbage";

/** The switches of xAI. */
export interface SandboxXaiQuirks extends SandboxMediaQuirks {
  // Discovery.

  /** What the discovery document says. */
  discovery: SandboxDiscovery;
  /**
   * `iss` of the authorization response, RFC 9207: neither announced nor sent, announced and sent,
   * announced but not sent, announced and wrong, or sent unannounced.
   */
  issParameter: "off" | "on" | "missing" | "wrong" | "unannounced";

  // Authorization code.

  /** A client that is not the vendor's own must say `plan=generic`. */
  planRequired: boolean;
  /** Ports of the redirect URI. */
  redirectPort: "any" | "56121";
  /**
   * How the code reaches the client: by redirect; by a cross-origin `fetch` of the consent page, which
   * shows the code where that fails; or as text on the page alone.
   */
  delivery: "redirect" | "fetch" | "code";
  /** `state` of the authorization response. */
  callbackState: "echo" | "missing" | "other";
  /** Whether the code exchange must repeat `code_challenge` and its method. */
  challengeEcho: "optional" | "required";
  /** Token requests answered by HTTP 403 JSON: the plan does not include the API. */
  tierGate: "none" | "exchange" | "refresh" | "both";
  /** Token and device requests without a `user-agent` are answered by the edge: 403, HTML. */
  userAgentRequired: boolean;

  // Device code.

  /** Whether the device endpoint is there. */
  deviceFlow: "serve" | "not_found";
  /** `verification_uri` and `_complete`: on accounts.x.ai, on a host outside x.ai, or plain http. */
  deviceHost: "accounts" | "foreign" | "http";
  /** `verification_uri_complete`: there, left out, or alone on a host outside x.ai. */
  verificationComplete: "sent" | "missing" | "foreign";
  /** `expires_in` of the device code. */
  deviceExpiresIn: "sent" | "missing" | "zero" | "string";
  /** `user_code`: as it is, or with a terminal escape in it. */
  userCodeForm: "plain" | "escapes";
  /** Code of a denial. */
  deniedError: "access_denied" | "authorization_denied";
  /** A poll sooner than the interval answers `slow_down`, and the interval grows by 5 s. */
  deviceSlowDown: boolean;

  // The token set.

  /** `expires_in` of the access token: seconds, or a value no client should take as it is. */
  expiresIn: "sent" | "missing" | "null" | "string" | "zero" | "negative" | "huge";
  /** The id token. */
  idToken: SandboxIdToken;
  /** A refresh answers with an id token too. */
  idTokenOnRefresh: boolean;
  /** Algorithm of access and id tokens. RS256 keys take a while to make. */
  signingAlg: "ES256" | "RS256";
  /** E-mail address of the account that logs in. */
  account: string;
  /** Kind of account. A Team has no id token. */
  principalType: "User" | "Team";

  // The end of a grant.

  /**
   * How a dead refresh token is refused: RFC 6749 with HTTP 400 or 401, `error` as an object, the
   * vendor's `code` and prose, or HTTP 400 without a body. Only the first two name `invalid_grant`
   * where RFC 6749 has it.
   */
  refreshRefusal: "rfc6749" | "rfc6749_401" | "nested" | "flat" | "empty";
  /** Whether there is a revocation endpoint. */
  revocation: "serve" | "absent";

  // Inference.

  /** How the API says that an access token is expired, revoked or unknown. */
  staleToken: "401" | "403_code" | "403_text" | "403_tag";
  /** Access tokens are refused by api.x.ai: plan without the API, or its spending limit. */
  entitlement: "api" | "none" | "spending_limit";
  /** Whether the command line proxy asks for the `conversations` scopes too. */
  proxyScopes: "cli" | "conversations";
  /** JSON Schema keywords like `pattern`, `format` and `minLength`. */
  schemaKeywords: "refuse" | "accept";
  /** Fields of a request that the API does not know. */
  unknownFields: "ignore" | "refuse";
  /** Vendor errors: `{code, error}`, or `{error: {…}}`. */
  xaiErrors: "flat" | "nested";
  /**
   * Reasoning in a stream: summary events, text events, or only the finished item. Whether it is
   * encrypted is for `include` to say.
   */
  reasoningEvents: "summary" | "text" | "item_only";
  /** Arguments of a function call: as deltas and at their end, only at their end, or only in the item. */
  argumentEvents: "delta" | "done_only" | "item_only";
  /** `output` of the final response: all items, none, or left out. */
  finalOutput: "full" | "empty" | "missing";
  /** `usage` of the final response: all of it, without its details, or left out. */
  finalUsage: "full" | "plain" | "missing";
  /** Type of the last event of a completed response. */
  finalEvent: "response.completed" | "response.done";
  /** Writes `data: [DONE]` at the end of a stream. */
  doneFrame: boolean;
  /** The `id` of an item is another in each of its events. */
  rotatingIds: boolean;
}

/** What each of them takes. */
export const XAI_SPECS: Specs<SandboxXaiQuirks> = {
  ...MEDIA_SPECS,
  discovery: choice(
    "good",
    "no_device_endpoint",
    "no_token_endpoint",
    "no_jwks",
    "retired_token_endpoint",
    "foreign_token_endpoint",
    "foreign_authorization_endpoint",
    "foreign_device_endpoint",
    "http_token_endpoint",
    "other_issuer",
  ),
  issParameter: choice("off", "on", "missing", "wrong", "unannounced"),
  planRequired: flag(true),
  redirectPort: choice("any", "56121"),
  delivery: choice("redirect", "fetch", "code"),
  callbackState: choice("echo", "missing", "other"),
  challengeEcho: choice("optional", "required"),
  tierGate: choice("none", "exchange", "refresh", "both"),
  userAgentRequired: flag(false),
  deviceFlow: choice("serve", "not_found"),
  deviceHost: choice("accounts", "foreign", "http"),
  verificationComplete: choice("sent", "missing", "foreign"),
  deviceExpiresIn: choice("sent", "missing", "zero", "string"),
  userCodeForm: choice("plain", "escapes"),
  deniedError: choice("access_denied", "authorization_denied"),
  deviceSlowDown: flag(true),
  expiresIn: choice("sent", "missing", "null", "string", "zero", "negative", "huge"),
  idToken: choice(
    "good",
    "missing",
    "bad_signature",
    "alg_none",
    "alg_hs256",
    "unknown_kid",
    "no_kid",
    "other_issuer",
    "other_audience",
    "other_nonce",
    "no_nonce",
    "expired",
    "other_subject",
    "garbage",
  ),
  idTokenOnRefresh: flag(false),
  signingAlg: choice("ES256", "RS256"),
  account: text("user@sandbox.example"),
  principalType: choice("User", "Team"),
  refreshRefusal: choice("rfc6749", "rfc6749_401", "nested", "flat", "empty"),
  revocation: choice("serve", "absent"),
  staleToken: choice("401", "403_code", "403_text", "403_tag"),
  entitlement: choice("api", "none", "spending_limit"),
  proxyScopes: choice("cli", "conversations"),
  schemaKeywords: choice("refuse", "accept"),
  unknownFields: choice("ignore", "refuse"),
  xaiErrors: choice("flat", "nested"),
  reasoningEvents: choice("summary", "text", "item_only"),
  argumentEvents: choice("delta", "done_only", "item_only"),
  finalOutput: choice("full", "empty", "missing"),
  finalUsage: choice("full", "plain", "missing"),
  finalEvent: choice("response.completed", "response.done"),
  doneFrame: flag(false),
  rotatingIds: flag(false),
};
