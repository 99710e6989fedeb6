/** Bodies: how long they may be, and which JSON is looked at before it is parsed. */

import { assert, assertEquals } from "@std/assert";
import { createWorld, KEY, messageOf } from "./support.ts";

const LIMIT = 1_000;

/** A Messages request of exactly that many bytes. */
function bodyOf(bytes: number): Uint8Array<ArrayBuffer> {
  const frame = (content: string) =>
    JSON.stringify({
      model: "MiniMax-M2.7",
      max_tokens: 9,
      messages: [{ role: "user", content }],
    });
  return new TextEncoder().encode(frame("x".repeat(bytes - frame("").length)));
}

/** A body that comes in pieces and goes on for ever; counts what was taken of it. */
function endless(taken: { bytes: number; cancelled: boolean }): ReadableStream<Uint8Array> {
  const piece = new Uint8Array(100).fill(0x20);
  return new ReadableStream({
    pull: (controller) => {
      taken.bytes += piece.length;
      controller.enqueue(piece);
    },
    cancel: () => {
      taken.cancelled = true;
    },
  }, { highWaterMark: 0 });
}

const SIZES: { name: string; body: Uint8Array<ArrayBuffer> | ""; status: number }[] = [
  { name: "none", body: "", status: 400 },
  { name: "one byte", body: new TextEncoder().encode("x"), status: 400 },
  { name: "the limit", body: bodyOf(LIMIT), status: 200 },
  { name: "one byte more", body: bodyOf(LIMIT + 1), status: 413 },
  { name: "a hundred times the limit", body: bodyOf(100 * LIMIT), status: 413 },
];
for (const { name, body, status } of SIZES) {
  for (const isChunked of [false, true]) {
    Deno.test(`a body of ${name}, ${isChunked ? "chunked" : "whole"}, is answered ${status}`, async () => {
      const { send, sent } = await createWorld({ limits: { bodyBytes: LIMIT } });
      const response = await send("/v1/messages", {
        body: isChunked ? new Blob([body]).stream() : body,
        headers: {
          "x-api-key": KEY,
          ...(isChunked ? {} : { "content-length": `${body.length}` }),
        },
      });
      assertEquals(response.status, status);
      if (status === 413) {
        const { error } = await response.json();
        assertEquals(error.type, "request_too_large");
      } else await response.body?.cancel();
      assertEquals(sent.length, status === 200 ? 1 : 0);
    });
  }
}

Deno.test("a body that never ends is left at the limit", async () => {
  for (const declared of [undefined, "99999999999"]) {
    const { send } = await createWorld({ signedIn: [], limits: { bodyBytes: LIMIT } });
    const taken = { bytes: 0, cancelled: false };
    const response = await send("/v1/messages", {
      body: endless(taken),
      headers: {
        "x-api-key": KEY,
        ...(declared === undefined ? {} : { "content-length": declared }),
      },
    });
    assertEquals(response.status, 413);
    assert(taken.bytes <= 2 * LIMIT);
    assert(taken.cancelled);
    await response.body?.cancel();
  }
});

Deno.test("a body that does not come is not waited for for ever", async () => {
  let fire = () => {};
  const { send } = await createWorld({
    signedIn: [],
    gateway: {
      startTimer: (_ms, fired) => {
        fire = fired;
        return () => {};
      },
    },
  });
  const answering = send("/v1/messages", {
    body: new ReadableStream({ pull: () => new Promise(() => {}) }),
  });
  await new Promise((resolve) => setTimeout(resolve, 10));
  fire();
  const response = await answering;
  assertEquals(response.status, 408);
  await response.body?.cancel();
});

Deno.test("without a key no byte of a body is read", async () => {
  const { send } = await createWorld({ signedIn: [] });
  const taken = { bytes: 0, cancelled: false };
  const response = await send("/v1/messages", { body: endless(taken), headers: {} });
  assertEquals([response.status, taken.bytes], [401, 0]);
  await response.body?.cancel();
});

/** What the outline of JSON finds wrong: its own tests have more. */
const UNFIT = [
  `{"a":${"[".repeat(1e5)}${"]".repeat(1e5)}}`,
  `{"x":{${'"a":1,'.repeat(1e6)}"a":1}}`,
  '{"a":"b\\"',
  '{"model":1,"mod\\u0065l":2}',
];

Deno.test("JSON that no parser should meet is answered with 400, in the dialect", async () => {
  const { send, sent } = await createWorld();
  for (const body of UNFIT) {
    const response = await send("/v1/messages", { body });
    assertEquals(response.status, 400);
    assert(messageOf(await response.json()).startsWith("Cannot read the request"));
  }
  assertEquals(sent.length, 0);
});

Deno.test("JSON pollutes no prototype", async () => {
  const { send } = await createWorld();
  for (const name of ["__proto__", "constructor", "prototype"]) {
    const body = `{"${name}":{"polluted":1,"prototype":{"polluted":1}},"model":"${name}",` +
      `"max_tokens":1,"messages":[{"role":"user","content":"x","${name}":{"polluted":1}}]}`;
    const response = await send("/v1/messages", { body });
    assertEquals(response.status, 404);
    await response.body?.cancel();
    assertEquals(({} as Record<string, unknown>)["polluted"], undefined);
  }
});
