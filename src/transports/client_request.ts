/**
 * What a client has sent: its body, read once.
 *
 * @module
 */

import { parseJsonObject } from "../core/http.ts";
import type { ClientCodec } from "../protocols/codec.ts";
import type { Dialect, GenerateRequest } from "../protocols/event.ts";
import { limitSeals, MAX_SEAL_BYTES } from "../protocols/seal_limit.ts";
import { type ClientBody, readClientBody } from "./client_body.ts";
import { loadOnce } from "./load_once.ts";

/** What a client asks. */
export interface ClientCall {
  /** The dialect, which the path tells. */
  dialect: Dialect;
  /** The body, whole. */
  body: Uint8Array<ArrayBuffer>;
  /** Aborts when the client leaves. */
  signal?: AbortSignal | undefined;
  /** Aborts when it leaves later: ends the request upstream where the body is not cancelled. */
  left?: AbortSignal | undefined;
  /** Id of the request, for the client and its logs. */
  requestId?: string | undefined;
  /** Id of the conversation, where a header tells it. */
  conversation?: string | undefined;
}

/** A client's request. */
export interface ClientRequest {
  /** Which dialect it is written in. */
  dialect: Dialect;
  /** What it says. */
  request: GenerateRequest;
  /** The body that says it. */
  body: ClientBody;
  /** Whether it holds sealed reasoning in an envelope of ours, or too much of it. */
  hasSeals: boolean;
  /** What of it is not passed on, a sentence each. */
  notes: readonly string[];
}

/** The codec for clients of a dialect, loaded with the first request in it. */
export const loadClientCodec: (dialect: Dialect) => Promise<ClientCodec> = loadOnce({
  messages: async () => (await import("../protocols/messages/client_codec.ts")).messagesClientCodec,
  responses: async () =>
    (await import("../protocols/responses/client_codec.ts")).responsesClientCodec,
  chat: async () => (await import("../protocols/chat/codec.ts")).chatClientCodec,
});

/**
 * Reads a client's body.
 *
 * @throws {GrantwayError} `invalid_request` when it is not what the dialect says.
 */
export async function readClientRequest(
  { dialect, body: bytes }: Pick<ClientCall, "dialect" | "body">,
): Promise<ClientRequest> {
  const body = readClientBody(bytes);
  const codec = await loadClientCodec(dialect);
  const decoded = codec.decodeRequest(body.json);
  const request = limitSeals(decoded);
  const isLimited = request !== decoded;
  return {
    dialect,
    request,
    body,
    hasSeals: isLimited || (codec.hasSeals?.(body.json) ?? false),
    notes: isLimited ? [TOO_MANY_SEALS] : [],
  };
}

const TOO_MANY_SEALS = `The oldest sealed reasoning was left out: there is more than ${
  MAX_SEAL_BYTES / 2 ** 20
} MiB of it`;

/** Claude Code puts the id of its session into the id of the user: as JSON, or at its end. */
const SESSION = /(?:^|_)session_([0-9a-f-]{36})$/;

/**
 * The conversation that a Messages request belongs to, for clients that say so in their own way:
 * upstreams that route by it find more of the prompt in their caches.
 */
export function conversationOf({ dialect, request }: ClientRequest): string | undefined {
  const { userId } = request;
  if (dialect !== "messages" || userId === undefined) return undefined;
  const named = parseJsonObject(userId)?.["session_id"];
  return typeof named === "string" && named !== "" ? named : SESSION.exec(userId)?.[1];
}
