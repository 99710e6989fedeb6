// G25: several large bodies at once are bounded, whoever sends them. The real memory is in
// adapters/cloudflare/large_bodies_test.ts.

import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import { Refusal } from "../../src/gateway/error_response.ts";
import { counted, createHeldBytes } from "../../src/gateway/middleware/held_bytes.ts";
import { ask, createWorld, KEY, PATHS } from "./support.ts";

Deno.test("createHeldBytes() takes what fits, and anything that is alone", () => {
  const open = createHeldBytes(100);
  const [large, small] = [open(), open()];
  large.grow(500);
  large.grow(500);
  const { httpStatus, retryAfterMs } = assertThrows(() => small.grow(1), Refusal);
  assertEquals([httpStatus, retryAfterMs], [503, 2_000]);
  large.release();
  large.release();
  assertThrows(() => large.grow(1), TypeError, "the request is over");
  const other = open();
  small.grow(40);
  other.grow(60);
  assertThrows(() => other.grow(1), Refusal);
  assertThrows(() => small.grow(1), Refusal);
  small.release();
  other.grow(1_000);
});

Deno.test("counted() counts what is declared at once, and all else as it comes", async () => {
  const read = async (headers: Record<string, string>, limitBytes = 50) => {
    let held = 0;
    const hold = { grow: (bytes: number) => void (held += bytes), release: () => {} };
    const request = new Request("http://gw", { method: "POST", headers, body: "12345" });
    const message = counted(request, limitBytes, hold);
    const before = held;
    assertEquals(await message.text(), "12345");
    return [before, held];
  };
  assertEquals(await read({ "content-length": "5" }), [5, 5]);
  assertEquals(await read({ "content-length": "5" }, 4), [0, 0]);
  assertEquals(await read({ "content-length": "5", "content-encoding": "gzip" }), [0, 5]);
  assertEquals(await read({}), [0, 5]);
});

const MODEL = "minimax-oauth/MiniMax-M2.7";
for (const dialect of ["messages", "chat", "responses"] as const) {
  Deno.test(`${PATHS[dialect]} refuses a body beyond what all may hold, until one ends`, async () => {
    const world = await createWorld({ gateway: { heldBytes: 10_000 } });
    const post = (text: string, stream: boolean, isDeclared = true) => {
      const body = JSON.stringify(ask(dialect, MODEL, text, stream));
      const headers = { "x-api-key": KEY, "content-length": String(body.length) };
      return world.send(PATHS[dialect], isDeclared ? { body, headers } : { body });
    };
    const first = await post("a".repeat(8_000), true);
    assertEquals(first.status, 200);
    const refused = await post("b".repeat(8_000), false);
    assertEquals([refused.status, refused.headers.get("retry-after")], [503, "2"]);
    assertMatch(await refused.text(), /"error"/);
    const late = await post("b".repeat(8_000), false, false);
    assertEquals([late.status, late.headers.get("retry-after")], [503, "2"]);
    await late.body?.cancel();
    assertEquals((await post("small", false)).status, 200);
    await first.body!.cancel();
    assertEquals((await post("c".repeat(8_000), false)).status, 200);
  });
}

Deno.test("what comes of a body after its request has ended takes nobody's room", async () => {
  let timeOut = () => {};
  const world = await createWorld({
    gateway: {
      heldBytes: 10_000,
      startTimer: (_ms, fire) => {
        timeOut = fire;
        return () => {};
      },
    },
  });
  const chunks = new TransformStream<Uint8Array, Uint8Array>();
  const writer = chunks.writable.getWriter();
  const answering = world.send(PATHS.messages, { body: chunks.readable });
  await writer.write(new Uint8Array(100));
  timeOut();
  const late = await answering;
  assertEquals(late.status, 408);
  await late.body?.cancel();
  await writer.write(new Uint8Array(5_000)).catch(() => {});
  const body = JSON.stringify(ask("messages", MODEL, "a".repeat(8_000), false));
  const next = await world.send(PATHS.messages, { body });
  assertEquals(next.status, 200);
  await next.body?.cancel();
});
