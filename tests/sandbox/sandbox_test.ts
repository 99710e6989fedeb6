import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import {
  createSandbox,
  DEFAULT_QUIRKS,
  type SandboxQuirks,
  type SandboxState,
} from "../../src/sandbox/mod.ts";
import { sandboxUrl } from "../../src/providers/mod.ts";
import {
  CODE_FORM,
  CODE_URL,
  type Json,
  login,
  messagesBody,
  poll,
  postForm,
  postMessages,
  refresh,
  requestCode,
  testSandbox,
  TOKEN_URL,
} from "./support.ts";

const ORIGIN = "http://127.0.0.1:8700";

Deno.test("addressing: Request, URL and string; options of fetch are honoured", async () => {
  const { sandbox } = testSandbox();
  const { fetch } = sandbox;
  const body = new URLSearchParams(CODE_FORM);
  const answers = [
    await fetch(CODE_URL, { method: "POST", body }),
    await fetch(new URL(CODE_URL), { method: "POST", body }),
    await fetch(new Request(CODE_URL, { method: "POST", body })),
    await fetch(new Request(CODE_URL), { method: "POST", body }),
  ];
  for (const answer of answers) {
    assertEquals(answer.status, 200);
    await answer.body?.cancel();
  }
});

Deno.test("addressing: below a loopback origin every URL stays below it", async () => {
  const { sandbox } = testSandbox();
  const code = await requestCode(sandbox, sandboxUrl(ORIGIN, CODE_URL));
  const page = new URL(code.verification_uri);
  assertEquals(page.origin, ORIGIN);
  assertEquals(page.pathname, "/platform.minimax.io/oauth-authorize");
  sandbox.approve(code.user_code);
  const tokens = await (await poll(sandbox, code.user_code, sandboxUrl(ORIGIN, TOKEN_URL))).json();
  assertEquals(tokens.resource_url, `${ORIGIN}/api.minimax.io/anthropic`);
  const moved = await postForm(sandbox, `${ORIGIN}/api.minimax.io/oauth/token`, {});
  assertEquals(
    [moved.status, moved.headers.get("location")],
    [307, `${ORIGIN}/account.minimax.io/oauth2/token`],
  );
  const answer = await postMessages(
    sandbox,
    messagesBody("hi"),
    { authorization: `Bearer ${tokens.access_token}` },
    `${tokens.resource_url}/v1/messages`,
  );
  assertEquals(answer.status, 200);
  await answer.body?.cancel();
});

const STRANGE_URLS = [
  "https://example.com/oauth2/token",
  "https://account.minimax.io.example/oauth2/token",
  "https://account.minimax.io:8443/oauth2/token",
  "http://account.minimax.io/oauth2/token",
  "http://rebound.example:8700/_sandbox/state",
];
for (const url of STRANGE_URLS) {
  Deno.test(`addressing: ${url} is no one's, as a failed connection`, async () => {
    await assertRejects(() => testSandbox().sandbox.fetch(url), TypeError);
  });
}

const NOT_FOUND = [
  `${ORIGIN}/account.example/oauth2/token`,
  `${ORIGIN}/oauth2/token`,
  "https://account.minimax.io/oauth2/other",
  "https://account.minimax.io/_sandbox/state",
  "https://api.minimax.io/anthropic/chat/completions",
  "https://account.minimax.io/",
];
for (const url of NOT_FOUND) {
  Deno.test(`addressing: ${url} is not found`, async () => {
    const response = await testSandbox().sandbox.fetch(url);
    assertEquals(response.status, 404);
    await response.body?.cancel();
  });
}

Deno.test("handle: the sandbox behind a real server", async () => {
  const { sandbox } = testSandbox();
  const server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen() {} },
    sandbox.handle,
  );
  const origin = `http://127.0.0.1:${server.addr.port}`;
  try {
    const send = () =>
      fetch(sandboxUrl(origin, CODE_URL), { method: "POST", body: new URLSearchParams(CODE_FORM) });
    const code = await (await send()).json();
    assertEquals(new URL(code.verification_uri).origin, origin);
    assertEquals(code.state, CODE_FORM.state);
  } finally {
    await server.shutdown();
  }
});

Deno.test("handle: a lost connection is a body that breaks off", async () => {
  const { sandbox } = testSandbox({ quirks: { failNext: 1, failWith: "connection_lost" } });
  const response = await sandbox.handle(
    new Request(CODE_URL, { method: "POST", body: new URLSearchParams(CODE_FORM) }),
  );
  await assertRejects(() => response.text(), TypeError);
});

Deno.test("handle: a foreign name that leads to the server is misdirected", async () => {
  const { sandbox } = testSandbox();
  const response = await sandbox.handle(new Request("http://rebound.example:8700/_sandbox/state"));
  assertEquals(response.status, 421);
  await response.body?.cancel();
});

Deno.test("fetch rejects with the reason of a signal that has aborted", async () => {
  const { sandbox } = testSandbox();
  const reason = new Error("stop");
  const thrown = await assertRejects(() =>
    sandbox.fetch(CODE_URL, { signal: AbortSignal.abort(reason) })
  );
  assertEquals(thrown, reason);
});

Deno.test("state: tokens and logins outlive a restart, tokens only as digests", async () => {
  const saved: SandboxState[] = [];
  const { sandbox, clock } = testSandbox({ onChange: (state) => void saved.push(state) });
  const tokens = await login(sandbox);
  const spent = tokens.refresh_token;
  const rotated = await (await refresh(sandbox, spent)).json();
  const waiting = await requestCode(sandbox);
  assertEquals(saved.at(-1), sandbox.state);
  const text = JSON.stringify(sandbox.state);
  for (const secret of [tokens.access_token, spent, rotated.access_token, rotated.refresh_token]) {
    assert(!text.includes(secret) && !text.includes(secret.slice(7)));
  }

  const restart = () =>
    createSandbox({ state: JSON.parse(text) as SandboxState, now: () => clock.now });
  const second = restart();
  const answer = await postMessages(second, messagesBody("hi"), {
    authorization: `Bearer ${rotated.access_token}`,
  });
  assertEquals(answer.status, 200);
  await answer.body?.cancel();
  assert(second.approve(waiting.user_code));
  assertEquals((await (await poll(second, waiting.user_code)).json()).status, "success");
  assertEquals((await (await refresh(second, rotated.refresh_token)).json()).status, "success");
  assertEquals((await (await refresh(restart(), spent)).json()).error, "refresh_token_reused");
});

Deno.test("state: what is given and what is read are copies", async () => {
  const { sandbox } = testSandbox();
  const given = sandbox.state;
  const second = createSandbox({ state: given });
  await login(second);
  assertEquals(given.grants, []);
  second.state.grants.length = 0;
  assertEquals(second.state.grants.length, 1);
});

Deno.test("onChange: an answer waits for it, and is not given when it fails", async () => {
  const events: string[] = [];
  let fails = false;
  const { sandbox } = testSandbox({
    onChange: async () => {
      await Promise.resolve();
      if (fails) throw new Error("disk full");
      events.push("saved");
    },
  });
  await requestCode(sandbox);
  events.push("answered");
  assertEquals(events, ["saved", "answered"]);
  fails = true;
  await assertRejects(() => requestCode(sandbox), Error, "disk full");
  fails = false;
  await (await sandbox.fetch(`${ORIGIN}/healthz`)).body?.cancel();
  assertEquals(events, ["saved", "answered", "saved"]);
});

Deno.test("onChange: called for methods, not for requests that change nothing", async () => {
  let saves = 0;
  const { sandbox } = testSandbox({ onChange: () => void saves++ });
  await (await postMessages(sandbox, messagesBody("hi"))).body?.cancel();
  await (await refresh(sandbox, "unknown")).body?.cancel();
  assertEquals(saves, 0);
  sandbox.expireAccessTokens();
  assertEquals(saves, 1);
});

Deno.test("quirks: defaults, changes, and what is refused changes nothing", () => {
  const { sandbox } = testSandbox({ quirks: { failNext: 2 } });
  assertEquals(sandbox.quirks, { ...DEFAULT_QUIRKS, failNext: 2 });
  sandbox.setQuirks({ rotation: "omit", delayMs: 5 });
  assertEquals([sandbox.quirks.rotation, sandbox.quirks.delayMs], ["omit", 5]);
  const refused: [Partial<SandboxQuirks>, string][] = [
    [{ rotations: "omit" } as Json, "there is none so named"],
    [{ toString: "x" } as Json, "there is none so named"],
    [{ rotation: "never" } as Json, '"never" is not one of its values'],
    [{ delayMs: -1 }, "-1 is not one of its values"],
    [{ delayMs: 1.5 }, "1.5 is not one of its values"],
    [{ alwaysThinks: "no" } as Json, '"no" is not one of its values'],
    [{ redirectStatus: 300 } as Json, "300 is not one of its values"],
    [{ redirectHost: 1 } as Json, "1 is not one of its values"],
    [{ clockOffsetMs: "1" } as Json, '"1" is not one of its values'],
  ];
  const before = { ...sandbox.quirks };
  for (const [changes, message] of refused) {
    assertThrows(() => sandbox.setQuirks({ reuse: "refuse", ...changes }), TypeError, message);
    assertThrows(() => createSandbox({ quirks: changes }), TypeError, message);
  }
  assertEquals(sandbox.quirks, before);
});

Deno.test("control: health, state without secrets, expiry", async () => {
  const { sandbox } = testSandbox();
  const get = async (path: string) => await (await sandbox.fetch(`${ORIGIN}${path}`)).json();
  assertEquals(await get("/healthz"), { status: "ok" });
  const tokens = await login(sandbox);
  await (await refresh(sandbox, tokens.refresh_token)).body?.cancel();
  const { user_code } = await requestCode(sandbox);
  const state = await get("/_sandbox/state");
  assertEquals(state.pending.length, 1);
  assertEquals(state.pending[0].userCode, user_code);
  assertEquals(state.pending[0].page.startsWith("/platform.minimax.io/oauth-authorize?"), true);
  assertEquals(
    [state.grants[0].realm, state.grants[0].accessTokens, state.grants[0].spentRefreshTokens],
    ["minimax/global", 2, 1],
  );
  assertEquals(state.counters.refreshes, 1);
  assert(!/hash|sbx_|formToken|challenge/.test(JSON.stringify(state)));
  await (await sandbox.fetch(`${ORIGIN}/_sandbox/expire`, { method: "POST" })).body?.cancel();
  assertEquals((await get("/_sandbox/state")).grants[0].accessTokens, 0);
});

Deno.test("control: approve and deny by user code", async () => {
  const { sandbox } = testSandbox();
  const post = (path: string, body: string) =>
    sandbox.fetch(`${ORIGIN}/_sandbox/${path}`, { method: "POST", body });
  const first = await requestCode(sandbox);
  const second = await requestCode(sandbox);
  const statuses: number[] = [];
  for (
    const [path, body] of [
      ["approve", JSON.stringify({ user_code: first.user_code.toLowerCase() })],
      ["approve", JSON.stringify({ user_code: first.user_code })],
      ["deny", JSON.stringify({ user_code: second.user_code })],
      ["deny", JSON.stringify({ user_code: "none" })],
      ["deny", "not json"],
    ] as const
  ) {
    const response = await post(path, body);
    statuses.push(response.status);
    await response.body?.cancel();
  }
  assertEquals(statuses, [200, 404, 200, 404, 404]);
  assertEquals((await (await poll(sandbox, first.user_code)).json()).status, "success");
  assertEquals((await (await poll(sandbox, second.user_code)).json()).error, "access_denied");
});

Deno.test("control: quirks can be read and changed", async () => {
  const { sandbox } = testSandbox();
  const url = `${ORIGIN}/_sandbox/quirks`;
  const patch = async (body: string) => {
    const response = await sandbox.fetch(url, { method: "PATCH", body });
    return [response.status, await response.json()];
  };
  assertEquals<Json>(await (await sandbox.fetch(url)).json(), { ...DEFAULT_QUIRKS });
  const [status, quirks] = await patch('{"rotation":"omit"}');
  assertEquals([status, quirks.rotation, sandbox.quirks.rotation], [200, "omit", "omit"]);
  assertEquals((await patch('{"rotation":"x"}'))[0], 400);
  assertEquals((await patch('{"__proto__":{}}'))[0], 400);
  assertEquals((await patch("[]"))[0], 400);
});

const BROWSERS = [
  { name: "another origin", headers: { origin: "https://evil.example" }, status: 403 },
  { name: "another port", headers: { origin: "http://127.0.0.1:9999" }, status: 403 },
  { name: "an opaque origin", headers: { origin: "null" }, status: 403 },
  { name: "a cross-site fetch", headers: { "sec-fetch-site": "cross-site" }, status: 403 },
  { name: "a same-site fetch", headers: { "sec-fetch-site": "same-site" }, status: 403 },
  {
    name: "its own page",
    headers: { origin: ORIGIN, "sec-fetch-site": "same-origin" },
    status: 200,
  },
  { name: "the address bar", headers: { "sec-fetch-site": "none" }, status: 200 },
  { name: "no browser", headers: {}, status: 200 },
];
for (const { name, headers, status } of BROWSERS) {
  Deno.test(`control: a request of ${name} answers ${status}`, async () => {
    const { sandbox } = testSandbox();
    for (
      const [path, method] of [["expire", "POST"], ["state", "GET"], ["quirks", "GET"]] as const
    ) {
      const response = await sandbox.fetch(`${ORIGIN}/_sandbox/${path}`, { method, headers });
      assertEquals(response.status, status);
      await response.body?.cancel();
    }
  });
}

Deno.test("front page: says what it is and links to what waits", async () => {
  const { sandbox } = testSandbox();
  assertStringIncludes(await (await sandbox.fetch(ORIGIN)).text(), "No login is waiting.");
  const { user_code } = await requestCode(sandbox);
  const html = await (await sandbox.fetch(`${ORIGIN}/`)).text();
  assertMatch(
    html,
    new RegExp(
      `<a href="/platform\\.minimax\\.io/oauth-authorize\\?user_code=${user_code}&amp;client=OpenClaw">`,
    ),
  );
});
