/** What docs/translation.md says: its rows name tests that exist, and the smaller claims are tested here. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { Dialect } from "../../src/protocols/event.ts";
import { bodyOf, bytesOf, createWorld, type Json } from "./router_support.ts";

const tests = new URL("../", import.meta.url);
const page = await Deno.readTextFile(new URL("../docs/translation.md", tests));
const rows = page.split("\n").filter((line) => /^\| (?!what |---)/.test(line));

Deno.test("docs/translation.md: every row names a test that exists", async (t) => {
  assert(rows.length > 50, `only ${rows.length} rows`);
  for (const row of rows) {
    await t.step(row.slice(0, 80), async () => {
      const [, path, name] = / `([^`]+)`: `(.+)` *\|$/.exec(row) ?? [];
      assert(path !== undefined && name !== undefined, "the row names no test");
      const text = await Deno.readTextFile(new URL(path, tests));
      assertStringIncludes(text.replaceAll("\\`", "`"), name);
    });
  }
});

Deno.test("tests/protocols/README.md names files that exist", async () => {
  const text = await Deno.readTextFile(new URL("protocols/README.md", tests));
  const names = [...text.matchAll(/`([\w/]+\.ts)`/g)].map(([, name]) => name!);
  assert(names.length > 60, `only ${names.length}`);
  for (const name of new Set(names)) {
    const found = await Promise.any(
      ["protocols/", ""].map((folder) => Deno.stat(new URL(folder + name, tests))),
    ).catch(() => undefined);
    assert(found !== undefined, name);
  }
});

Deno.test("docs/translation.md: every direction has its section", () => {
  for (const client of ["Messages", "Chat", "Responses"]) {
    for (const upstream of ["Messages", "Responses"]) {
      assertStringIncludes(page, `\n## ${client} client, ${upstream} upstream`);
    }
  }
});

/** Each row: a wish, and what is sent for it, or the refusal. */
const WISHES: {
  name: string;
  dialect: Dialect;
  model: string;
  body: Json;
  note?: string;
  refused?: string;
  check?: (sent: Json, text: string) => void;
}[] = [
  {
    name: "Messages top_k",
    dialect: "messages",
    model: "my-grok",
    body: { top_k: 5 },
    note: "top_k",
    check: (sent) => assert(!("top_k" in sent)),
  },
  {
    name: "Messages cache_control",
    dialect: "messages",
    model: "my-grok",
    body: { system: [{ type: "text", text: "Hi", cache_control: { type: "ephemeral" } }] },
    check: (_sent, text) => assert(!text.includes("cache_control")),
  },
  {
    name: "Messages is_error",
    dialect: "messages",
    model: "my-grok",
    body: {
      messages: [
        { role: "user", content: "Hi" },
        { role: "assistant", content: [{ type: "tool_use", id: "c", name: "f", input: {} }] },
        {
          role: "user",
          content: [{ type: "tool_result", tool_use_id: "c", content: "boom", is_error: true }],
        },
      ],
    },
    check: ({ input }) => {
      const { output } = input.find((item: Json) => item.type === "function_call_output");
      assert(output !== "boom" && output.endsWith("boom"), output);
    },
  },
  {
    name: "Messages citations",
    dialect: "messages",
    model: "my-grok",
    body: {
      messages: [{
        role: "user",
        content: [{
          type: "document",
          source: { type: "text", media_type: "text/plain", data: "Grass is green" },
          citations: { enabled: true },
        }],
      }],
    },
    note: "Citations",
    check: (_sent, text) => assertStringIncludes(text, "Grass is green"),
  },
  {
    name: "Messages prefill",
    dialect: "messages",
    model: "my-grok",
    body: {
      messages: [{ role: "user", content: "Hi" }, { role: "assistant", content: "The answer" }],
    },
    check: ({ input }) => {
      assertEquals(input.at(-1).role, "assistant");
      assertStringIncludes(JSON.stringify(input.at(-1).content), "The answer");
    },
  },
  { name: "Chat n", dialect: "chat", model: "my-minimax", body: { n: 2 }, refused: "n has no" },
  {
    name: "Chat audio",
    dialect: "chat",
    model: "my-minimax",
    body: { modalities: ["text", "audio"], audio: { voice: "a", format: "wav" } },
    refused: "modalities",
  },
  {
    name: "Chat seed",
    dialect: "chat",
    model: "my-minimax",
    body: {
      seed: 1,
      presence_penalty: 1,
      frequency_penalty: 1,
      logit_bias: { 1: 1 },
      logprobs: true,
    },
    note: "seed",
    check: (_sent, text) => assert(!/seed|penalty|logit_bias|logprobs/.test(text)),
  },
  {
    name: "Chat service_tier",
    dialect: "chat",
    model: "my-minimax",
    body: { service_tier: "priority" },
    check: (sent) => assert(!("service_tier" in sent)),
  },
  {
    name: "Responses truncation",
    dialect: "responses",
    model: "my-minimax",
    body: { truncation: "auto", store: true, include: ["reasoning.encrypted_content"] },
    check: (_sent, text) => assert(!/truncation|store|include/.test(text)),
  },
];
for (const { name, dialect, model, body, note, refused, check } of WISHES) {
  Deno.test(`docs/translation.md: ${name}`, async () => {
    const { router, sent } = createWorld();
    const answer = await router.generate({
      dialect,
      body: bytesOf({ ...bodyOf(dialect, model, "Hello"), ...body }),
    });
    const text = await answer.text();
    if (refused !== undefined) {
      assertEquals([answer.status, sent.length], [400, 0]);
      assertStringIncludes(text, refused);
      return;
    }
    assertEquals(answer.status, 200, text);
    check?.(sent[0]!.json, sent[0]!.text);
    if (note !== undefined) assertStringIncludes(answer.headers.get("grantway-notes") ?? "", note);
  });
}
