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

/** What it takes to ask an API. */
export interface Api {
  /** Asks in its dialect. */
  requests: RequestCodec;
  /** What it wants beyond that. */
  rules: ApiRules;
}

type Protocol = Provider["protocol"];

/** Loads one of several by protocol, each once. */
type Loaders<T> = Readonly<Record<Protocol, () => Promise<T>>>;

const REQUESTS: Loaders<RequestCodec> = {
  messages: async () =>
    (await import("../protocols/messages/request_codec.ts")).messagesRequestCodec,
  responses: async () =>
    (await import("../protocols/responses/request_codec.ts")).responsesRequestCodec,
};

const ANSWERS: Loaders<AnswerCodec> = {
  messages: async () => (await import("../protocols/messages/answer_codec.ts")).messagesAnswerCodec,
  responses: async () =>
    (await import("../protocols/responses/answer_codec.ts")).responsesAnswerCodec,
};

const RELAYS: Loaders<RelayCodec> = {
  messages: async () => (await import("../protocols/messages/relay.ts")).messagesRelayCodec,
  responses: async () => (await import("../protocols/responses/relay.ts")).responsesRelayCodec,
};

/** Loads what it takes to ask. To call it ahead of need shortens the first request. */
export async function loadApi({ protocol, loadRules }: Provider): Promise<Api> {
  const [requests, rules] = await Promise.all([REQUESTS[protocol](), loadRules()]);
  return { requests, rules };
}

/** Loads what reads answers of `protocol`. */
export function loadAnswerCodec(protocol: Protocol): Promise<AnswerCodec> {
  return ANSWERS[protocol]();
}

/** Loads what passes on answers of `protocol`. */
export function loadRelayCodec(protocol: Protocol): Promise<RelayCodec> {
  return RELAYS[protocol]();
}
