// Room in the context window: where a conversation is cut, what stands for the rest, and three hundred
// turns that stay within the limit with their prompts mostly cached.

import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { type Compaction, ContextKeeper, findCut } from "../../src/agent/compaction.ts";
import { Conversation } from "../../src/agent/conversation.ts";
import { runTurn } from "../../src/agent/loop.ts";
import type { Target } from "../../src/agent/target.ts";
import { textOutput } from "../../src/agent/tool.ts";
import type { GenerateRequest, Message } from "../../src/protocols/event.ts";
import type { Transport } from "../../src/transports/transport.ts";
import { answerOf, assertPaired, call, sandboxTransport, scripted, text, tool } from "./support.ts";

const user = (words: string): Message => ({ role: "user", content: [text(words)] });
const assistant = (words: string): Message => ({ role: "assistant", content: [text(words)] });
const calls = (...ids: string[]): Message => ({
  role: "assistant",
  content: ids.map((id) => call(id, "one")),
});
const results = (...ids: string[]): Message => ({
  role: "user",
  content: ids.map((toolUseId) => ({
    type: "tool_result",
    toolUseId,
    content: [{ type: "text", text: "y".repeat(400) }],
  })),
});

const LONG = "a".repeat(4_000);

const CUTS: { name: string; messages: Message[]; kept: number; cut: number }[] = [
  { name: "nothing", messages: [], kept: 100, cut: 0 },
  { name: "one question", messages: [user("a")], kept: 100, cut: 0 },
  {
    name: "everything that fits, from a question on",
    messages: [user(LONG), assistant("b"), user("c"), assistant("d"), user("e")],
    kept: 100,
    cut: 2,
  },
  {
    name: "the last turn alone, however long",
    messages: [user(LONG), assistant("b"), user("c"), assistant("d".repeat(9_000))],
    kept: 10,
    cut: 3,
  },
  {
    name: "never between a call and its result",
    messages: [user(LONG), calls("1"), results("1"), calls("2", "3"), results("2", "3")],
    kept: 10,
    cut: 3,
  },
  {
    name: "everything where there is little to save",
    messages: [user("a"), assistant("b"), user("c"), assistant("d")],
    kept: 0,
    cut: 0,
  },
];

for (const { name, messages, kept, cut } of CUTS) {
  Deno.test(`findCut() keeps ${name}`, () => assertEquals(findCut(messages, kept), cut));
}

/** An auxiliary model that says `answer`, or fails with it. */
function summarizer(answer: string | Error): Target & { requests: GenerateRequest[] } {
  const requests: GenerateRequest[] = [];
  const transport: Transport = {
    ...scripted(),
    generate: (request) => {
      requests.push(request);
      return answer instanceof Error
        ? Promise.reject(answer)
        : Promise.resolve(answerOf([text(answer)]));
    },
  };
  return { transport, model: "fast", info: undefined, requests };
}

function longConversation(): Conversation {
  return new Conversation("c", [
    user("Fix src/a.ts, please. " + "z".repeat(20_000)),
    calls("1"),
    results("1"),
    assistant("Done."),
    user("Thanks. And b?"),
    assistant("Also done."),
  ]);
}

const signal = () => new AbortController().signal;

Deno.test("ContextKeeper.compact() asks for a summary of the older turns and keeps the last as they were", async () => {
  const conversation = longConversation();
  const before = [...conversation.messages];
  const auxiliary = summarizer("They fixed a.ts.");
  const done: Compaction[] = [];
  const keeper = new ContextKeeper({
    target: () => auxiliary,
    auxiliary: () => auxiliary,
    contextTokens: 1_000,
    onCompacted: (compaction) => done.push(compaction),
  });
  assert(await keeper.compact(conversation, signal()));
  assertEquals(conversation.messages.slice(1), before.slice(3));
  assertStringIncludes(JSON.stringify(conversation.messages[0]), "They fixed a.ts.");
  assert(done[0]!.isSummarized && done[0]!.after < done[0]!.before / 10);
  const [{ messages, model }] = auxiliary.requests as [GenerateRequest];
  assertEquals([model, messages.length], ["fast", 3]);
  const transcript = JSON.stringify(messages[0]);
  assertStringIncludes(transcript, "user: Fix src/a.ts, please.");
  assertStringIncludes(transcript, "assistant calls one: {}");
  assertStringIncludes(transcript, "result: yyy");
  // What is summarized fits where it is summarized.
  assert(transcript.length < 1_500, `${transcript.length}`);
});

Deno.test("ContextKeeper.compact() goes on without a summary where none can be had", async () => {
  const conversation = longConversation();
  const auxiliary = summarizer(new Error("overloaded"));
  const done: Compaction[] = [];
  const keeper = new ContextKeeper({
    target: () => auxiliary,
    auxiliary: () => auxiliary,
    contextTokens: 1_000,
    onCompacted: (compaction) => done.push(compaction),
  });
  assert(await keeper.compact(conversation, signal()));
  assertEquals(done[0]!.isSummarized, false);
  assertStringIncludes(JSON.stringify(conversation.messages[0]), "- Fix src/a.ts, please.");
  assertPaired(conversation.messages);
});

Deno.test("a compaction that is cancelled changes nothing", async () => {
  const conversation = longConversation();
  const before = [...conversation.messages];
  const cancel = new AbortController();
  const auxiliary = summarizer(new Error("x"));
  auxiliary.transport.generate = () => {
    cancel.abort(new Error("enough"));
    return Promise.reject(cancel.signal.reason);
  };
  const keeper = new ContextKeeper({
    target: () => auxiliary,
    auxiliary: () => auxiliary,
    contextTokens: 1_000,
  });
  await assertRejects(() => keeper.compact(conversation, cancel.signal), Error, "enough");
  assertEquals(conversation.messages, before);
});

Deno.test("ContextKeeper.makeRoom() compacts when the window fills, and learns from the server's counts", async () => {
  const auxiliary = summarizer("In short.");
  const keeper = new ContextKeeper({
    target: () => auxiliary,
    auxiliary: () => auxiliary,
    contextTokens: 20_000,
  });
  const conversation = longConversation();
  const request = (): GenerateRequest => ({
    model: "m",
    stream: true,
    messages: conversation.messages,
  });
  const options = { force: false, signal: signal() };
  assertEquals(await keeper.makeRoom(conversation, request(), options), false);
  const estimate = keeper.estimate(request());
  assert(estimate > 5_000 && estimate < 8_000, `${estimate}`);
  // The server counts twice as much as was estimated: then it is nearly full.
  const counted = { inputTokens: 30_000, cacheReadTokens: 0, cacheWriteTokens: 0, outputTokens: 1 };
  keeper.learn({
    usage: counted,
    content: [{ type: "opaque", dialect: "responses", kind: "x", value: {} }],
  });
  assertEquals(keeper.estimate(request()), estimate);
  keeper.learn({ usage: counted, content: [] });
  assert(keeper.estimate(request()) > 1.5 * estimate);
  conversation.append(user("w".repeat(10_000)), assistant("ok"));
  assertEquals(await keeper.makeRoom(conversation, request(), options), true);
  assert(keeper.estimate(request()) < 20_000);
});

// The windows of the real models take long to fill; the same rules hold in smaller ones.
const LONG_TALKS = [
  { provider: "minimax-oauth", model: "MiniMax-M2.7", auxiliary: "MiniMax-M2.7-highspeed" },
  { provider: "xai-oauth", model: "grok-4.3", auxiliary: "grok-4.3" },
];
const WINDOW_TOKENS = 30_000;

for (const { provider, model, auxiliary } of LONG_TALKS) {
  Deno.test(`300 turns over ${provider} stay within the window, paired and cached`, async () => {
    const transport = sandboxTransport(provider, {
      quirks: { toolTypeRequired: true, checkSignatures: true },
    });
    const at = (model: string): Target => ({ transport, model, info: undefined });
    const conversation = new Conversation("long");
    let compactions = 0;
    const keeper = new ContextKeeper({
      target: () => at(model),
      auxiliary: () => at(auxiliary),
      contextTokens: WINDOW_TOKENS,
      onCompacted: ({ isSummarized }) => {
        assert(isSummarized);
        compactions++;
      },
    });
    let isFirst = true;
    let last = 0;
    /** Between compactions; the first prompt after one is new by nature. */
    const counts = { input: 0, cached: 0 };
    const all = { input: 0, cached: 0, most: 0, requests: 0 };
    for (let turn = 0; turn < 300; turn++) {
      const words = turn % 3 === 0 ? '[tool:read_file {"path":"a.ts"}] ' : "";
      await runTurn(conversation, [text(`${words}Question ${turn}: ${"why so? ".repeat(20)}`)], {
        transport,
        model,
        system: "Be brief. ".repeat(50),
        signal: signal(),
        tools: [
          tool(
            "read_file",
            () => Promise.resolve(textOutput("const x = 1;\n".repeat(200))),
            {
              parameters: { type: "object", properties: { path: { type: "string" } } },
            },
          ),
        ],
        makeRoom: (request, { force }) =>
          keeper.makeRoom(conversation, request, { force, signal: signal() }),
        onEvent: (event) => {
          if (event.type !== "answer") return;
          keeper.learn(event.response);
          const { inputTokens, cacheReadTokens } = event.response.usage;
          const input = inputTokens + cacheReadTokens;
          if (!isFirst && compactions === last) {
            counts.input += input;
            counts.cached += cacheReadTokens;
          }
          last = compactions;
          isFirst = false;
          all.input += input;
          all.cached += cacheReadTokens;
          all.most = Math.max(all.most, input);
          all.requests++;
        },
      });
      assertPaired(conversation.messages);
    }
    const share = (cached: number, input: number) => `${(100 * cached / input).toFixed(1)} %`;
    console.log(
      `  ${provider}: 300 turns, ${all.requests} requests, ${compactions} compactions, largest prompt ` +
        `${all.most} of ${WINDOW_TOKENS} tokens; cached between compactions ${
          share(counts.cached, counts.input)
        }, in all ${share(all.cached, all.input)}`,
    );
    assert(compactions >= 2, `${compactions} compactions`);
    assert(all.most < WINDOW_TOKENS);
    assert(counts.cached / counts.input > 0.8);
  });
}
