/**
 * What the codecs cost, at one event per chunk, as a live stream has it. Started by
 * `deno task bench codec`.
 *
 * The floor is the least that anyone can do who looks at every event: TextDecoder, split at line ends,
 * and JSON.parse. Every row is the best of several runs, which take turns (what else the machine does makes
 * runs slower, never faster), and is compared with the floor on the same input.
 *
 * @module
 */

import { createAnthropic } from "@ai-sdk/anthropic";
import { createOpenAI } from "@ai-sdk/openai";
import Anthropic from "@anthropic-ai/sdk";
import { streamText } from "ai";
import { createParser } from "eventsource-parser";
import OpenAI from "openai";
import { createTextWriter } from "../../src/core/text_writer.ts";
import { chatClientCodec, chatCodec } from "../../src/protocols/chat/codec.ts";
import type { ClientCodec, UpstreamCodec } from "../../src/protocols/codec.ts";
import { messagesClientCodec } from "../../src/protocols/messages/client_codec.ts";
import { messagesCodec } from "../../src/protocols/messages/codec.ts";
import { messagesRelayCodec } from "../../src/protocols/messages/relay.ts";
import type { RelayCodec } from "../../src/protocols/relay.ts";
import { responsesClientCodec } from "../../src/protocols/responses/client_codec.ts";
import { responsesCodec } from "../../src/protocols/responses/codec.ts";
import { responsesRelayCodec } from "../../src/protocols/responses/relay.ts";
import { chatInput, type Input, messagesInput, responsesInput } from "./inputs.ts";

/** Short: a slice of time that the machine is likely to leave alone. */
const EVENTS = 4_000;
const runs = Number(/^--runs=(\d+)$/.exec(Deno.args[0] ?? "")?.[1] ?? 40);
const INPUTS = {
  messages: messagesInput(EVENTS),
  responses: responsesInput(EVENTS),
  chat: chatInput(EVENTS),
} satisfies Record<string, Input>;
/** For what is too slow for the long ones. */
const SHORT: typeof INPUTS = {
  messages: messagesInput(EVENTS / 8),
  responses: responsesInput(EVENTS / 8),
  chat: chatInput(EVENTS / 8),
};
type Dialect = keyof typeof INPUTS;

/** One row: returns how many events, or bytes, it has seen, so that nothing is optimised away. */
interface Case {
  name: string;
  dialect: Dialect;
  /** The least ratio to the floor. */
  goal?: number;
  input?: Input;
  run: (input: Input) => number | Promise<number>;
}

function floor({ chunks }: Input): number {
  const decoder = new TextDecoder();
  let rest = "";
  let count = 0;
  for (const chunk of chunks) {
    const text = rest + decoder.decode(chunk, { stream: true });
    let start = 0;
    for (let end = text.indexOf("\n"); end >= 0; end = text.indexOf("\n", start)) {
      if (text.startsWith("data: {", start)) {
        JSON.parse(text.slice(start + 6, end));
        count++;
      }
      start = end + 1;
    }
    rest = text.slice(start);
  }
  return count;
}

function parse({ chunks }: Input): number {
  const decoder = new TextDecoder();
  let count = 0;
  const parser = createParser({
    onEvent: ({ data }) => {
      if (data !== "[DONE]") JSON.parse(data);
      count++;
    },
  });
  for (const chunk of chunks) parser.feed(decoder.decode(chunk, { stream: true }));
  return count;
}

const decode = (codec: UpstreamCodec) => ({ chunks }: Input) => {
  const decoder = codec.createStreamDecoder({ origin: "bench" });
  let count = 0;
  for (const chunk of chunks) count += decoder.feed(chunk).length;
  return count + decoder.end().length;
};

const translate = (from: UpstreamCodec, to: ClientCodec) => ({ chunks }: Input) => {
  const decoder = from.createStreamDecoder({ origin: "bench" });
  const writer = to.createStreamEncoder({
    request: { model: "m", messages: [], stream: true },
    createdAt: 1_700_000_000_000,
  });
  const writeText = createTextWriter();
  let bytes = 0;
  for (const chunk of chunks) {
    const events = decoder.feed(chunk);
    if (events.length > 0) bytes += writeText(writer.write(events)).length;
  }
  return bytes;
};

const tap = (codec: RelayCodec) => ({ chunks }: Input) => {
  const relay = codec.createStreamRelay({ origin: "bench", model: "m" });
  let bytes = 0;
  for (const chunk of chunks) bytes += relay.feed(chunk)?.length ?? 0;
  if (!relay.done || relay.usage === undefined) throw new Error("the tap has not seen the end");
  return bytes;
};

/** A body as it comes from a network: chunk by chunk, when it is asked for. */
const answer = ({ chunks }: Input) => {
  let next = 0;
  const body = new ReadableStream<Uint8Array>({
    pull: (controller) =>
      next < chunks.length ? controller.enqueue(chunks[next++]!) : controller.close(),
  }, { highWaterMark: 0 });
  return new Response(body, { headers: { "content-type": "text/event-stream" } });
};
async function countOf(events: AsyncIterable<unknown>): Promise<number> {
  let count = 0;
  for await (const _ of events) count++;
  return count;
}
const clientOptions = (input: Input) => ({
  apiKey: "key",
  baseURL: "http://bench.invalid/v1",
  maxRetries: 0,
  fetch: () => Promise.resolve(answer(input)),
});
// deno-lint-ignore no-explicit-any -- what models of three SDKs share
const aiSdk = (model: (input: Input) => any) => async (input: Input) => {
  const { fullStream } = streamText({ model: model(input), prompt: "Hello", maxRetries: 0 });
  return await countOf(fullStream);
};

const CASES: Case[] = [
  ...(["messages", "responses", "chat"] as const).flatMap((dialect): Case[] => [
    { name: "floor: TextDecoder, split, JSON.parse", dialect, run: floor },
    { name: "eventsource-parser, JSON.parse", dialect, run: parse },
  ]),
  { name: "Grantway decodes", dialect: "messages", goal: 0.9, run: decode(messagesCodec) },
  { name: "Grantway decodes", dialect: "responses", goal: 0.9, run: decode(responsesCodec) },
  { name: "Grantway decodes", dialect: "chat", goal: 0.9, run: decode(chatCodec) },
  {
    name: "Grantway translates to chat",
    dialect: "messages",
    goal: 0.5,
    run: translate(messagesCodec, chatClientCodec),
  },
  {
    name: "Grantway translates to responses",
    dialect: "messages",
    goal: 0.5,
    run: translate(messagesCodec, responsesClientCodec),
  },
  {
    name: "Grantway translates to messages",
    dialect: "responses",
    goal: 0.5,
    run: translate(responsesCodec, messagesClientCodec),
  },
  {
    name: "Grantway translates to chat",
    dialect: "responses",
    goal: 0.5,
    run: translate(responsesCodec, chatClientCodec),
  },
  { name: "Grantway's usage tap", dialect: "messages", goal: 4, run: tap(messagesRelayCodec) },
  { name: "Grantway's usage tap", dialect: "responses", goal: 4, run: tap(responsesRelayCodec) },
  {
    name: "@anthropic-ai/sdk, stream: true",
    dialect: "messages",
    input: SHORT.messages,
    run: async (input) => {
      const sdk = new Anthropic(clientOptions(input));
      return await countOf(
        await sdk.messages.create({ model: "m", max_tokens: 1, messages: [], stream: true }),
      );
    },
  },
  {
    name: "openai, stream: true",
    dialect: "responses",
    input: SHORT.responses,
    run: async (input) => {
      const sdk = new OpenAI(clientOptions(input));
      return await countOf(await sdk.responses.create({ model: "m", input: "", stream: true }));
    },
  },
  {
    name: "openai, stream: true",
    dialect: "chat",
    input: SHORT.chat,
    run: async (input) => {
      const sdk = new OpenAI(clientOptions(input));
      return await countOf(
        await sdk.chat.completions.create({ model: "m", messages: [], stream: true }),
      );
    },
  },
  {
    name: "AI SDK, streamText",
    dialect: "messages",
    input: SHORT.messages,
    run: aiSdk((input) => createAnthropic(clientOptions(input))("claude-sonnet-4-5")),
  },
  {
    name: "AI SDK, streamText",
    dialect: "responses",
    input: SHORT.responses,
    run: aiSdk((input) => createOpenAI(clientOptions(input)).responses("gpt-4o")),
  },
  {
    name: "AI SDK, streamText",
    dialect: "chat",
    input: SHORT.chat,
    run: aiSdk((input) => createOpenAI(clientOptions(input)).chat("gpt-4o")),
  },
];

const times = CASES.map((): number[] => []);
for (let run = -2; run < runs; run++) {
  for (const [i, { run: measure, dialect, input = INPUTS[dialect] }] of CASES.entries()) {
    const start = performance.now();
    const count = await measure(input);
    const ms = performance.now() - start;
    if (count < input.chunks.length / 2) throw new Error(`${CASES[i]!.name} saw ${count} events`);
    if (run >= 0) times[i]!.push(ms);
  }
}

const speeds = CASES.map(({ dialect, input = INPUTS[dialect] }, i) => {
  const ms = Math.min(...times[i]!);
  return { mbs: input.bytes / 1e3 / ms, us: ms * 1e3 / input.chunks.length };
});
let missed = 0;
console.log(`Deno ${Deno.version.deno}, one event per chunk, best of ${runs} runs\n`);
for (const dialect of ["messages", "responses", "chat"] as const) {
  const base = speeds[CASES.findIndex((entry) => entry.dialect === dialect)]!;
  console.log(
    `${dialect.padEnd(40)}${"MB/s".padStart(9)}${"µs/event".padStart(10)}${"× floor".padStart(9)}`,
  );
  for (const [i, entry] of CASES.entries()) {
    if (entry.dialect !== dialect) continue;
    const { mbs, us } = speeds[i]!;
    // Of one event, so that inputs of two lengths can be compared.
    const ratio = base.us / us;
    const isMissed = entry.goal !== undefined && ratio < entry.goal;
    if (isMissed) missed++;
    const goal = entry.goal === undefined
      ? ""
      : `  goal ${entry.goal}${isMissed ? ", missed" : ""}`;
    console.log(
      `  ${entry.name.padEnd(38)}${mbs.toFixed(1).padStart(9)}${us.toFixed(2).padStart(10)}${
        ratio.toFixed(2).padStart(9)
      }${goal}`,
    );
  }
  console.log();
}
if (missed > 0) {
  console.log(
    `${missed} missed. Where the time goes: deno run --cpu-prof --allow-all bench/codec.ts (in tests/)`,
  );
}
