import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { createSandbox, type Sandbox, type SandboxQuirks } from "../../../src/sandbox/mod.ts";
import { CHALLENGE, testSandbox } from "../support.ts";
import {
  authorize,
  AUTHORIZE_QUERY,
  AUTHORIZE_URL,
  CONSENT_URL,
  exchange,
  locationQuery,
  REDIRECT_URI,
} from "./support.ts";

/** The hidden fields of the consent form. */
function formFields(html: string): Record<string, string> {
  const inputs = html.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)"/g);
  return Object.fromEntries([...inputs].map(([, name = "", value = ""]) => [name, value]));
}

/** Opens the consent page; its response and text. */
async function openConsent(sandbox: Sandbox): Promise<{ page: Response; html: string }> {
  const moved = await authorize(sandbox);
  assertEquals(moved.status, 302);
  const url = moved.headers.get("location")!;
  assert(url.startsWith(`${CONSENT_URL}?request=`), url);
  const page = await sandbox.fetch(url);
  return { page, html: await page.text() };
}

function answer(
  sandbox: Sandbox,
  html: string,
  decision: string,
  headers: Record<string, string> = {},
  fields: Record<string, string> = {},
): Promise<Response> {
  const body = new URLSearchParams({ ...formFields(html), decision, ...fields });
  return sandbox.fetch(CONSENT_URL, { method: "POST", headers, body });
}

Deno.test("xai consent: approve redirects the browser with code and state", async () => {
  const { sandbox } = testSandbox();
  const { page, html } = await openConsent(sandbox);
  assertEquals(page.status, 200);
  assertStringIncludes(html, "Allow Grok Build to use your subscription?");
  assertStringIncludes(html, REDIRECT_URI);
  assert(!html.includes("<script"));
  // Browsers hold the form to this through the redirect.
  assertStringIncludes(
    page.headers.get("content-security-policy")!,
    "form-action 'self' http://127.0.0.1:56121;",
  );
  const done = await answer(sandbox, html, "approved", {
    origin: "https://accounts.x.ai",
    "sec-fetch-site": "same-origin",
  });
  assertEquals(done.status, 303);
  assert(done.headers.get("location")!.startsWith(`${REDIRECT_URI}?`));
  const { code, ...rest } = locationQuery(done);
  assertEquals(rest, { state: AUTHORIZE_QUERY["state"]! });
  assertMatch(code!, /^sbx_ac_[\w-]{43}$/);
  assertEquals((await exchange(sandbox, code!)).status, 200);
  const again = await answer(sandbox, html, "approved");
  assertEquals(again.status, 404);
  await again.body?.cancel();
});

Deno.test("xai consent: deny redirects with the error", async () => {
  const { sandbox } = testSandbox();
  const done = await answer(sandbox, (await openConsent(sandbox)).html, "denied");
  assertEquals([done.status, locationQuery(done)], [303, {
    error: "access_denied",
    error_description: "the user denied the request",
    state: AUTHORIZE_QUERY["state"]!,
  }]);
});

Deno.test("xai consent: what the control API approved is delivered when the page is opened", async () => {
  const { sandbox } = testSandbox();
  const moved = await authorize(sandbox);
  const url = moved.headers.get("location")!;
  assert(sandbox.approve(new URL(url).searchParams.get("request")!));
  const { code } = locationQuery(await sandbox.fetch(url));
  assertEquals((await exchange(sandbox, code!)).status, 200);
});

Deno.test("xai consent: autoApprove needs no page", async () => {
  const { sandbox } = testSandbox({ autoApprove: true });
  const moved = await authorize(sandbox);
  assertEquals(moved.status, 302);
  assertEquals((await exchange(sandbox, locationQuery(moved)["code"]!)).status, 200);
});

Deno.test("xai consent: any loopback port is the same client", async () => {
  const { sandbox } = testSandbox({ autoApprove: true });
  const redirect_uri = "http://127.0.0.1:49152/callback";
  const moved = await authorize(sandbox, { redirect_uri });
  assert(moved.headers.get("location")!.startsWith(`${redirect_uri}?`));
  const code = locationQuery(moved)["code"]!;
  assertEquals((await exchange(sandbox, code, { redirect_uri })).status, 200);
});

const NEVER_REDIRECTED = [
  { name: "no client", fields: { client_id: undefined } },
  { name: "an unknown client", fields: { client_id: "someone" } },
  { name: "no redirect URI", fields: { redirect_uri: undefined } },
  { name: "another path", fields: { redirect_uri: "http://127.0.0.1:56121/other" } },
  { name: "a path below", fields: { redirect_uri: "http://127.0.0.1:56121/callback/" } },
  { name: "a query", fields: { redirect_uri: "http://127.0.0.1:56121/callback?x=1" } },
  { name: "localhost", fields: { redirect_uri: "http://localhost:56121/callback" } },
  { name: "IPv6", fields: { redirect_uri: "http://[::1]:56121/callback" } },
  { name: "https", fields: { redirect_uri: "https://127.0.0.1:56121/callback" } },
  { name: "no port", fields: { redirect_uri: "http://127.0.0.1/callback" } },
  { name: "a port that is none", fields: { redirect_uri: "http://127.0.0.1:99999/callback" } },
  { name: "a user name", fields: { redirect_uri: "http://127.0.0.1:1@evil.example:80/callback" } },
  { name: "another host", fields: { redirect_uri: "https://evil.example/callback" } },
];
for (const { name, fields } of NEVER_REDIRECTED) {
  Deno.test(`xai authorize with ${name} is refused on the spot`, async () => {
    const { sandbox } = testSandbox({ autoApprove: true });
    const response = await authorize(sandbox, fields);
    assertEquals([response.status, response.headers.get("location")], [400, null]);
    assertStringIncludes(await response.text(), "This request is not valid");
    assertEquals(sandbox.counters.authorizations, 0);
  });
}

const REFUSED = [
  { name: "response_type", fields: { response_type: "token" }, error: "unsupported_response_type" },
  {
    name: "no response_type",
    fields: { response_type: undefined },
    error: "unsupported_response_type",
  },
  { name: "no challenge", fields: { code_challenge: undefined }, error: "invalid_request" },
  {
    name: "a short challenge",
    fields: { code_challenge: CHALLENGE.slice(1) },
    error: "invalid_request",
  },
  { name: "no method", fields: { code_challenge_method: undefined }, error: "invalid_request" },
  { name: "method plain", fields: { code_challenge_method: "plain" }, error: "invalid_request" },
  { name: "an unknown scope", fields: { scope: "openid admin" }, error: "invalid_scope" },
  { name: "an empty scope", fields: { scope: "" }, error: "invalid_scope" },
  { name: "another plan", fields: { plan: "pro" }, error: "invalid_request" },
  { name: "no plan", fields: { plan: undefined }, error: "unauthorized_client" },
];
for (const { name, fields, error } of REFUSED) {
  Deno.test(`xai authorize with ${name} is refused by redirect`, async () => {
    const { sandbox } = testSandbox({ autoApprove: true });
    const response = await authorize(sandbox, fields);
    assertEquals(response.status, 302);
    const query = locationQuery(response);
    assertEquals([query["error"], query["state"]], [error, AUTHORIZE_QUERY["state"]]);
    assertEquals(sandbox.counters.authorizations, 0);
  });
}

Deno.test("xai authorize: without state the refusal has none; a repeated field is refused", async () => {
  const { sandbox } = testSandbox({ autoApprove: true });
  const stateless = locationQuery(await authorize(sandbox, { state: undefined }));
  assertEquals(stateless, { error: "invalid_request", error_description: "state is required" });
  const url = `${AUTHORIZE_URL}?${new URLSearchParams(AUTHORIZE_QUERY)}&scope=openid`;
  const repeated = locationQuery(await sandbox.fetch(url));
  assertEquals(repeated["error_description"], "scope is repeated");
});

const ACCEPTED: {
  name: string;
  fields?: Record<string, string | undefined>;
  quirks?: Partial<SandboxQuirks>;
}[] = [
  {
    name: "the vendor's own referrer, no plan",
    fields: { plan: undefined, referrer: "grok-build" },
  },
  {
    name: "no plan where none is required",
    fields: { plan: undefined },
    quirks: { planRequired: false },
  },
  {
    name: "no scope, no nonce, no referrer",
    fields: { scope: undefined, nonce: undefined, referrer: undefined },
  },
  {
    name: "the vendor's own scopes",
    fields: {
      scope: "openid offline_access api:access conversations:read workspaces:write team:read",
    },
  },
  { name: "the fixed port", quirks: { redirectPort: "56121" } },
];
for (const { name, fields = {}, quirks = {} } of ACCEPTED) {
  Deno.test(`xai authorize takes ${name}`, async () => {
    const { sandbox } = testSandbox({ autoApprove: true, quirks });
    assert("code" in locationQuery(await authorize(sandbox, fields)));
  });
}

Deno.test("xai authorize with redirectPort 56121 refuses any other", async () => {
  const { sandbox } = testSandbox({ quirks: { redirectPort: "56121" } });
  const response = await authorize(sandbox, { redirect_uri: "http://127.0.0.1:49152/callback" });
  assertEquals(response.status, 400);
  await response.body?.cancel();
});

const RESPONSES: { quirks: Partial<SandboxQuirks>; field: string; value: string | undefined }[] = [
  { quirks: {}, field: "iss", value: undefined },
  { quirks: { issParameter: "on" }, field: "iss", value: "https://auth.x.ai" },
  { quirks: { issParameter: "unannounced" }, field: "iss", value: "https://auth.x.ai" },
  { quirks: { issParameter: "missing" }, field: "iss", value: undefined },
  { quirks: { issParameter: "wrong" }, field: "iss", value: "https://auth.x.ai.example" },
  { quirks: { callbackState: "missing" }, field: "state", value: undefined },
  { quirks: { callbackState: "other" }, field: "state", value: `${AUTHORIZE_QUERY["state"]}x` },
];
for (const { quirks, field, value } of RESPONSES) {
  Deno.test(`xai authorization response with ${JSON.stringify(quirks)}: ${field}`, async () => {
    const approving = testSandbox({ autoApprove: true, quirks }).sandbox;
    assertEquals(locationQuery(await authorize(approving))[field], value);
  });
}

Deno.test("xai delivery by fetch: the page calls the listener, and can show the code", async () => {
  const { sandbox } = testSandbox({ quirks: { delivery: "fetch", issParameter: "on" } });
  const page = await answer(sandbox, (await openConsent(sandbox)).html, "approved");
  assertEquals(page.status, 200);
  const policy = page.headers.get("content-security-policy")!;
  const nonce = /script-src 'nonce-([^']+)'/.exec(policy)?.[1];
  assertStringIncludes(policy, "connect-src http://127.0.0.1:56121;");
  const html = await page.text();
  assertStringIncludes(html, `<script nonce="${nonce}">`);
  const callback = new URL(/data-callback="([^"]+)"/.exec(html)![1]!.replaceAll("&amp;", "&"));
  assertEquals(callback.searchParams.get("iss"), "https://auth.x.ai");
  const code = callback.searchParams.get("code")!;
  assertStringIncludes(html, `<code id="code">${code}</code>`);
  assertStringIncludes(html, "Could not establish connection");
  assertMatch(html, /<section id="failed" hidden/);
  assertEquals((await exchange(sandbox, code)).status, 200);
});

Deno.test("xai delivery by fetch: a denial is delivered too, and has no code", async () => {
  const { sandbox } = testSandbox({ quirks: { delivery: "fetch" } });
  const html = await (await answer(sandbox, (await openConsent(sandbox)).html, "denied")).text();
  assertStringIncludes(html, "error=access_denied");
  assert(!html.includes('id="code"'));
});

Deno.test("xai delivery by code: the page shows it and nothing calls the listener", async () => {
  const { sandbox } = testSandbox({ quirks: { delivery: "code" } });
  const html = await (await answer(sandbox, (await openConsent(sandbox)).html, "approved")).text();
  assert(!html.includes("<script") && !html.includes(REDIRECT_URI));
  const code = /<code id="code">([^<]+)<\/code>/.exec(html)![1]!;
  assertEquals((await exchange(sandbox, code)).status, 200);
  const denied = await answer(sandbox, (await openConsent(sandbox)).html, "denied");
  assertStringIncludes(await denied.text(), "was not given access");
});

const FORGED = [
  { name: "from another origin", headers: { origin: "https://evil.example" }, fields: {} },
  { name: "cross-site", headers: { "sec-fetch-site": "cross-site" }, fields: {} },
  { name: "without the form's token", headers: {}, fields: { form_token: "x" } },
  { name: "without a decision", headers: {}, fields: { decision: "maybe" } },
];
for (const { name, headers, fields } of FORGED) {
  Deno.test(`xai consent form ${name} decides nothing`, async () => {
    const { sandbox } = testSandbox();
    const { html } = await openConsent(sandbox);
    const response = await answer(sandbox, html, "approved", headers, fields);
    assertEquals(response.status, 403);
    await response.body?.cancel();
    assertEquals((await answer(sandbox, html, "approved")).status, 303);
  });
}

Deno.test("xai consent: expired and unknown", async () => {
  const { sandbox, clock } = testSandbox();
  const moved = await authorize(sandbox);
  const url = moved.headers.get("location")!;
  clock.now += 600_000;
  const urls = [url, CONSENT_URL, `${CONSENT_URL}?request=%3Cscript%3E`];
  for (const gone of urls) {
    const response = await sandbox.fetch(gone);
    assertEquals(response.status, 404);
    assert(!(await response.text()).includes("<script"));
  }
});

Deno.test("xai pages: what comes from the state is escaped", async () => {
  for (const delivery of ["fetch", "code"] as const) {
    const { sandbox, clock } = testSandbox();
    const moved = await authorize(sandbox);
    const url = moved.headers.get("location")!;
    const state = sandbox.state;
    for (const authorization of state.authorizations) {
      authorization.clientName = `<img src=x onerror="alert(1)">&'`;
      authorization.account = "</dd><b>";
      authorization.formToken = "token";
      authorization.redirect!.state = `"></section><script>alert(1)</script>`;
    }
    const hostile = createSandbox({ state, now: () => clock.now, quirks: { delivery } });
    const consent = await (await hostile.fetch(url)).text();
    const result = await (await answer(hostile, consent, "approved")).text();
    for (const html of [consent, result]) {
      assert(!/<img|<b>|<script>/.test(html), html);
      assertStringIncludes(html, "&lt;img src=x");
    }
  }
});
