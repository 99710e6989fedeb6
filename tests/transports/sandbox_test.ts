/** The transport against the sandbox, in every form that its stream can take. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { TransportError } from "../../src/core/errors.ts";
import type { GenerateRequest, Message, Tool } from "../../src/protocols/event.ts";
import { createSandbox, type SandboxQuirks } from "../../src/sandbox/mod.ts";
import { collectStream } from "../../src/transports/collect.ts";
import { say, tokenSource, transportOver } from "./support.ts";

const source = tokenSource(["sandbox-key"]);
const TOOLS: Tool[] = [
  {
    type: "function",
    name: "read_file",
    parameters: { type: "object", properties: { path: { type: "string" } } },
  },
  { type: "function", name: "now" },
];

const FORMS: { name: string; quirks: Partial<SandboxQuirks> }[] = [
  { name: "as seen last", quirks: {} },
  { name: "CR LF", quirks: { lineEnd: "crlf" } },
  { name: "CR, in single bytes", quirks: { lineEnd: "cr", chunkBytes: 1 } },
  { name: "CR LF, in single bytes", quirks: { lineEnd: "crlf", chunkBytes: 1 } },
  { name: "padded, in threes", quirks: { dataPadding: 20, chunkBytes: 3 } },
  { name: "unknown events", quirks: { unknownEvents: true } },
  { name: "usage of the output alone", quirks: { deltaUsage: "output_only" } },
  { name: "no usage at the end", quirks: { deltaUsage: "missing" } },
  { name: "no pings, no base_resp", quirks: { pings: false, baseResp: false } },
  { name: "a whole answer instead of a stream", quirks: { ignoreStream: true } },
  {
    name: "tools need a type, and signatures are checked",
    quirks: { toolTypeRequired: true, checkSignatures: true },
  },
];
for (const { name, quirks } of FORMS) {
  Deno.test(`Transport reads the sandbox: ${name}`, async () => {
    const transport = transportOver(createSandbox({ quirks }).fetch, { source });
    for (
      const request of [
        say("Grüße, 你好 👩‍🚀"),
        say("[thinking] [long:50] ü"),
        say('[tool:read_file {"path":"größe \\"x\\" 🗂"}]', { tools: TOOLS }),
        say("[tools:3]", { tools: TOOLS }),
        say("[tool:now]", { tools: TOOLS }),
        say("[max_tokens] [long:50]"),
        say("[refusal]"),
      ]
    ) {
      const streamed = await collectStream(await transport.stream(request));
      const whole = await transport.generate(request);
      assertEquals(streamed.stopReason, whole.stopReason);
      const seen = ({ content }: typeof whole) =>
        content.map((block) =>
          block.type === "tool_use"
            ? [block.name, JSON.parse(block.arguments)]
            : block.type === "thinking"
            ? [block.text, block.signature, block.provenance]
            : block
        );
      assertEquals(seen(streamed), seen(whole));
      if (quirks.deltaUsage !== "missing") {
        assertEquals(streamed.usage.outputTokens, whole.usage.outputTokens);
      }
    }
  });
}

Deno.test("Transport carries a tool loop with thinking through the sandbox", async () => {
  const quirks = { checkSignatures: true, toolTypeRequired: true };
  const transport = transportOver(createSandbox({ quirks }).fetch, { source });
  const messages: Message[] = [{
    role: "user",
    content: [{ type: "text", text: "[thinking] [tools:2]" }],
  }];
  const request = (): GenerateRequest => ({ ...say(""), messages, tools: TOOLS });
  const first = await collectStream(await transport.stream(request()));
  assertEquals(first.stopReason, "tool_use");
  const calls = first.content.filter((block) => block.type === "tool_use");
  assertEquals(calls.length, 2);
  messages.push({ role: "assistant", content: first.content }, {
    role: "user",
    content: calls.map(({ id }) => ({
      type: "tool_result" as const,
      toolUseId: id,
      content: [{ type: "text" as const, text: "done" }],
    })),
  });
  const second = await transport.generate(request());
  assertEquals(second.stopReason, "end_turn");
});

const FAILURES: { text: string; code: string; quirks?: Partial<SandboxQuirks> }[] = [
  { text: "[error:1002,200]", code: "rate_limited" },
  { text: "[error:1008]", code: "quota_exhausted" },
  { text: "[error:1026]", code: "content_filter" },
  { text: "[error:2013]", code: "invalid_request" },
  { text: "[error:2056]", code: "quota_exhausted" },
  { text: "[error:2056,200]", code: "quota_exhausted" },
  { text: "[error:2061]", code: "not_entitled" },
  { text: "[error:404]", code: "not_found" },
  { text: "[error:529]", code: "overloaded" },
  {
    text: "hello",
    quirks: { failNext: 9, failWith: "html_502", failOn: "messages" },
    code: "upstream",
  },
  {
    text: "hello",
    quirks: { failNext: 9, failWith: "html", failOn: "messages" },
    code: "upstream",
  },
  {
    text: "hello",
    quirks: { failNext: 9, failWith: "truncated_json", failOn: "messages" },
    code: "upstream",
  },
  {
    text: "hello",
    quirks: { failNext: 9, failWith: "oversized_500", failOn: "messages" },
    code: "upstream",
  },
  {
    text: "hello",
    quirks: { failNext: 9, failWith: "connection_lost", failOn: "messages" },
    code: "network",
  },
];
for (const { text, code, quirks = {} } of FAILURES) {
  Deno.test(`Transport fails with ${code} on the sandbox's ${JSON.stringify({ text, ...quirks })}`, async () => {
    const transport = transportOver(createSandbox({ quirks }).fetch, { source });
    for (const method of ["stream", "generate"] as const) {
      const failure = await assertRejects(() => transport[method](say(text)), TransportError);
      assertEquals<string>(failure.code, code);
    }
  });
}

Deno.test("Transport outlives two failures of the sandbox", async () => {
  for (
    const failWith of ["status_500", "html_502", "status_503", "status_429", "status_408"] as const
  ) {
    const sandbox = createSandbox({ quirks: { failNext: 2, failWith, failOn: "messages" } });
    const transport = transportOver(sandbox.fetch, { source });
    assertEquals(
      (await collectStream(await transport.stream(say("hello")))).stopReason,
      "end_turn",
    );
  }
});

const BROKEN: { text: string; code: string }[] = [
  { text: "[long:50] [cut]", code: "stream_interrupted" },
  { text: "[long:50] [cut:stop]", code: "stream_interrupted" },
  { text: "[long:50] [midstream-error]", code: "upstream" },
  { text: "[long:50] [midstream-error:1002]", code: "rate_limited" },
];
for (const { text, code } of BROKEN) {
  Deno.test(`Transport.stream() ends with ${code} on the sandbox's ${text}`, async () => {
    const sandbox = createSandbox();
    const stream = await transportOver(sandbox.fetch, { source }).stream(say(text));
    const failure = await assertRejects(() => collectStream(stream), TransportError);
    assertEquals<string>(failure.code, code);
  });
}

Deno.test("Transport counts tokens with the sandbox", async () => {
  const count = await transportOver(createSandbox().fetch, { source }).countTokens(say("hello"));
  assert(count > 0);
});
