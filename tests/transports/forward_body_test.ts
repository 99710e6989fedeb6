import { assertEquals } from "@std/assert";
import { messagesClientCodec } from "../../src/protocols/messages/client_codec.ts";
import { messagesCodec } from "../../src/protocols/messages/codec.ts";
import { responsesClientCodec } from "../../src/protocols/responses/client_codec.ts";
import { responsesCodec } from "../../src/protocols/responses/codec.ts";
import { MINIMAX_RULES } from "../../src/providers/minimax/rules.ts";
import { XAI_RULES } from "../../src/providers/xai/rules.ts";
import { readClientBody } from "../../src/transports/client_body.ts";
import { forwardBody } from "../../src/transports/forward_body.ts";
import type { Json } from "./router_support.ts";

const SIDES = {
  messages: { client: messagesClientCodec, upstream: messagesCodec, rules: MINIMAX_RULES },
  responses: { client: responsesClientCodec, upstream: responsesCodec, rules: XAI_RULES },
};
const encoder = new TextEncoder();

/** What is sent for `text`, to a provider that calls the model `model`. */
function sentFor(dialect: keyof typeof SIDES, text: string, model: string): string {
  const { client, upstream, rules } = SIDES[dialect];
  const body = readClientBody(encoder.encode(text));
  const request = { ...client.decodeRequest(body.json), model };
  const prepared = rules.prepareRequest!(request).request;
  const sent = forwardBody(body, request, prepared, upstream);
  return typeof sent === "string" ? sent : new TextDecoder().decode(sent);
}

const HELLO = `"messages": [ {"role":"user","content":"Grüße \\u00e9"} ]`;
const TOOL = `{"name":"f","input_schema":{"type":"object","properties":{}}}`;

/** Each row: a body, and the exact text that is sent for it; without one, only what it means. */
const ROWS: {
  name: string;
  dialect?: keyof typeof SIDES;
  text: string;
  sent?: string;
  check?: (sent: Json, text: string) => void;
}[] = [
  {
    name: "nothing to change",
    text: `{ "model": "real", "max_tokens": 9, ${HELLO} }`,
    sent: `{ "model": "real", "max_tokens": 9, ${HELLO} }`,
  },
  {
    name: "another name of the model",
    text: `{ "max_tokens": 9, "stream": true,\n "model" : "mine", ${HELLO} }`,
    sent: `{"max_tokens": 9,"stream": true,"model":"real",${HELLO} }`,
  },
  {
    name: "a name of the model behind the conversation, with an escape",
    text: `{ ${HELLO}, "max_tokens": 9, "mod\\u0065l": "mine" }`,
    sent: `{${HELLO},"max_tokens": 9,"model":"real"}`,
  },
  {
    name: "a stream that is not wanted",
    text: `{ "model": "real", "max_tokens": 9, "stream": false, ${HELLO} }`,
    sent: `{ "model": "real", "max_tokens": 9, "stream": false, ${HELLO} }`,
  },
  {
    name: "a stream that is neither wanted nor not",
    text: `{ "model": "real", "max_tokens": 9, "stream": "no", ${HELLO} }`,
    check: (sent) => assertEquals("stream" in sent, false),
  },
  {
    name: "an equal field inside the conversation",
    text: `{ "max_tokens": 9, "messages": [{"role":"assistant","content":[{"type":"tool_use",` +
      `"id":"c","name":"f","input":{"model":"mine"}}]}], "model": "mine" }`,
    check: (sent) => {
      assertEquals(sent.messages[0].content[0].input, { model: "mine" });
    },
  },
  {
    name: "a tool without a type: the conversation stays as it was written",
    text: `{ "model": "real", "max_tokens": 9, "messages": [{"content":"a","role":"user"}, ` +
      `{"content":[{"text":"b","type":"text"}],"role":"user"}], "tools": [${TOOL}] }`,
    check: (sent, text) => {
      assertEquals(sent.tools[0].type, "custom");
      assertEquals(text.includes(`[{"text":"b","type":"text"}]`), true);
    },
  },
  {
    name: "a field that is refused",
    text: `{ "model": "real", "max_tokens": 9, "top_k": 4, "x": 1, ${HELLO} }`,
    check: (sent) => assertEquals("top_k" in sent || "x" in sent, false),
  },
  {
    name: "a field that is missing",
    text: `{ "model": "real", ${HELLO} }`,
    check: (sent) => assertEquals(sent.max_tokens > 0, true),
  },
  {
    name: "a field of another type than the dialect's",
    text: `{ "model": "real", "max_tokens": 9, "temperature": "hot", ${HELLO} }`,
    check: (sent) => assertEquals("temperature" in sent, false),
  },
  {
    name: "a block that is refused",
    text: `{ "model": "real", "max_tokens": 9, "messages": [{"role":"user","content":` +
      `[{"type":"text","text":"a"},{"type":"text","text":""}]}] }`,
    check: (sent) => assertEquals(sent.messages[0].content, "a"),
  },
  {
    name: "instructions of Responses, which become input",
    dialect: "responses",
    text: `{ "model": "real", "store": false, "include": ["reasoning.encrypted_content"], ` +
      `"instructions": "Be brief", "input": "Hello" }`,
    check: (sent) => {
      assertEquals(sent.instructions, undefined);
      assertEquals(JSON.stringify(sent.input).includes("Be brief"), true);
    },
  },
  {
    name: "Responses that would be stored: the input stays as it was written",
    dialect: "responses",
    text: `{ "model": "real", "input": "Hello" }`,
    check: (sent) => assertEquals([sent.store, sent.input], [false, "Hello"]),
  },
];
for (const { name, dialect = "messages", text, sent, check } of ROWS) {
  Deno.test(`forwardBody() with ${name}`, () => {
    const out = sentFor(dialect, text, "real");
    const json = JSON.parse(out);
    assertEquals(json.model, "real");
    if (sent !== undefined) assertEquals(out, sent);
    else assertEquals(out === text, false);
    check?.(json, out);
  });
}

Deno.test("forwardBody() without a body writes the request", () => {
  const request = { model: "real", messages: [], stream: false };
  assertEquals(
    JSON.parse(String(forwardBody(undefined, request, request, messagesCodec))),
    { model: "real", max_tokens: 32000, messages: [] },
  );
});
