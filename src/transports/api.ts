/**
 * The code that one provider's API takes: the codec of its dialect, and its own rules. Loaded with the
 * first transport that needs it: a program of one provider does not load the others'.
 *
 * @module
 */

import type { UpstreamCodec } from "../protocols/codec.ts";
import type { RelayCodec } from "../protocols/relay.ts";
import type { ApiRules, Provider } from "../providers/provider.ts";

/** What it takes to speak to an API. */
export interface Api {
  /** Codec of its dialect. */
  codec: UpstreamCodec;
  /** What it asks beyond that. */
  rules: ApiRules;
}

type Protocol = Provider["protocol"];

const CODECS: Readonly<Record<Protocol, () => Promise<UpstreamCodec>>> = {
  messages: async () => (await import("../protocols/messages/codec.ts")).messagesCodec,
  responses: async () => (await import("../protocols/responses/codec.ts")).responsesCodec,
};

const RELAYS: Readonly<Record<Protocol, () => Promise<RelayCodec>>> = {
  messages: async () => (await import("../protocols/messages/relay.ts")).messagesRelayCodec,
  responses: async () => (await import("../protocols/responses/relay.ts")).responsesRelayCodec,
};

/** Loads what a provider's API takes. To call it ahead of need shortens the first request. */
export async function loadApi({ protocol, loadRules }: Provider): Promise<Api> {
  const [codec, rules] = await Promise.all([CODECS[protocol](), loadRules()]);
  return { codec, rules };
}

/** Loads the codec that passes on what is written in `protocol`. */
export function loadRelayCodec(protocol: Protocol): Promise<RelayCodec> {
  return RELAYS[protocol]();
}
