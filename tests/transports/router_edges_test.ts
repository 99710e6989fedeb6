/** What passes through the router untouched, what is changed on the way, and what it refuses. */

import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { encodeSeal } from "../../src/protocols/envelope.ts";
import { MAX_SEAL_BYTES } from "../../src/protocols/seal_limit.ts";
import type { Dialect } from "../../src/protocols/event.ts";
import {
  bodyOf,
  bytesOf,
  clientOf,
  createWorld,
  framesOf,
  type Json,
  MODELS,
  ROUTES,
} from "./router_support.ts";

const PIXEL =
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
const IMAGES: Record<Dialect, Json[]> = {
  messages: [{
    role: "user",
    content: [
      { type: "text", text: "What is it?" },
      { type: "image", source: { type: "base64", media_type: "image/png", data: PIXEL } },
    ],
  }],
  chat: [{
    role: "user",
    content: [
      { type: "text", text: "What is it?" },
      { type: "image_url", image_url: { url: `data:image/png;base64,${PIXEL}` } },
    ],
  }],
  responses: [{
    role: "user",
    content: [
      { type: "input_text", text: "What is it?" },
      { type: "input_image", image_url: `data:image/png;base64,${PIXEL}`, detail: "auto" },
    ],
  }],
};
for (const { dialect, model, name } of ROUTES) {
  Deno.test(`Router: ${name}: an image, or a remark and a note`, async () => {
    const { router, sent } = createWorld();
    const field = dialect === "responses" ? "input" : "messages";
    const body = bytesOf({ ...bodyOf(dialect, model, ""), [field]: IMAGES[dialect] });
    const response = await router.generate({ dialect, body });
    assertEquals(response.status, 200);
    await response.body?.cancel();
    if (model === "my-grok") {
      const part = sent[0]!.json.input[0].content[1];
      assertEquals([part.type, part.image_url], ["input_image", `data:image/png;base64,${PIXEL}`]);
    } else {
      assertEquals(sent[0]!.json.messages[0].content[1].type, "text");
      assertStringIncludes(response.headers.get("grantway-notes")!, "cannot see images");
    }
  });
}

const SAME: { name: string; dialect: Dialect; model: string; body: Json; same: boolean }[] = [
  {
    name: "Messages without anything to change",
    dialect: "messages",
    model: "MiniMax-M2.7",
    body: { system: "Be brief", temperature: 0.5 },
    same: true,
  },
  {
    name: "Messages with a temperature that is refused",
    dialect: "messages",
    model: "MiniMax-M2.7",
    body: { temperature: 0 },
    same: false,
  },
  {
    name: "Messages with a field that is not known",
    dialect: "messages",
    model: "MiniMax-M2.7",
    body: { context_management: { edits: [] } },
    same: false,
  },
  {
    name: "Messages under a name of the client's own",
    dialect: "messages",
    model: "my-minimax",
    body: {},
    same: false,
  },
  {
    name: "Responses without anything to change",
    dialect: "responses",
    model: "grok-4.3",
    body: { store: false, include: ["reasoning.encrypted_content"] },
    same: true,
  },
  {
    name: "Responses that would be stored",
    dialect: "responses",
    model: "grok-4.3",
    body: { store: undefined },
    same: false,
  },
];
for (const { name, dialect, model, body, same } of SAME) {
  Deno.test(`Router sends ${same ? "the very bytes" : "other bytes"}: ${name}`, async () => {
    const { router, sent } = createWorld();
    const text = JSON.stringify(
      bodyOf(dialect, model, "Hello", { ...body, stream: true }),
      null,
      1,
    );
    const response = await router.generate({ dialect, body: new TextEncoder().encode(text) });
    assertEquals(response.status, 200);
    assertEquals(framesOf(await response.text()).length > 5, true);
    assertEquals(sent[0]!.text === text, same);
  });
}

Deno.test("Router leaves out the oldest of too much sealed reasoning, and says so", async () => {
  const { router, sent } = createWorld();
  const model = "grok-4.3";
  const item = (mark: string, length: number) => ({
    type: "reasoning",
    summary: [],
    encrypted_content: encodeSeal({
      type: "thinking",
      text: "",
      signature: mark + "x".repeat(length),
      redacted: true,
      provenance: { origin: "xai", model },
    }),
  });
  const said = { role: "assistant", content: "Hi" };
  const response = await router.generate({
    dialect: "responses",
    body: bytesOf(bodyOf("responses", model, "", {
      input: [item("old", 9), said, item("new", MAX_SEAL_BYTES - 5), said, {
        role: "user",
        content: "Go",
      }],
    })),
  });
  assertEquals(response.status, 200);
  assertStringIncludes(response.headers.get("grantway-notes")!, "more than 8 MiB");
  const seals = sent[0]!.json.input.flatMap((item: Json) =>
    item.encrypted_content?.slice(0, 3) ?? []
  );
  assertEquals(seals, ["new"]);
});

Deno.test("Router: stop sequences hold where upstream has none", async () => {
  for (const { dialect, model } of ROUTES.filter(({ dialect }) => dialect !== "responses")) {
    const { router } = createWorld();
    const stop = dialect === "messages" ? { stop_sequences: ["sandbox"] } : { stop: ["sandbox"] };
    const body = bytesOf(bodyOf(dialect, model, "Hello", stop));
    const answer = await (await router.generate({ dialect, body })).json();
    const text = dialect === "messages"
      ? answer.content.at(-1).text
      : answer.choices[0].message.content;
    assert(text.endsWith("This is the Grantway "), text);
    if (dialect === "messages") {
      assertEquals([answer.stop_reason, answer.stop_sequence], ["stop_sequence", "sandbox"]);
    }
  }
});

Deno.test("Router: tool names that upstream does not take come back as they were", async () => {
  const tool = "mcp__server__" + "long_name_".repeat(8);
  for (const { dialect, model } of ROUTES) {
    const { router, sent } = createWorld();
    const schema = { type: "object", properties: {} };
    const tools = {
      messages: [{ name: tool, input_schema: schema }],
      chat: [{ type: "function", function: { name: tool, parameters: schema } }],
      responses: [{ type: "function", name: tool, parameters: schema, strict: false }],
    }[dialect];
    const body = bytesOf(bodyOf(dialect, model, "[tool]", { tools, stream: true }));
    const text = await (await router.generate({ dialect, body })).text();
    assertStringIncludes(text, `"name":"${tool}"`);
    assert(!sent[0]!.text.includes(tool));
  }
});

Deno.test("Router.countTokens() answers in the form of the dialect", async () => {
  for (const model of MODELS) {
    const { router } = createWorld();
    const messages = await router.countTokens({
      dialect: "messages",
      body: bytesOf({ model, messages: [{ role: "user", content: "Hello" }] }),
    });
    const counted = await messages.json();
    assertEquals(Object.keys(counted), ["input_tokens"]);
    assert(counted.input_tokens > 0);
    const responses = await router.countTokens({
      dialect: "responses",
      body: bytesOf({ model, input: "Hello" }),
    });
    const { object, input_tokens } = await responses.json();
    assertEquals([object, input_tokens > 0], ["response.input_tokens", true]);
  }
});

const REFUSED: { name: string; dialect: Dialect; body: string; status: number; type: string }[] = [
  { name: "no JSON", dialect: "messages", body: "{", status: 400, type: "invalid_request_error" },
  { name: "no model", dialect: "chat", body: "{}", status: 400, type: "invalid_request_error" },
  {
    name: "an array",
    dialect: "responses",
    body: "[]",
    status: 400,
    type: "invalid_request_error",
  },
  {
    name: "several answers",
    dialect: "chat",
    body: JSON.stringify(bodyOf("chat", "my-grok", "Hello", { n: 2 })),
    status: 400,
    type: "invalid_request_error",
  },
  {
    name: "a stored conversation",
    dialect: "responses",
    body: JSON.stringify(bodyOf("responses", "my-minimax", "Hi", { previous_response_id: "r" })),
    status: 400,
    type: "invalid_request_error",
  },
];
for (const { name, dialect, body, status, type } of REFUSED) {
  Deno.test(`Router refuses ${name} in the client's dialect`, async () => {
    const { router, sent } = createWorld();
    const response = await router.generate({
      dialect,
      body: new TextEncoder().encode(body),
      requestId: "req-1",
    });
    assertEquals(response.status, status);
    assertEquals((await response.json()).error.type, type);
    assertEquals(
      response.headers.get(dialect === "messages" ? "request-id" : "x-request-id"),
      "req-1",
    );
    assertEquals(sent.length, 0);
  });
}

Deno.test("Router passes on the reason when the client has left before the answer", async () => {
  const { router } = createWorld();
  const reason = new Error("left");
  const body = bytesOf(bodyOf("messages", "my-grok", "Hello"));
  const call = { dialect: "messages" as const, body, signal: AbortSignal.abort(reason) };
  assertEquals(await assertRejects(() => router.generate(call)), reason);
});

Deno.test("Router names the conversation of Claude Code to a cache that goes by it", async () => {
  const id = "0b9e2a39-5f5c-4c4e-9d52-6f9f5e1f2a33";
  for (const user of [JSON.stringify({ session_id: id }), `user_abc_account__session_${id}`]) {
    const { router, sent } = createWorld();
    const body = bytesOf(bodyOf("messages", "my-grok", "Hello", { metadata: { user_id: user } }));
    await (await router.generate({ dialect: "messages", body })).body?.cancel();
    assertEquals(sent[0]!.json.prompt_cache_key, id);
    assert(!sent[0]!.text.includes("account"));
  }
});

Deno.test("Router answers in the asked form when upstream answers in the other", async () => {
  const { fetch } = createWorld({ quirks: { ignoreStream: true } });
  const client = clientOf("messages", fetch);
  const turn = await client.ask("my-minimax", client.say("Hello"), { stream: true });
  assertStringIncludes(turn.text, "Hello");
});
