import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import type { SandboxQuirks } from "../../../src/sandbox/mod.ts";
import { type Json, parseFrames, testSandbox } from "../support.ts";
import {
  login,
  postResponses,
  respond,
  responsesBody,
  streamEvents,
  WEATHER_TOOL,
} from "./support.ts";

const TOOLS = { tools: [WEATHER_TOOL, { ...WEATHER_TOOL, name: "get_time" }] };
const HOSTED = {
  tools: [{ type: "web_search" }, { type: "x_search" }, { type: "code_interpreter" }],
};
const ENCRYPTED = { include: ["reasoning.encrypted_content"] };

/** Types in their order, repeated deltas once. */
function outline(events: readonly Json[]): string[] {
  return events.map(({ type }) => type.replace(/^response\./, ""))
    .filter((type, index, all) => type !== all[index - 1]);
}

/** Ids differ from one answer to the next. */
function withoutIds(value: unknown): Json {
  return JSON.parse(
    JSON.stringify(value).replace(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, "ID")
      .replace(/call_[0-9a-f]{8}/g, "call_ID"),
  );
}

const REASONING = [
  "output_item.added",
  "reasoning_summary_part.added",
  "reasoning_summary_text.delta",
  "reasoning_summary_text.done",
  "reasoning_summary_part.done",
  "output_item.done",
];
const MESSAGE = [
  "output_item.added",
  "content_part.added",
  "output_text.delta",
  "output_text.done",
  "content_part.done",
  "output_item.done",
];

Deno.test("xai stream: the grammar, and the same content as without streaming", async () => {
  const { sandbox } = testSandbox();
  const events = await streamEvents(sandbox, "hello");
  assertEquals(outline(events), [
    "created",
    "in_progress",
    ...REASONING,
    ...MESSAGE,
    "completed",
  ]);
  assertEquals(events.map((event) => event.sequence_number), events.map((_, index) => index));
  const [created] = events;
  assertMatch(created.response.id, /^[0-9a-f-]{36}$/);
  assertEquals([created.response.status, created.response.output], ["in_progress", []]);
  assert(!("usage" in created.response));
  const final = events.at(-1).response;
  const done = events.filter(({ type }) => type === "response.output_item.done");
  assertEquals(done.map(({ item }) => item), final.output);
  const text = events.filter(({ type }) => type === "response.output_text.delta")
    .map(({ delta }) => delta).join("");
  assertEquals(text, final.output[1].content[0].text);
  assertStringIncludes(text, "You wrote: “hello”");
  assertEquals(withoutIds(await respond(sandbox, "hello")), withoutIds(final));
});

Deno.test("xai answer: ids, usage and ticks", async () => {
  const { sandbox } = testSandbox();
  const before = [
    { role: "user", content: "x".repeat(2000) },
    { role: "assistant", content: "Yes?" },
  ];
  const first = await respond(sandbox, [...before, { role: "user", content: "go on" }]);
  assertEquals(first.usage.input_tokens_details.cached_tokens, 0);
  const body = await respond(sandbox, [...before, { role: "user", content: "[thinking] go on" }]);
  assertEquals(body.output[0].id, `rs_${body.id}`);
  assertEquals(body.output[1].id, `msg_${body.id}`);
  const { usage } = body;
  assert(usage.input_tokens_details.cached_tokens > 0);
  assertEquals(usage.input_tokens_details.cached_tokens % 64, 0);
  assert(usage.input_tokens_details.cached_tokens < usage.input_tokens);
  assert(usage.output_tokens > usage.output_tokens_details.reasoning_tokens);
  assertEquals(usage.total_tokens, usage.input_tokens + usage.output_tokens);
  const cached = usage.input_tokens_details.cached_tokens;
  // 1.25, 0.2 and 2.5 US dollars per million tokens, 10^10 ticks to the dollar.
  assertEquals(
    usage.cost_in_usd_ticks,
    (usage.input_tokens - cached) * 12_500 + cached * 2_000 + usage.output_tokens * 25_000,
  );
});

Deno.test("xai answer: a retired model answers under its successor's name", async () => {
  const { sandbox } = testSandbox();
  const fast = await respond(sandbox, "hi", { model: "grok-code-fast-1" });
  assertEquals([fast.model, fast.reasoning.effort], ["grok-4.3", "low"]);
  const plain = await respond(sandbox, "[thinking] hi", { model: "grok-4-fast-non-reasoning" });
  assertEquals(plain.output.map(({ type }: Json) => type), ["message"]);
});

const SILENT = [
  { name: "effort none", fields: { reasoning: { effort: "none" } } },
  { name: "a model that does not reason", fields: { model: "grok-4.20-0309-non-reasoning" } },
];
for (const { name, fields } of SILENT) {
  Deno.test(`xai answer with ${name} has no reasoning`, async () => {
    const body = await respond(testSandbox().sandbox, "[thinking] hi", fields);
    assertEquals(body.output.map(({ type }: Json) => type), ["message"]);
    assertEquals(body.usage.output_tokens_details.reasoning_tokens, 0);
  });
}

Deno.test("xai stream: encrypted_content comes with the end of its item, where it is asked for", async () => {
  const { sandbox } = testSandbox();
  const events = await streamEvents(sandbox, "[thinking] hi", ENCRYPTED);
  const withBlob = events.filter((event) => JSON.stringify(event).includes("encrypted_content"));
  assertEquals(withBlob.map(({ type }) => type), [
    "response.output_item.done",
    "response.completed",
  ]);
  assertEquals(withBlob[0].item.summary.length, 2);
  const without = await streamEvents(sandbox, "hi");
  assert(!JSON.stringify(without).includes("encrypted_content"));
});

for (
  const { text, fields, quirks } of [
    { text: "[encrypted] hi", fields: {}, quirks: {} },
    { text: "hi", fields: ENCRYPTED, quirks: { reasoningEvents: "item_only" } },
  ] as const
) {
  Deno.test(`xai stream of ${text} ${JSON.stringify(quirks)}: reasoning is its end alone`, async () => {
    const events = await streamEvents(testSandbox({ quirks }).sandbox, text, fields);
    assertEquals(outline(events), [
      "created",
      "in_progress",
      "output_item.done",
      ...MESSAGE,
      "completed",
    ]);
    assertMatch(events[2].item.encrypted_content, /^[A-Za-z0-9+/]{2000,}$/);
  });
}

Deno.test("xai stream of a model that reasons silently", async () => {
  const { sandbox } = testSandbox();
  const { access_token } = await login(sandbox);
  const response = await postResponses(
    sandbox,
    responsesBody("hi", { model: "grok-composer-2.5-fast" }),
    { authorization: `Bearer ${access_token}` },
  );
  const { output } = await response.json();
  assertEquals(output[0].summary, []);
});

Deno.test("xai stream with reasoningEvents text: content parts in place of a summary", async () => {
  const { sandbox } = testSandbox({ quirks: { reasoningEvents: "text" } });
  const events = await streamEvents(sandbox, "hi");
  assertEquals(outline(events).slice(2, 8), [
    "output_item.added",
    "content_part.added",
    "reasoning_text.delta",
    "reasoning_text.done",
    "content_part.done",
    "output_item.done",
  ]);
  const [reasoning] = (await respond(sandbox, "hi")).output;
  assertEquals([reasoning.summary, reasoning.content[0].type], [[], "reasoning_text"]);
});

const CALL = [
  "output_item.added",
  "function_call_arguments.delta",
  "function_call_arguments.done",
  "output_item.done",
];
const ARGUMENTS: {
  name: string;
  text: string;
  fields?: Json;
  quirks?: Partial<SandboxQuirks>;
  outline: string[];
  deltas: number;
}[] = [
  { name: "one delta", text: "[tool] hi", outline: CALL, deltas: 1 },
  {
    name: "several deltas",
    text: "[tool] hi",
    fields: { stream_tool_calls: true },
    outline: CALL,
    deltas: 2,
  },
  {
    name: "no delta",
    text: "[tool] [args-done-only] hi",
    outline: [CALL[0]!, CALL[2]!, CALL[3]!],
    deltas: 0,
  },
  {
    name: "no event",
    text: "[tool] hi",
    quirks: { argumentEvents: "item_only" },
    outline: [CALL[0]!, CALL[3]!],
    deltas: 0,
  },
];
for (const { name, text, fields = {}, quirks = {}, outline: expected, deltas } of ARGUMENTS) {
  Deno.test(`xai stream: arguments in ${name}`, async () => {
    const { sandbox } = testSandbox({ quirks });
    const events = await streamEvents(sandbox, text, { ...TOOLS, ...fields });
    assertEquals(outline(events).slice(2 + REASONING.length, -1), expected);
    const pieces = events.filter(({ type }) => type.endsWith("arguments.delta"));
    assertEquals(pieces.length, deltas);
    const { item } = events.at(-2);
    assertEquals([item.name, item.arguments], ["get_weather", '{"place":"sandbox"}']);
    assertEquals(events.find(({ item }) => item?.type === "function_call").item.arguments, "");
    if (deltas > 0) assertEquals(pieces.map(({ delta }) => delta).join(""), item.arguments);
  });
}

const CALLS: { text: string; fields?: Json; calls: [string, string][] }[] = [
  { text: "[tool:get_time] hi", calls: [["get_time", '{"place":"sandbox"}']] },
  { text: '[tool:get_time {"place":"Rome"}] hi', calls: [["get_time", '{"place":"Rome"}']] },
  {
    text: "[tools:3] hi",
    calls: ["get_weather", "get_time", "get_weather"].map((name) => [name, '{"place":"sandbox"}']),
  },
  { text: "[tool] hi", fields: { tool_choice: "none" }, calls: [] },
  {
    text: "hi",
    fields: { tool_choice: "required" },
    calls: [["get_weather", '{"place":"sandbox"}']],
  },
  {
    text: "[tools:2] hi",
    fields: { tool_choice: { type: "function", name: "get_time" } },
    calls: [["get_time", '{"place":"sandbox"}'], ["get_time", '{"place":"sandbox"}']],
  },
];
for (const { text, fields = {}, calls } of CALLS) {
  Deno.test(`xai answer to ${text} ${JSON.stringify(fields)} calls ${calls.length}`, async () => {
    const { output } = await respond(testSandbox().sandbox, text, { ...TOOLS, ...fields });
    const made = output.filter(({ type }: Json) => type === "function_call");
    assertEquals(made.map((call: Json) => [call.name, call.arguments]), calls);
    assertEquals(new Set(made.map((call: Json) => call.call_id)).size, calls.length);
    assertEquals(new Set(made.map((call: Json) => call.id)).size, calls.length);
  });
}

Deno.test("xai answer to results: what the tools said, and no second call", async () => {
  const { sandbox } = testSandbox();
  const first = await respond(sandbox, "[tools:2] hi", { ...TOOLS, ...ENCRYPTED });
  const calls = first.output.filter(({ type }: Json) => type === "function_call");
  const { output } = await respond(sandbox, [
    { role: "user", content: "[tools:2] hi" },
    ...first.output,
    { type: "function_call_output", call_id: calls[0].call_id, output: "sunny" },
    {
      type: "function_call_output",
      call_id: calls[1].call_id,
      output: [{ type: "input_text", text: "noon" }],
    },
  ], TOOLS);
  assertEquals(
    output.at(-1).content[0].text,
    "The tool get_weather answered: “sunny” The tool get_time answered: “noon”",
  );
});

Deno.test("xai stream: [search] runs hosted tools out of order, and cites", async () => {
  const { sandbox } = testSandbox();
  const events = await streamEvents(sandbox, "[search] hi", HOSTED);
  const order = events.filter(({ type }) => /output_item/.test(type))
    .map(({ type, output_index }) => `${type.split(".").at(-1)} ${output_index}`);
  assertEquals(order, [
    "added 0",
    "done 0",
    "added 1",
    "added 2",
    "added 3",
    "added 4",
    "done 4",
    "done 3",
    "done 2",
    "done 1",
    "added 5",
    "done 5",
  ]);
  const { output, usage } = events.at(-1).response;
  assertEquals(output.map(({ type }: Json) => type), [
    "reasoning",
    "web_search_call",
    "custom_tool_call",
    "custom_tool_call",
    "code_interpreter_call",
    "message",
  ]);
  for (const trace of output.slice(2, 4)) {
    assertMatch(trace.call_id, /^xs_call/);
    assertMatch(trace.name, /^x_(keyword|semantic)_search$/);
    assertEquals(trace.status, "in_progress");
  }
  const types = new Set(outline(events));
  for (
    const type of [
      "web_search_call.searching",
      "code_interpreter_call.interpreting",
      "custom_tool_call_input.delta",
    ]
  ) {
    assert(types.has(type), type);
  }
  const [part] = output[5].content;
  const cited = part.annotations[0];
  assertEquals(part.text.slice(cited.start_index, cited.end_index), "[[1]](https://x.ai/)");
  assertEquals(events.filter(({ type }) => type.endsWith("annotation.added")).length, 2);
  assertEquals(usage.num_server_side_tools_used, 4);
  assert(usage.input_tokens > usage.context_details.input_tokens);
});

const HOSTED_TOOLS: [tool: Json, phases: string[]][] = [
  [{ type: "file_search", vector_store_ids: ["v"] }, ["in_progress", "searching", "completed"]],
  [{ type: "mcp", server_label: "a", server_url: "https://a.example" }, [
    "in_progress",
    "completed",
  ]],
  [{ type: "image_generation" }, ["in_progress", "generating", "completed"]],
];
for (const [tool, phases] of HOSTED_TOOLS) {
  Deno.test(`xai stream: [search] with ${tool.type}`, async () => {
    const fields = { model: "grok-4.6", tools: [tool] };
    const events = await streamEvents(testSandbox().sandbox, "[search] hi", fields);
    const { type } = events.at(-1).response.output[1];
    assertEquals(type, `${tool.type}_call`);
    assertEquals(
      events.map((event) => event.type).filter((name) => name.startsWith(`response.${type}.`)),
      phases.map((phase) => `response.${type}.${phase}`),
    );
  });
}

Deno.test("xai stream: [search] without hosted tools finds nothing to run", async () => {
  const { output } = await respond(testSandbox().sandbox, "[search] hi", TOOLS);
  assertEquals(output.map(({ type }: Json) => type), ["reasoning", "message"]);
  assertEquals(output[1].content[0].annotations, []);
});

Deno.test("xai stream: [interleave] mixes items, whose indices have gaps", async () => {
  const events = await streamEvents(testSandbox().sandbox, "[tools:2] [interleave] hi", TOOLS);
  const items = events.filter(({ type }) => /output_item/.test(type));
  assertEquals(items.map(({ output_index }) => output_index), [0, 2, 4, 4, 2, 0]);
  const indices = events.filter(({ output_index }) => output_index !== undefined)
    .map(({ output_index }) => output_index);
  const changes = indices.filter((index, at) => index !== indices[at - 1]).length;
  assert(changes > 8, indices.join());
});

Deno.test("xai answer: [refusal], [commentary] and [parts]", async () => {
  const { sandbox } = testSandbox();
  const refused = (await streamEvents(sandbox, "[refusal]")).slice(2 + 10);
  assertEquals(outline(refused).slice(-7, -1), [
    "output_item.added",
    "content_part.added",
    "refusal.delta",
    "refusal.done",
    "content_part.done",
    "output_item.done",
  ]);
  const { output } = await respond(sandbox, "[commentary] [parts] hi");
  const [, first, last] = output;
  assertEquals([first.phase, last.phase], ["commentary", "final_answer"]);
  assert(first.id !== last.id);
  assertEquals([first.content.length, last.content.length], [1, 2]);
  assertStringIncludes(last.content.map(({ text }: Json) => text).join(""), "You wrote: “hi”");
});

const INCOMPLETE: { text: string; fields?: Json; reason: string }[] = [
  { text: "[incomplete] hi", reason: "max_output_tokens" },
  { text: "[incomplete:content_filter] hi", reason: "content_filter" },
  { text: "[long:50]", fields: { max_output_tokens: 20 }, reason: "max_output_tokens" },
];
for (const { text, fields = {}, reason } of INCOMPLETE) {
  Deno.test(`xai answer to ${text} is incomplete: ${reason}`, async () => {
    const { sandbox } = testSandbox();
    const last = (await streamEvents(sandbox, text, fields)).at(-1);
    assertEquals(last.type, "response.incomplete");
    for (const response of [last.response, await respond(sandbox, text, fields)]) {
      assertEquals([response.status, response.incomplete_details], ["incomplete", { reason }]);
      assertEquals(response.output.at(-1).status, "incomplete");
    }
  });
}

Deno.test("xai answer: [incomplete] breaks arguments off", async () => {
  const { output } = await respond(testSandbox().sandbox, "[tool] [incomplete]", TOOLS);
  assertEquals(output.at(-1).status, "incomplete");
  assertEquals(output.at(-1).arguments, '{"place":"');
});

const FAILED = [
  { text: "[failed] hi", code: "server_error" },
  { text: "[failed:rate_limit_exceeded] hi", code: "rate_limit_exceeded" },
];
for (const { text, code } of FAILED) {
  Deno.test(`xai answer to ${text} fails with ${code}`, async () => {
    const { sandbox } = testSandbox();
    const events = await streamEvents(sandbox, text);
    assert(events.some(({ type }) => type.endsWith(".delta")));
    assertEquals(events.at(-1).type, "response.failed");
    for (const response of [events.at(-1).response, await respond(sandbox, text)]) {
      assertEquals([response.status, response.error.code], ["failed", code]);
    }
  });
}

Deno.test("xai stream: [midstream-error] is a flat error event and the end", async () => {
  const { sandbox } = testSandbox();
  const events = await streamEvents(sandbox, "[midstream-error] hi");
  assertEquals(Object.keys(events.at(-1)), ["type", "message", "code", "param"]);
  assertEquals(events.at(-1).type, "error");
  assert(events.length > 5);
  assertEquals((await postResponses(sandbox, responsesBody("[midstream-error]"))).status, 500);
});

Deno.test("xai stream: [cut] ends inside an item, [cut:stop] before the last event", async () => {
  const { sandbox } = testSandbox();
  const whole = outline(await streamEvents(sandbox, "hi"));
  assertEquals(outline(await streamEvents(sandbox, "[cut:stop] hi")), whole.slice(0, -1));
  const cut = outline(await streamEvents(sandbox, "[cut] hi"));
  assert(cut.at(-1)!.endsWith(".delta"), cut.at(-1)!);
  const text = await (await postResponses(sandbox, responsesBody("[cut] hi"))).text();
  assert(text.startsWith("{") && !text.endsWith("}"));
});

Deno.test("xai stream: [hang] falls silent until the client leaves", async () => {
  const { sandbox } = testSandbox();
  const response = await postResponses(sandbox, responsesBody("[hang] hi", { stream: true }));
  const reader = response.body!.getReader();
  const decoder = new TextDecoder();
  const frames = (await streamEvents(sandbox, "[midstream-error] hi")).length - 1;
  let text = "";
  for (let i = 0; i < frames; i++) text += decoder.decode((await reader.read()).value);
  assertEquals(parseFrames(text).length, frames);
  const silence = reader.read();
  await reader.cancel();
  assertEquals((await silence).done, true);
  assertEquals(sandbox.counters.cancelledStreams, 1);
});

Deno.test("xai stream: [slow] waits before each frame, [keepalive] fills in", async () => {
  const { sandbox, waits } = testSandbox();
  const events = await streamEvents(sandbox, "[slow] [keepalive] hi");
  assertEquals(waits, events.map(() => 500));
  const kept = events.filter(({ type }) => type === "keepalive");
  assertEquals(kept.map((event) => Object.keys(event)), [["sequence_number", "type"], [
    "sequence_number",
    "type",
  ]]);
});

Deno.test("xai answer: [long:N] has N words", async () => {
  const { output } = await respond(testSandbox().sandbox, "[long:3000]");
  assertEquals(output[1].content[0].text.split(" ").length, 3000);
});

const FINALS: { quirks: Partial<SandboxQuirks>; check: (event: Json) => void }[] = [
  { quirks: { finalOutput: "empty" }, check: ({ response }) => assertEquals(response.output, []) },
  { quirks: { finalOutput: "missing" }, check: ({ response }) => assert(!("output" in response)) },
  { quirks: { finalUsage: "missing" }, check: ({ response }) => assert(!("usage" in response)) },
  {
    quirks: { finalUsage: "plain" },
    check: ({ response }) =>
      assertEquals(Object.keys(response.usage), ["input_tokens", "output_tokens", "total_tokens"]),
  },
  {
    quirks: { finalEvent: "response.done" },
    check: ({ type }) => assertEquals(type, "response.done"),
  },
  {
    quirks: { unknownEvents: true },
    check: ({ type }) => assertEquals(type, "response.completed"),
  },
];
for (const { quirks, check } of FINALS) {
  Deno.test(`xai stream with ${JSON.stringify(quirks)}`, async () => {
    const events = await streamEvents(testSandbox({ quirks }).sandbox, "hi");
    check(events.at(-1));
    assertEquals(
      events.some(({ type }) => type === "response.trace"),
      quirks.unknownEvents === true,
    );
  });
}

Deno.test("xai stream with doneFrame, rotatingIds and doom loop check", async () => {
  const { sandbox } = testSandbox({ quirks: { doneFrame: true } });
  const body = responsesBody("hi", { stream: true });
  const text = await (await postResponses(sandbox, body)).text();
  assert(text.endsWith("\n\ndata: [DONE]\n\n"));
  sandbox.setQuirks({ doneFrame: false, rotatingIds: true });
  const ids = (await streamEvents(sandbox, "hi")).map((event) => event.item_id ?? event.item?.id)
    .filter((id) => id !== undefined);
  assertEquals(new Set(ids).size, ids.length);
  const checked = await streamEvents(sandbox, "hi", {}, { "x-grok-doom-loop-check": "512" });
  assertEquals(checked.at(-2).type, "response.doom_loop_check");
  assertEquals(checked.at(-1).response.doom_loop_check, { triggers: [] });
});

Deno.test("xai stream with ignoreStream is one body, with chunkBytes 1 the same text", async () => {
  const { sandbox } = testSandbox({ quirks: { ignoreStream: true } });
  const body = responsesBody("“ü”", { stream: true });
  const whole = await (await postResponses(sandbox, body)).json();
  sandbox.setQuirks({ ignoreStream: false, chunkBytes: 1, lineEnd: "lf" });
  const final = (await streamEvents(sandbox, "“ü”")).at(-1).response;
  assertEquals(withoutIds(final), withoutIds(whole));
});

Deno.test("xai answer: structured output fits its schema", async () => {
  const { sandbox } = testSandbox();
  const format = { type: "json_schema", name: "place", schema: WEATHER_TOOL.parameters };
  const textOf = ({ output }: Json) => JSON.parse(output.at(-1).content[0].text);
  assertEquals(textOf(await respond(sandbox, "hi", { text: { format } })), { place: "sandbox" });
  const free = textOf(await respond(sandbox, "hi", { text: { format: { type: "json_object" } } }));
  assertStringIncludes(free.answer, "You wrote");
});
