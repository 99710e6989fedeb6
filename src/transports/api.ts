/**
 * The code that one provider's API takes: the codec of its dialect, and its own rules. Loaded when a
 * transport first needs it: a program of one provider does not load the others', and what reads an
 * answer loads with the first answer.
 *
 * @module
 */

import type { AnswerCodec, RequestCodec } from "../protocols/codec.ts";
import type { RelayCodec } from "../protocols/relay.ts";
import type { ApiRules, Provider } from "../providers/provider.ts";
import type { forwardBody as ForwardBody } from "./forward_body.ts";
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

/** What passes on requests of a dialect, and their answers. */
export interface Forwarding {
  /** The bytes to send. */
  forwardBody: typeof ForwardBody;
  /** Passes on answers. */
  relays: RelayCodec;
}

async function loadForward(relays: Promise<RelayCodec>): Promise<Forwarding> {
  const { forwardBody } = await import("./forward_body.ts");
  return { forwardBody, relays: await relays };
}

/** Loads what passes on requests of a protocol, and their answers. */
export const loadForwarding: (protocol: Protocol) => Promise<Forwarding> = loadOnce({
  messages: () =>
    loadForward(
      import("../protocols/messages/relay.ts").then((relay) => relay.messagesRelayCodec),
    ),
  responses: () =>
    loadForward(
      import("../protocols/responses/relay.ts").then((relay) => relay.responsesRelayCodec),
    ),
});
