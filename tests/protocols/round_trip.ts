/**
 * There and back: what a client of one dialect says, and what it hears, must come through another
 * dialect whole. Here are generators of conversations and answers, and the few things that may be lost,
 * as docs/translation.md states them.
 *
 * @module
 */

import fc from "fast-check";
import type { ClientCodec, UpstreamCodec } from "../../src/protocols/codec.ts";
import { chatClientCodec, chatCodec } from "../../src/protocols/chat/codec.ts";
import { encodeSeal, openSeal } from "../../src/protocols/envelope.ts";
import type {
  ContentBlock,
  Dialect,
  GenerateRequest,
  GenerateResponse,
  Message,
} from "../../src/protocols/event.ts";
import { messagesClientCodec } from "../../src/protocols/messages/client_codec.ts";
import { messagesCodec } from "../../src/protocols/messages/codec.ts";
import { responsesClientCodec } from "../../src/protocols/responses/client_codec.ts";
import { responsesCodec } from "../../src/protocols/responses/codec.ts";
import { collectStream, replayResponse } from "../../src/transports/collect.ts";
import { BufferedEventStream } from "../../src/transports/event_stream.ts";

/** Both sides of every dialect. */
export const DIALECTS: Readonly<Record<Dialect, { client: ClientCodec; upstream: UpstreamCodec }>> =
  {
    messages: { client: messagesClientCodec, upstream: messagesCodec },
    chat: { client: chatClientCodec, upstream: chatCodec },
    responses: { client: responsesClientCodec, upstream: responsesCodec },
  };

/** Every way there and back: `from` is the client's dialect, `via` the other. */
export const WAYS: readonly { from: Dialect; via: Dialect }[] = (
  Object.keys(DIALECTS) as Dialect[]
).flatMap((from, _, all) => all.filter((via) => via !== from).map((via) => ({ from, via })));

const { array, constantFrom, integer, option, record, stringMatching, tuple } = fc;

const words = fc.string({ minLength: 1, maxLength: 12, unit: "grapheme" })
  .filter((text) => text.trim() !== "");
const name = stringMatching(/^[a-z][a-z0-9_]{0,12}$/);
const json = fc.dictionary(stringMatching(/^[a-z]{1,5}$/), fc.jsonValue({ maxDepth: 1 }), {
  maxKeys: 3,
});
const textBlock = words.map((text): ContentBlock => ({ type: "text", text }));
const image = tuple(constantFrom("image/png", "image/jpeg"), fc.base64String({ minLength: 4 }))
  .map(([mediaType, data]): ContentBlock => ({
    type: "image",
    source: { kind: "base64", mediaType, data },
  }));
const linked = fc.webUrl().map((url): ContentBlock => ({
  type: "image",
  source: { kind: "url", url },
}));
const pdf = tuple(words, fc.base64String({ minLength: 4 })).map(([title, data]): ContentBlock => ({
  type: "document",
  source: { kind: "base64", mediaType: "application/pdf", data },
  title,
}));
const seal = stringMatching(/^[A-Za-z0-9+/]{8,40}$/);
const thinking = tuple(option(words, { nil: "" }), seal).map(([text, signature]): ContentBlock => ({
  type: "thinking",
  text,
  signature,
  ...(text === "" ? { redacted: true } : {}),
  provenance: { origin: "some", model: "some-model" },
}));

/** One thing that is said, asked for and answered: turns that belong together. */
const exchange = tuple(
  fc.oneof(
    textBlock.map((text) => [text]),
    tuple(textBlock, fc.oneof(image, linked, pdf)),
    tuple(fc.oneof(image, linked), textBlock, image),
  ),
  option(thinking, { nil: undefined }),
  option(textBlock, { nil: undefined }),
  array(
    record({
      name,
      input: json,
      // Results with an image are none that Chat can say.
      result: fc.oneof(array(textBlock, { maxLength: 1 }), tuple(textBlock, image)),
      isError: fc.boolean(),
    }),
    { maxLength: 3 },
  ),
  textBlock,
);

const tool = record({ name, description: words, parameters: json }).map((tool) => ({
  type: "function" as const,
  ...tool,
  parameters: { type: "object", properties: tool.parameters },
}));

/** Requests that every dialect has words for, more or less. */
export const requests: fc.Arbitrary<GenerateRequest> = tuple(
  record({
    system: array(textBlock, { maxLength: 2 }),
    exchanges: array(exchange, { minLength: 1, maxLength: 3 }),
    tools: fc.uniqueArray(tool, { maxLength: 3, selector: ({ name }) => name }),
    choice: constantFrom("auto", "required", "none", "tool", undefined),
    stream: fc.boolean(),
  }),
  record({
    parallelToolCalls: fc.boolean(),
    maxOutputTokens: integer({ min: 1, max: 100_000 }),
    temperature: integer({ min: 0, max: 100 }).map((value) => value / 100),
    topP: integer({ min: 1, max: 100 }).map((value) => value / 100),
    topK: integer({ min: 1, max: 50 }),
    stopSequences: array(words, { minLength: 1, maxLength: 2 }),
    userId: name,
    promptCacheKey: name,
    reasoning: constantFrom("low", "medium", "high").map((effort) => ({ effort })),
    outputFormat: json.map((schema) => ({ kind: "json_schema" as const, schema, name: "answer" })),
  }, { requiredKeys: [] }),
).map(([{ system, exchanges, tools, choice, stream }, more]) => {
  let calls = 0;
  const messages = exchanges.flatMap(([asked, thought, said, used, answer]): Message[] => {
    const ids = used.map(() => `call_${++calls}`);
    return [
      { role: "user", content: asked },
      ...(used.length === 0 ? [] : [
        {
          role: "assistant" as const,
          content: [
            ...(thought === undefined ? [] : [thought]),
            ...(said === undefined ? [] : [said]),
            ...used.map(({ name, input }, at): ContentBlock => ({
              type: "tool_use",
              id: ids[at]!,
              name,
              arguments: JSON.stringify(input),
            })),
          ],
        },
        {
          role: "user" as const,
          content: used.map(({ result, isError }, at): ContentBlock => ({
            type: "tool_result",
            toolUseId: ids[at]!,
            content: result as Extract<ContentBlock, { type: "text" | "image" }>[],
            isError,
          })),
        },
      ]),
      { role: "assistant", content: [answer] },
    ];
  });
  const first = tools[0]?.name;
  return {
    model: "m",
    system: system as Extract<ContentBlock, { type: "text" }>[],
    messages: [...messages, { role: "user", content: [{ type: "text", text: "now" }] }],
    ...(tools.length === 0 ? {} : { tools }),
    ...(choice === undefined || first === undefined ? {} : {
      toolChoice: choice === "tool" ? { kind: "tool", name: first } : { kind: choice },
    }),
    ...more,
    stream,
  };
});

const TOKENS = { max: 1_000_000 };

/** Answers that every dialect has words for, more or less. */
export const answers: fc.Arbitrary<GenerateResponse> = tuple(
  option(thinking, { nil: undefined }),
  option(textBlock, { nil: undefined }),
  array(tuple(name, json), { maxLength: 3 }),
  constantFrom("end_turn", "max_tokens", "refusal"),
  tuple(fc.nat(TOKENS), fc.nat(TOKENS), fc.nat(TOKENS), fc.nat(100)),
).map(([thought, said, calls, stop, [input, read, output, reasoning]]) => ({
  id: "answer_1",
  model: "m",
  content: [
    ...(thought === undefined ? [] : [thought]),
    ...(said === undefined ? [] : [said]),
    ...calls.map(([name, args], at): ContentBlock => ({
      type: "tool_use",
      id: `call_${at}`,
      name,
      arguments: JSON.stringify(args),
    })),
  ],
  stopReason: calls.length > 0 && stop === "end_turn" ? "tool_use" : stop,
  usage: {
    inputTokens: input,
    cacheReadTokens: read,
    cacheWriteTokens: 0,
    outputTokens: output + reasoning,
    reasoningTokens: reasoning,
  },
}));

// deno-lint-ignore no-explicit-any -- what is compared
export type Said = any;

/** What a request says in `dialect`, read back. */
export function requestIn(dialect: Dialect, request: GenerateRequest): GenerateRequest {
  const { client, upstream } = DIALECTS[dialect];
  // What seals it is told by envelopes, as in answers that clients send back.
  return client.decodeRequest(upstream.encodeRequest(sealed(request)));
}

function sealed(request: GenerateRequest): GenerateRequest {
  return {
    ...request,
    messages: request.messages.map((message) => ({
      ...message,
      content: message.content.map(inEnvelope),
    })),
  };
}

function inEnvelope(block: ContentBlock): ContentBlock {
  if (block.type !== "thinking" || block.provenance === undefined) return block;
  const { provenance: _provenance, ...rest } = block;
  return { ...rest, signature: encodeSeal(block) };
}

/** The client's request when the answer is for it: it asks for everything there is. */
const ASKS: Readonly<Record<Dialect, GenerateRequest["extensions"]>> = {
  messages: undefined,
  chat: { dialect: "chat", fields: { stream_options: { include_usage: true } } },
  responses: { dialect: "responses", fields: { include: ["reasoning.encrypted_content"] } },
};

/** What an answer says to a client of `dialect`, read back. */
export async function answerIn(
  dialect: Dialect,
  response: GenerateResponse,
  isStreamed: boolean,
): Promise<GenerateResponse> {
  const { client, upstream } = DIALECTS[dialect];
  const request = { model: "m", messages: [], stream: isStreamed, extensions: ASKS[dialect] };
  const context = { request, createdAt: 0 };
  let read: GenerateResponse;
  if (isStreamed) {
    const encoder = client.createStreamEncoder(context);
    const decoder = upstream.createStreamDecoder({ origin: "client" });
    const events = replayResponse(response).flatMap((event) =>
      decoder.feed(new TextEncoder().encode(encoder.write([event])))
    );
    read = await collectStream(new BufferedEventStream([...events, ...decoder.end()]));
  } else {
    const decoded = upstream.decodeBody(client.encodeResponse(response, context), {
      origin: "client",
    });
    if (decoded.kind === "error") throw new Error(decoded.error.message);
    read = decoded.response;
  }
  return { ...read, content: read.content.map(opened) };
}

/** A seal comes out of its envelope, as it does when the client sends it back. */
function opened(block: ContentBlock): ContentBlock {
  if (block.type !== "thinking") return block;
  const { provenance: _carrier, ...rest } = block;
  return openSeal(rest);
}

/** A block, without what only one dialect says of it. */
function blockOf({ extensions: _extensions, ...block }: Exclude<ContentBlock, { type: "opaque" }>) {
  // What a link or a file is called, and how closely to look at it, not all dialects can say.
  return block;
}

function blocksOf(content: readonly ContentBlock[]): Said[] {
  return content.flatMap((block) => {
    if (block.type === "opaque") return [];
    if (block.type === "tool_result") {
      return [{
        ...blockOf(block),
        content: blocksOf(block.content),
        isError: block.isError === true,
      }];
    }
    if (block.type === "tool_use") {
      return [{ ...blockOf(block), arguments: JSON.parse(block.arguments) }];
    }
    return [blockOf(block)];
  });
}

/** What an answer says, whatever dialect it was read from. */
export function saidIn(response: GenerateResponse): Said {
  const { inputTokens, cacheReadTokens, cacheWriteTokens, outputTokens, reasoningTokens = 0 } =
    response.usage;
  return {
    model: response.model,
    content: blocksOf(response.content),
    stop: response.stopReason,
    usage: { inputTokens, cacheReadTokens, cacheWriteTokens, outputTokens, reasoningTokens },
  };
}

/** What a request says, whatever dialect it was read from. */
export function askedIn(request: GenerateRequest): Said {
  const { extensions: _extensions, system = [], messages, tools = [], ...rest } = request;
  const turns: { role: string; content: Said[] }[] = [];
  for (const { role, content } of [{ role: "system", content: system }, ...messages]) {
    const as = role === "developer" ? "system" : role;
    const blocks = blocksOf(content);
    const last = turns.at(-1);
    if (last?.role === as) last.content.push(...blocks);
    else if (blocks.length > 0) turns.push({ role: as, content: blocks });
  }
  return {
    ...rest,
    turns,
    tools: tools.map((tool) => tool.type === "opaque" ? tool : { ...tool, extensions: undefined }),
  };
}
