// One turn: calls and results, whatever happens between them.

import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { Conversation, mendCalls } from "../../src/agent/conversation.ts";
import { runTurn, type TurnOptions } from "../../src/agent/loop.ts";
import { textOutput, ToolInputError } from "../../src/agent/tool.ts";
import { TransportError } from "../../src/core/errors.ts";
import type { Message, OpaqueTool } from "../../src/protocols/event.ts";
import {
  answerOf,
  assertPaired,
  call,
  recordEvents,
  resultTexts,
  sandboxTransport,
  scripted,
  text,
  tool,
} from "./support.ts";

const QUESTION = [text("Go")];
const never = () => new AbortController().signal;

function turn(
  conversation: Conversation,
  options: Omit<TurnOptions, "model" | "signal"> & { signal?: AbortSignal },
) {
  return runTurn(conversation, QUESTION, { model: "model", signal: never(), ...options });
}

function roles(messages: readonly Message[]): string {
  return messages.map(({ role }) => role[0]).join("");
}

Deno.test("runTurn() runs calls, gives their results back, and ends with the last answer", async () => {
  const conversation = new Conversation("c-1");
  const transport = scripted(
    answerOf([text("Let me see."), call("a", "one", { x: 1 }), call("b", "two")]),
    answerOf([call("c", "one", { x: 2 })]),
    answerOf([text("It is so.")]),
  );
  const { events, onEvent } = recordEvents();
  const { usage, rounds, isExhausted, response } = await turn(conversation, {
    transport,
    onEvent,
    system: "Be brief",
    tools: [
      tool("one", ({ x }, { onProgress }) => {
        onProgress("half");
        return Promise.resolve(textOutput(`x is ${x}`));
      }),
      tool("two"),
    ],
  });
  assertEquals([rounds, isExhausted, response.content], [3, false, [text("It is so.")]]);
  assertEquals(usage, {
    inputTokens: 30,
    cacheReadTokens: 15,
    cacheWriteTokens: 0,
    outputTokens: 6,
  });
  assertEquals(roles(conversation.messages), "uauaua");
  assertEquals(resultTexts(conversation.messages), ["x is 1", "done", "x is 2"]);
  assertEquals(events, [
    "answer 3",
    "a starts",
    "a half",
    "b starts",
    "a ends",
    "b ends",
    "answer 1",
    "c starts",
    "c half",
    "c ends",
    "answer 1",
  ]);
  for (const { system, tools, promptCacheKey } of transport.requests) {
    assertEquals(system, [{ type: "text", text: "Be brief" }]);
    assertEquals(tools?.length, 2);
    assertEquals(promptCacheKey, "c-1");
  }
  // What was sent before is the beginning of what is sent next: that is what a prompt cache needs.
  for (const [index, request] of transport.requests.entries()) {
    const before = transport.requests[index - 1]?.messages ?? [];
    assertEquals(request.messages.slice(0, before.length), before);
  }
});

const BAD_CALLS = [
  { name: "an unknown tool", call: call("a", "other"), says: "There is no tool other. Tools: one" },
  {
    name: "arguments that are cut",
    call: call("a", "one", '{"x": '),
    says: "cut by the token limit",
  },
  { name: "arguments that are no object", call: call("a", "one", "[1]"), says: "JSON object" },
  { name: "a wrong input", call: call("a", "one", { bad: true }), says: "Not run: x is missing" },
  {
    name: "a tool that throws",
    call: call("a", "one", { broken: 1 }),
    says: "Failed: out of order",
  },
];

for (const { name, call, says } of BAD_CALLS) {
  Deno.test(`runTurn() tells the model of ${name}`, async () => {
    const conversation = new Conversation("c");
    const { events, onEvent } = recordEvents();
    await turn(conversation, {
      transport: scripted(answerOf([call]), answerOf([text("I see.")])),
      onEvent,
      tools: [tool("one", ({ bad }) => {
        if (bad) return Promise.reject(new ToolInputError("x is missing"));
        throw new Error("out of order");
      })],
    });
    const [result] = conversation.messages[2]!.content;
    assert(result?.type === "tool_result" && result.isError);
    assertStringIncludes(resultTexts(conversation.messages)[0]!, says);
    assertEquals(events, ["answer 1", "a starts", "a fails", "answer 1"]);
  });
}

Deno.test("runTurn() runs what changes nothing side by side, anything else alone and in order", async () => {
  const log: string[] = [];
  const slow = (name: string, isParallel: boolean) =>
    tool(name, async () => {
      log.push(`${name}+`);
      for (let i = 0; i < 5; i++) await Promise.resolve();
      log.push(`${name}-`);
      return textOutput(name);
    }, { isParallel });
  const conversation = new Conversation("c");
  await turn(conversation, {
    transport: scripted(
      answerOf([
        call("1", "read"),
        call("2", "read"),
        call("3", "write"),
        call("4", "write"),
        call("5", "read"),
      ]),
      answerOf([text("ok")]),
    ),
    tools: [slow("read", true), slow("write", false)],
  });
  assertEquals(
    log.join(" "),
    "read+ read+ read- read- write+ write- write+ write- read+ read-",
  );
  assertEquals(resultTexts(conversation.messages), ["read", "read", "write", "write", "read"]);
});

Deno.test("runTurn() ends after maxRounds, and the conversation can go on", async () => {
  const conversation = new Conversation("c");
  const steps = Array.from({ length: 3 }, (_, i) => answerOf([call(`${i}`, "one")]));
  const transport = scripted(...steps, answerOf([text("Done")]));
  const { isExhausted } = await turn(conversation, {
    transport,
    tools: [tool("one")],
    maxRounds: 3,
  });
  assert(isExhausted);
  await turn(conversation, { transport, tools: [tool("one")] });
  assertEquals(roles(conversation.messages), "uauauauua");
});

Deno.test("runTurn() goes on where upstream has paused", async () => {
  const conversation = new Conversation("c");
  const paused = answerOf([text("Searching")], { stopReason: "pause_turn" });
  const { rounds } = await turn(conversation, {
    transport: {
      ...scripted(),
      stream: (() => {
        const one = scripted(paused);
        let count = 0;
        return async (request, options) => {
          if (count++ === 0) return await one.stream(request, options);
          assertEquals(request.messages.at(-1)?.role, "assistant");
          return await scripted(answerOf([text("Found")])).stream({
            ...request,
            messages: request.messages.slice(0, 1),
          }, options);
        };
      })(),
    },
  });
  assertEquals(rounds, 2);
});

const CANCELS = [
  { name: "before the first answer", at: "request 1", roles: "" },
  { name: "while a tool runs that does not heed it", at: "tool", roles: "uau" },
  { name: "before the second answer", at: "request 2", roles: "uau" },
];

for (const { name, at, roles: left } of CANCELS) {
  Deno.test(`runTurn() cancelled ${name} leaves what the next request can use`, async () => {
    const conversation = new Conversation("c");
    const cancel = new AbortController();
    const reason = new Error("enough");
    const cancelAt = (place: string) => {
      if (place === at) cancel.abort(reason);
    };
    const transport = scripted(
      (_request, signal) => {
        cancelAt("request 1");
        signal.throwIfAborted();
        return answerOf([call("a", "hangs"), call("b", "writes"), call("c", "writes")]);
      },
      (_request, signal) => {
        cancelAt("request 2");
        signal.throwIfAborted();
        return answerOf([text("late")]);
      },
    );
    const tools = [
      tool("hangs", () => {
        cancelAt("tool");
        return at === "tool" ? new Promise(() => {}) : Promise.resolve(textOutput("ran"));
      }, { isParallel: false }),
      tool("writes", () => Promise.resolve(textOutput("ran")), { isParallel: false }),
    ];
    const error = await assertRejects(() =>
      turn(conversation, { transport, tools, signal: cancel.signal })
    );
    assertEquals(error, reason);
    assertEquals(roles(conversation.messages), left);
    assertPaired(conversation.messages);
    if (at === "tool") {
      assertEquals(resultTexts(conversation.messages), [
        "Cancelled by the user before it was done",
        "Not run: the user cancelled",
        "Not run: the user cancelled",
      ]);
    }
    await turn(conversation, { transport: scripted(answerOf([text("Here")])), tools });
    assertPaired(conversation.messages);
  });
}

Deno.test("runTurn(): a failure between rounds keeps what was done, and the next question works", async () => {
  const conversation = new Conversation("c");
  const failure = new TransportError("overloaded", "Cannot get an answer");
  const transport = scripted(
    answerOf([call("a", "one")]),
    failure,
    answerOf([text("Here again")]),
  );
  const error = await assertRejects(() => turn(conversation, { transport, tools: [tool("one")] }));
  assertEquals(error, failure);
  assertEquals(roles(conversation.messages), "uau");
  await turn(conversation, { transport, tools: [tool("one")] });
  assertEquals(roles(conversation.messages), "uauua");
});

Deno.test("runTurn() asks for room before each request, and once more when upstream says too long", async () => {
  const conversation = new Conversation("c");
  const asked: boolean[] = [];
  const overflow = new TransportError("context_overflow", "prompt is too long");
  const transport = scripted(overflow, answerOf([text("ok")]));
  await turn(conversation, {
    transport,
    makeRoom: (_request, { force }) => {
      asked.push(force);
      return Promise.resolve(force);
    },
  });
  assertEquals(asked, [false, true]);
  const again = scripted(overflow, overflow);
  await assertRejects(
    () => turn(conversation, { transport: again, makeRoom: () => Promise.resolve(true) }),
    TransportError,
  );
});

Deno.test("runTurn() bounds what a tool says, and never sends an empty result", async () => {
  const conversation = new Conversation("c");
  await turn(conversation, {
    transport: scripted(
      answerOf([call("a", "long"), call("b", "empty")]),
      answerOf([text("ok")]),
    ),
    tools: [
      tool("long", () => Promise.resolve(textOutput("x".repeat(500_000)))),
      tool("empty", () => Promise.resolve(textOutput(""))),
    ],
  });
  const [long, empty] = resultTexts(conversation.messages);
  assert(long!.length < 61_000);
  assertStringIncludes(long!, "characters left out");
  assertEquals(empty, "(no output)");
});

Deno.test("runTurn(): without anybody to ask nothing is approved", async () => {
  const conversation = new Conversation("c");
  await turn(conversation, {
    transport: scripted(answerOf([call("a", "asks")]), answerOf([text("ok")])),
    tools: [tool("asks", async (_input, { approve }) => {
      const approval = await approve("rm -rf /");
      return textOutput(approval.isApproved ? "yes" : approval.reason);
    })],
  });
  assertEquals(resultTexts(conversation.messages), ["nobody can be asked"]);
});

Deno.test("mendCalls() gives calls a result that a process left without one", () => {
  const broken: Message[] = [
    { role: "user", content: QUESTION },
    { role: "assistant", content: [call("a", "one"), call("b", "one")] },
    {
      role: "user",
      content: [{ type: "tool_result", toolUseId: "x", content: [] }],
    },
    { role: "assistant", content: [call("c", "one")] },
  ];
  const mended = mendCalls(broken.filter((_, index) => index !== 2));
  assertEquals(roles(mended), "uauau");
  assertPaired(mended);
});

const PROVIDERS = ["minimax-oauth", "xai-oauth"];

for (const provider of PROVIDERS) {
  Deno.test(`runTurn() over ${provider}: calls, errors and cuts that its server takes`, async () => {
    const conversation = new Conversation("conv-1");
    const transport = sandboxTransport(provider, {
      quirks: { toolTypeRequired: true, checkSignatures: true },
    });
    const serverTools: OpaqueTool[] = provider === "xai-oauth"
      ? [{
        type: "opaque",
        dialect: "responses",
        kind: "web_search",
        value: { type: "web_search" },
      }]
      : [];
    const model = provider === "xai-oauth" ? "grok-4.3" : "MiniMax-M2.7";
    const ask = (words: string) =>
      runTurn(conversation, [text(words)], {
        transport,
        model,
        signal: never(),
        system: "Be brief",
        serverTools,
        tools: [
          tool("read_file", ({ path }) => Promise.resolve(textOutput(`content of ${path}`)), {
            parameters: {
              type: "object",
              properties: { path: { type: "string" } },
              required: ["path"],
            },
          }),
          tool("fails", () => Promise.reject(new Error("no"))),
        ],
      });
    const { response } = await ask('[tool:read_file {"path":"a.ts"}]');
    assertStringIncludes(JSON.stringify(response.content), "answered: “content of a.ts”");
    await ask("[tools:5] [thinking]");
    await ask("[tool:fails]");
    await ask(provider === "xai-oauth" ? "[incomplete] [tool]" : "[max_tokens] [tool]");
    await assertRejects(() => ask("[cut] now"));
    const last = await ask(provider === "xai-oauth" ? "[search] please" : "Thanks");
    assertEquals(last.rounds, 1);
    assertPaired(conversation.messages);
  });
}
