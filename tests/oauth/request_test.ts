// design.md 6 (redirects); oauth.md 1.1, 6 rows 3, 4, 8; faults A02, A03, A06, A07, A17, A19, N02.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { type FormRequest, postForm } from "../../src/oauth/request.ts";
import {
  connectError,
  expiredTimer,
  html,
  neverFetch,
  redirectTo,
  rejection,
  resetError,
  type Scripted,
  scriptFetch,
} from "./support.ts";

const REQUEST: FormRequest = {
  action: "Cannot do it",
  url: new URL("https://auth.example/token"),
  fields: { grant_type: "x", empty: "", missing: undefined, odd: "a b&c=ü" },
  trustedHosts: { hosts: ["auth.example", "*.auth.example"] },
  timeoutMs: 20_000,
};

Deno.test("postForm() sends a form as OAuth asks, and identifies itself", async () => {
  const { fetch, seen } = scriptFetch(Response.json({ ok: 1 }));
  const outcome = await postForm({ ...REQUEST, headers: { "x-request-id": "7" } }, { fetch });
  assert(outcome.kind === "answer");
  assertEquals(outcome.answer.body, { ok: 1 });
  const { url, method, redirect, headers, body } = seen[0]!;
  assertEquals({ url, method, redirect, body }, {
    url: "https://auth.example/token",
    method: "POST",
    redirect: "manual",
    body: "grant_type=x&empty=&odd=a+b%26c%3D%C3%BC",
  });
  assertEquals(headers.get("content-type"), "application/x-www-form-urlencoded");
  assertEquals(headers.get("accept"), "application/json");
  assertEquals(headers.get("x-request-id"), "7");
  assert(headers.get("user-agent"));
});

function typed(body: BodyInit | null, type: string, status = 200): Response {
  return new Response(body, { status, headers: { "content-type": type } });
}

const JSON_TYPE = "application/json";
const BODIES: { name: string; response: Response; body?: unknown; found?: string }[] = [
  {
    name: "JSON without a type",
    response: new Response(new TextEncoder().encode(`{"a":1}`)),
    body: { a: 1 },
  },
  { name: "JSON as plain text", response: typed(`{"a":1}`, "text/plain"), body: { a: 1 } },
  {
    name: "JSON that calls itself HTML, 200",
    response: typed(`{"a":1}`, "text/html"),
    body: { a: 1 },
  },
  {
    name: "JSON that calls itself HTML, 400",
    response: typed(`{"a":1}`, "text/html", 400),
    found: "an HTML page",
  },
  { name: "a byte order mark", response: typed(`\ufeff{"a":1}`, JSON_TYPE), body: { a: 1 } },
  {
    name: "charset utf-8",
    response: typed(`{"a":1}`, `${JSON_TYPE}; charset="UTF-8"`),
    body: { a: 1 },
  },
  {
    name: "charset utf-16",
    response: typed(`{"a":1}`, `${JSON_TYPE}; charset=utf-16`),
    found: "not UTF-8",
  },
  {
    name: "bytes that are not UTF-8",
    response: typed(Uint8Array.of(0x7b, 0xff, 0x7d), JSON_TYPE),
    found: "not UTF-8",
  },
  { name: "NUL", response: typed(`\0{"a":1}`, JSON_TYPE), found: "not JSON" },
  {
    name: "a lone surrogate, escaped",
    response: typed(`{"a":"\\ud800"}`, JSON_TYPE),
    body: { a: "\ud800" },
  },
  {
    name: "duplicate names: the last one",
    response: typed(`{"a":1,"a":2}`, JSON_TYPE),
    body: { a: 2 },
  },
  {
    name: "depth 30,000",
    response: typed("[".repeat(30_000) + "]".repeat(30_000), JSON_TYPE),
    found: "not JSON",
  },
  { name: "an array", response: typed("[]", JSON_TYPE), found: "not JSON" },
  { name: "null", response: typed("null", JSON_TYPE), found: "not JSON" },
  { name: "cut JSON", response: typed(`{"a":`, JSON_TYPE), found: "not JSON" },
  { name: "an HTML page", response: html(200), found: "an HTML page" },
  {
    name: "an HTML page that calls itself JSON",
    response: typed("<html>", JSON_TYPE),
    found: "an HTML page",
  },
  { name: "nothing, 200", response: new Response(""), found: "an empty body" },
  { name: "nothing, 204", response: new Response(null, { status: 204 }), found: "an empty body" },
  {
    name: "65 KiB",
    response: typed(JSON.stringify({ a: "x".repeat(65 * 1024) }), JSON_TYPE),
    found: "more than 64 KiB",
  },
];
for (const { name, response, body, found } of BODIES) {
  Deno.test(`postForm() reads a body: ${name}`, async () => {
    const outcome = await postForm(REQUEST, { fetch: scriptFetch(response).fetch });
    assert(outcome.kind === "answer");
    assertEquals(outcome.answer.body, body);
    assertStringIncludes(outcome.answer.description, `auth.example answered ${response.status}`);
    if (found !== undefined) {
      assertStringIncludes(outcome.answer.description, found);
      assertStringIncludes(outcome.answer.description, "not the provider's answer");
    }
  });
}

Deno.test("postForm() keeps __proto__ and 5,000 names as plain fields", async () => {
  const many = Object.fromEntries(Array.from({ length: 5_000 }, (_, i) => [`k${i}`, 1]));
  const text = JSON.stringify(many).replace("{", `{"__proto__":{"polluted":true},`);
  const outcome = await postForm(REQUEST, { fetch: scriptFetch(typed(text, JSON_TYPE)).fetch });
  assert(outcome.kind === "answer");
  assertEquals(Object.keys(outcome.answer.body!).length, 5_001);
  assertEquals(({} as { polluted?: unknown }).polluted, undefined);
});

const REDIRECTS: { name: string; script: Response[]; to?: string[]; refused?: string }[] = [
  {
    name: "307 to a host of the vendor's",
    script: [redirectTo("https://account.auth.example/oauth2/token?a=1"), Response.json({})],
    to: ["https://account.auth.example/oauth2/token?a=1"],
  },
  {
    name: "308 to a path",
    script: [redirectTo("/oauth2/token", 308), Response.json({})],
    to: ["https://auth.example/oauth2/token"],
  },
  {
    name: "three in a row",
    script: [redirectTo("/a"), redirectTo("/b"), redirectTo("/c"), Response.json({})],
    to: ["https://auth.example/a", "https://auth.example/b", "https://auth.example/c"],
  },
  {
    name: "a loop",
    script: [
      redirectTo("/token"),
      redirectTo("/token"),
      redirectTo("/token"),
      redirectTo("/token"),
    ],
    refused: "too many times",
  },
  ...[300, 301, 302, 303, 304, 305, 306].map((status) => ({
    name: `${status}`,
    script: [redirectTo("https://account.auth.example/token", status)],
    refused: `(${status})`,
  })),
  ...[
    "http://auth.example/token",
    "https://evil.example/token",
    "https://auth.example.evil.example/token",
    "https://notauth.example/token",
    "https://auth.example:8443/token",
    "https://user:password@auth.example/token",
    "https://127.0.0.1/token",
    "http://localhost:56121/",
    "//evil.example/token",
    "file:///etc/passwd",
    "javascript:alert(1)",
  ].map((location) => ({
    name: `307 to ${location}`,
    script: [redirectTo(location)],
    refused: "must not see the request",
  })),
  { name: "307 to nothing", script: [redirectTo("")], refused: "to nowhere" },
  { name: "307 to no URL", script: [redirectTo("https://[")], refused: "to nowhere" },
];
for (const { name, script, to, refused } of REDIRECTS) {
  Deno.test(`postForm() ${refused ? "refuses" : "follows"} a redirect: ${name}`, async () => {
    const { fetch, seen } = scriptFetch(...script);
    const outcome = await postForm(REQUEST, { fetch });
    if (refused === undefined) {
      assertEquals(outcome.kind, "answer");
      assertEquals(seen.slice(1).map(({ url }) => url), to!);
    } else {
      assert(outcome.kind === "redirected");
      assertStringIncludes(outcome.error.message, refused);
      assert(!outcome.error.message.includes("password"));
    }
    for (const request of seen) {
      assertEquals(request.method, "POST");
      assertEquals(request.body, seen[0]!.body);
      assertEquals(request.headers.get("content-type"), "application/x-www-form-urlencoded");
    }
  });
}

Deno.test("postForm() follows redirects within one origin only, where no hosts are named", async () => {
  const { trustedHosts: _, ...request } = REQUEST;
  const elsewhere = scriptFetch(redirectTo("https://account.auth.example/token"));
  assertEquals((await postForm(request, elsewhere)).kind, "redirected");
  const loopback = { ...request, url: new URL("http://127.0.0.1:8700/a/token") };
  const same = scriptFetch(redirectTo("/b/token"), Response.json({}));
  assertEquals((await postForm(loopback, same)).kind, "answer");
  const otherPort = scriptFetch(redirectTo("http://127.0.0.1:8701/token"));
  assertEquals((await postForm(loopback, otherPort)).kind, "redirected");
});

/** A body that breaks off after some bytes. */
function brokenBody(): Response {
  const chunks = [new TextEncoder().encode(`{"access_token":`)];
  return new Response(
    new ReadableStream({
      pull(controller) {
        const chunk = chunks.shift();
        if (chunk) controller.enqueue(chunk);
        else controller.error(resetError());
      },
    }),
  );
}

/** A body that stalls after some bytes. */
function stalledBody(): Response {
  return new Response(
    new ReadableStream({ start: (controller) => controller.enqueue(Uint8Array.of(0x7b)) }),
  );
}

const coded = (code: string) =>
  Object.assign(new TypeError("fetch failed"), { cause: Object.assign(new Error(code), { code }) });

const FAILURES: { name: string; script: Scripted[]; kind: string; code: string }[] = [
  { name: "DNS", script: [connectError()], kind: "not_sent", code: "network" },
  { name: "ECONNREFUSED", script: [coded("ECONNREFUSED")], kind: "not_sent", code: "network" },
  {
    name: "a bad certificate",
    script: [coded("CERT_HAS_EXPIRED")],
    kind: "not_sent",
    code: "network",
  },
  { name: "a reset", script: [resetError()], kind: "lost", code: "network" },
  { name: "ECONNRESET", script: [coded("ECONNRESET")], kind: "lost", code: "network" },
  { name: "a body that breaks off", script: [brokenBody()], kind: "lost", code: "network" },
  {
    name: "a reset after a redirect",
    script: [redirectTo("/b"), resetError()],
    kind: "lost",
    code: "network",
  },
];
for (const { name, script, kind, code } of FAILURES) {
  Deno.test(`postForm() calls ${name} ${kind}`, async () => {
    const outcome = await postForm(REQUEST, scriptFetch(...script));
    assert(outcome.kind === kind && outcome.kind !== "answer");
    assertEquals(outcome.error.code, code);
    assert(outcome.error.retryable);
    assertStringIncludes(outcome.error.message, "Cannot do it: ");
  });
}

for (
  const [name, fetch] of [["no answer", neverFetch], [
    "a stalled body",
    scriptFetch(stalledBody()).fetch,
  ]] as const
) {
  Deno.test(`postForm() gives up at its deadline: ${name}`, async () => {
    let afterMs = 0;
    let stopped = 0;
    const outcome = await postForm(REQUEST, {
      fetch,
      startTimer: (ms, fire) => {
        afterMs = ms;
        const timer = setTimeout(fire, 1);
        return () => (clearTimeout(timer), stopped++);
      },
    });
    assert(outcome.kind === "lost");
    assertEquals(outcome.error.code, "timeout");
    assertEquals([afterMs, stopped], [20_000, 1]);
  });
}

Deno.test("postForm() aborts the request at its deadline", async () => {
  let signal: AbortSignal | null | undefined;
  const fetch: typeof globalThis.fetch = (_, init) => {
    signal = init?.signal;
    return new Promise(() => {});
  };
  await postForm(REQUEST, { fetch, startTimer: expiredTimer });
  assert(signal?.aborted);
});

Deno.test("postForm() throws the signal's reason before it sends, and reports it after", async () => {
  const reason = new Error("stop");
  const { fetch, seen } = scriptFetch();
  assertEquals(
    await rejection(postForm(REQUEST, { fetch, signal: AbortSignal.abort(reason) })),
    reason,
  );
  assertEquals(seen, []);

  const controller = new AbortController();
  const outcome = await postForm(REQUEST, {
    fetch: () => (queueMicrotask(() => controller.abort(reason)), new Promise(() => {})),
    signal: controller.signal,
  });
  assert(outcome.kind === "lost");
  assertStringIncludes(outcome.error.message, "cancelled");
});
