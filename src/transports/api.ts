/**
 * The code that one provider's API takes: the codec of its dialect, and its own rules. Loaded when a
 * transport first needs it: a program of one provider does not load the others', and what reads an
 * answer loads while the answer is on its way.
 *
 * @module
 */

import type { AnswerCodec, RequestCodec } from "../protocols/codec.ts";
import type { RelayCodec } from "../protocols/relay.ts";
import type { ApiRules, Provider } from "../providers/provider.ts";
import { loadOnce } from "./load_once.ts";

/** What it takes to ask an API. */
export interface Api {
  /** Asks in its dialect. */
  requests: RequestCodec;
  /** What it wants beyond that. */
  rules: ApiRules;
}

type Protocol = Provider["protocol"];

const loadRequestCodec = loadOnce<Protocol, RequestCodec>({
  messages: async () =>
    (await import("../protocols/messages/request_codec.ts")).messagesRequestCodec,
  responses: async () =>
    (await import("../protocols/responses/request_codec.ts")).responsesRequestCodec,
});

/** Loads what it takes to ask. To call it ahead of need shortens the first request. */
export async function loadApi({ protocol, loadRules }: Provider): Promise<Api> {
  const [requests, rules] = await Promise.all([loadRequestCodec(protocol), loadRules()]);
  return { requests, rules };
}

/** Loads what reads answers of a protocol. */
export const loadAnswerCodec: (protocol: Protocol) => Promise<AnswerCodec> = loadOnce({
  messages: async () => (await import("../protocols/messages/answer_codec.ts")).messagesAnswerCodec,
  responses: async () =>
    (await import("../protocols/responses/answer_codec.ts")).responsesAnswerCodec,
});

/** Loads what passes on answers of a protocol. */
export const loadRelayCodec: (protocol: Protocol) => Promise<RelayCodec> = loadOnce({
  messages: async () => (await import("../protocols/messages/relay.ts")).messagesRelayCodec,
  responses: async () => (await import("../protocols/responses/relay.ts")).responsesRelayCodec,
});
