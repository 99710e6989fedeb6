// A26, A05, N02, N03: what a refresh makes of real connections that break, stall or flood, at every
// byte of the answer. Tokens come out of a whole answer only; what may have been sent is never "not
// sent".

import { assert, assertEquals } from "@std/assert";
import { requestRefresh } from "../../src/oauth/refresh_token.ts";

const BODY =
  `{"access_token":"at-2","refresh_token":"rt-2","token_type":"Bearer","expires_in":900}`;
const HEAD = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n";
const WHOLE = `${HEAD}content-length: ${BODY.length}\r\nconnection: close\r\n\r\n${BODY}`;
const CHUNKED = `${HEAD}transfer-encoding: chunked\r\nconnection: close\r\n\r\n`;

/** What a server does with a connection once the request is there. */
type Serve = (say: (text: string) => Promise<void>, giveUp: () => void) => Promise<void>;

/** Presents a token to a server of raw bytes; its client's patience ends when the server says so. */
async function present(serve: Serve, protocol = "http") {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  let giveUp = () => {};
  const serving = (async () => {
    using connection = await listener.accept();
    await connection.read(new Uint8Array(65_536));
    const bytes = (text: string) => new TextEncoder().encode(text);
    const say = async (text: string) => {
      for (let rest = bytes(text); rest.length > 0;) {
        rest = rest.subarray(await connection.write(rest));
      }
    };
    // Who gave up has closed it.
    await serve(say, () => giveUp()).catch(() => {});
  })();
  const tokenEndpoint = new URL(`${protocol}://127.0.0.1:${listener.addr.port}/token`);
  const outcome = await requestRefresh({ clientId: "client", tokenEndpoint }, "rt-1", {
    startTimer: (_ms, fire) => {
      giveUp = fire;
      return () => {};
    },
  });
  await serving;
  return outcome;
}

Deno.test("N02: an answer that ends at any of its bytes is ambiguous, a whole one is granted", async () => {
  for (let end = 0; end < WHOLE.length; end++) {
    const outcome = await present((say) => say(WHOLE.slice(0, end)));
    assertEquals(outcome.kind, "ambiguous", `cut at ${end}`);
  }
  assertEquals((await present((say) => say(WHOLE))).kind, "granted");
});

const ANSWERS: { name: string; serve: Serve; kind: string }[] = [
  { name: "nothing", serve: () => Promise.resolve(), kind: "ambiguous" },
  { name: "another protocol", serve: (say) => say("SSH-2.0-OpenSSH_9.9\r\n"), kind: "ambiguous" },
  {
    name: "an interim answer before the answer",
    serve: (say) => say(`HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n${WHOLE}`),
    kind: "granted",
  },
  {
    name: "a flood of interim answers",
    serve: async (say, giveUp) => {
      for (let n = 0; n < 2_000; n++) await say("HTTP/1.1 103 Early Hints\r\n\r\n");
      giveUp();
    },
    kind: "ambiguous",
  },
  {
    name: "a header of 1 MB",
    serve: (say) => say(`${HEAD}x-filler: ${"x".repeat(1 << 20)}\r\n\r\n{}`),
    kind: "ambiguous",
  },
  {
    name: "a chunk size that is none",
    serve: (say) => say(`${CHUNKED}zz\r\n${BODY}\r\n0\r\n\r\n`),
    kind: "ambiguous",
  },
  {
    name: "a chunk that is shorter than it says",
    serve: (say) => say(`${CHUNKED}${(BODY.length + 9).toString(16)}\r\n${BODY}`),
    kind: "ambiguous",
  },
  {
    name: "a trailer after the answer",
    serve: (say) =>
      say(`${CHUNKED}${BODY.length.toString(16)}\r\n${BODY}\r\n0\r\nx-trailer: a\r\n\r\n`),
    kind: "granted",
  },
  {
    name: "a head that comes byte by byte, and never ends",
    serve: async (say, giveUp) => {
      for (const byte of HEAD) await say(byte);
      giveUp();
    },
    kind: "ambiguous",
  },
  {
    name: "a body that comes byte by byte, and never ends",
    serve: async (say, giveUp) => {
      await say(CHUNKED);
      for (const byte of BODY.slice(0, -1)) await say(`1\r\n${byte}\r\n`);
      giveUp();
    },
    kind: "ambiguous",
  },
];
for (const { name, serve, kind } of ANSWERS) {
  Deno.test(`A26, A05: ${name} is ${kind}`, async () => {
    const outcome = await present(serve);
    assertEquals(outcome.kind, kind as typeof outcome.kind);
    if (outcome.kind !== "granted") assert(!/[ra]t-\d/.test(outcome.error.message));
  });
}

Deno.test("N02, N03: without a connection or without TLS nothing was sent", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const tokenEndpoint = new URL(`http://127.0.0.1:${listener.addr.port}/token`);
  listener.close();
  const refused = await requestRefresh({ clientId: "client", tokenEndpoint }, "rt-1");
  assertEquals(refused.kind, "not_sent");
  const plain = await present((say) => say("HTTP/1.1 400 Bad Request\r\n\r\n"), "https");
  assertEquals(plain.kind, "not_sent");
});
