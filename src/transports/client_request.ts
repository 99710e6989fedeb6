/**
 * What a client has sent: its body, read once.
 *
 * @module
 */

import { GrantwayError } from "../core/errors.ts";
import { type JsonObject, parseJsonObject } from "../core/http.ts";
import type { ClientCodec } from "../protocols/codec.ts";
import { SEAL_MARKER } from "../protocols/envelope.ts";
import type { Dialect, GenerateRequest } from "../protocols/event.ts";
import { loadOnce } from "./load_once.ts";

/** A client's request. */
export interface ClientRequest {
  /** Which dialect it is written in. */
  dialect: Dialect;
  /** What it says. */
  request: GenerateRequest;
  /** The body as it came. */
  bytes: Uint8Array<ArrayBuffer>;
  /** Its JSON. */
  json: JsonObject;
  /** Whether it holds sealed reasoning in an envelope of ours, which has to be opened. */
  hasSeals: boolean;
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
  dialect: Dialect,
  bytes: Uint8Array<ArrayBuffer>,
): Promise<ClientRequest> {
  const text = new TextDecoder().decode(bytes);
  const json = parseJsonObject(text);
  if (json === undefined) {
    throw new GrantwayError(
      "invalid_request",
      "Cannot read the request: its body is no JSON object",
    );
  }
  const codec = await loadClientCodec(dialect);
  return {
    dialect,
    request: codec.decodeRequest(json),
    bytes,
    json,
    hasSeals: text.includes(SEAL_MARKER),
  };
}

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
