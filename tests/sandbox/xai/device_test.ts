import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import type { SandboxQuirks } from "../../../src/sandbox/mod.ts";
import { type Json, postForm, testSandbox } from "../support.ts";
import {
  authorize,
  CLIENT_ID,
  DEVICE_URL,
  login,
  pollDevice,
  requestDevice,
  SCOPE,
} from "./support.ts";

const PAGE = "https://accounts.x.ai/oauth2/device";

Deno.test("xai device flow: codes, pending, approval, tokens, once only", async () => {
  const { sandbox, clock } = testSandbox();
  const { device_code, user_code, ...rest } = await requestDevice(sandbox);
  assertMatch(user_code, /^[A-Z0-9]{4}-[A-Z0-9]{4}$/);
  assertMatch(device_code, /^sbx_dc_/);
  assertEquals(rest, {
    verification_uri: PAGE,
    verification_uri_complete: `${PAGE}?user_code=${user_code}`,
    expires_in: 1800,
    interval: 5,
  });
  const poll = async () => {
    const response = await pollDevice(sandbox, device_code);
    clock.now += 5000;
    return [response.status, await response.json()] as [number, Json];
  };
  assertEquals((await poll())[1].error, "authorization_pending");
  assert(sandbox.approve(user_code));
  const [status, tokens] = await poll();
  assertEquals([status, tokens.token_type, tokens.scope], [200, "Bearer", SCOPE]);
  assertEquals((await poll())[1].error, "invalid_grant");
  assertEquals(sandbox.counters.grants, 1);
});

Deno.test("xai device flow: the options say other times", async () => {
  const { sandbox } = testSandbox({ userCodeTtlMs: 60_000, pollIntervalMs: 1000 });
  const { expires_in, interval } = await requestDevice(sandbox);
  assertEquals([expires_in, interval], [60, 1]);
});

Deno.test("xai device flow: below a loopback origin the page stays below it", async () => {
  const origin = "http://127.0.0.1:8700";
  const { sandbox } = testSandbox();
  const body = new URLSearchParams({ client_id: CLIENT_ID });
  const url = `${origin}/auth.x.ai/oauth2/device/code`;
  const code = await (await sandbox.fetch(url, { method: "POST", body })).json();
  assertEquals(code.verification_uri, `${origin}/accounts.x.ai/oauth2/device`);
  const html = await (await sandbox.fetch(code.verification_uri_complete)).text();
  assertStringIncludes(html, 'action="/accounts.x.ai/oauth2/device"');
  const front = await (await sandbox.fetch(`${origin}/`)).text();
  assertStringIncludes(front, `href="/accounts.x.ai/oauth2/device?user_code=${code.user_code}"`);
});

Deno.test("xai device flow: too fast is slow_down, and 5 s more for good", async () => {
  const { sandbox, clock } = testSandbox();
  const { device_code } = await requestDevice(sandbox);
  const answers: string[] = [];
  for (const waitMs of [0, 4_800, 9_800, 10_000, 9_000, 15_000]) {
    clock.now += waitMs;
    answers.push((await (await pollDevice(sandbox, device_code)).json()).error);
  }
  assertEquals(answers, [
    "authorization_pending",
    "slow_down", // 5 s, now 10
    "slow_down", // now 15
    "slow_down", // now 20
    "slow_down", // now 25
    "slow_down",
  ]);
  const patient = await requestDevice(sandbox);
  const calm: string[] = [];
  for (const waitMs of [0, 1_000, 10_000, 9_950]) {
    clock.now += waitMs;
    calm.push((await (await pollDevice(sandbox, patient.device_code)).json()).error);
  }
  // The last is early by less than a network's jitter.
  assertEquals(calm, [
    "authorization_pending",
    "slow_down",
    "authorization_pending",
    "authorization_pending",
  ]);
});

Deno.test("xai device flow: slowDownNext, and deviceSlowDown off", async () => {
  const { sandbox, clock } = testSandbox({ quirks: { slowDownNext: 2 } });
  const { device_code } = await requestDevice(sandbox);
  const poll = async () => (await (await pollDevice(sandbox, device_code)).json()).error;
  assertEquals([await poll(), await poll()], ["slow_down", "slow_down"]);
  clock.now += 15_000;
  assertEquals(await poll(), "authorization_pending");
  sandbox.setQuirks({ deviceSlowDown: false });
  assertEquals([await poll(), await poll()], ["authorization_pending", "authorization_pending"]);
});

const ENDS: {
  name: string;
  quirks?: Partial<SandboxQuirks>;
  deny?: boolean;
  waitMs?: number;
  error: string;
}[] = [
  { name: "denied", deny: true, error: "access_denied" },
  {
    name: "denied in other words",
    deny: true,
    quirks: { deniedError: "authorization_denied" },
    error: "authorization_denied",
  },
  { name: "expired", waitMs: 1_800_000, error: "expired_token" },
];
for (const { name, quirks = {}, deny = false, waitMs = 0, error } of ENDS) {
  Deno.test(`xai device flow: ${name}`, async () => {
    const { sandbox, clock } = testSandbox({ quirks });
    const { device_code, user_code } = await requestDevice(sandbox);
    if (deny) assert(sandbox.deny(user_code));
    clock.now += waitMs;
    const response = await pollDevice(sandbox, device_code);
    assertEquals([response.status, (await response.json()).error], [400, error]);
    assertEquals(sandbox.approve(user_code), false);
  });
}

const ANSWERS: { quirks: Partial<SandboxQuirks>; field: string; value: unknown }[] = [
  { quirks: { interval: "missing" }, field: "interval", value: undefined },
  { quirks: { interval: "zero" }, field: "interval", value: 0 },
  { quirks: { interval: "string" }, field: "interval", value: "5" },
  { quirks: { interval: "negative" }, field: "interval", value: -1 },
  { quirks: { interval: "huge" }, field: "interval", value: 1e9 },
  { quirks: { interval: "null" }, field: "interval", value: null },
  {
    quirks: { verificationComplete: "missing" },
    field: "verification_uri_complete",
    value: undefined,
  },
  {
    quirks: { deviceHost: "foreign" },
    field: "verification_uri",
    value: "https://accounts.x.ai.example/oauth2/device",
  },
  {
    quirks: { deviceHost: "http" },
    field: "verification_uri",
    value: "http://accounts.x.ai/oauth2/device",
  },
  { quirks: { verificationComplete: "foreign" }, field: "verification_uri", value: PAGE },
  { quirks: { deviceExpiresIn: "missing" }, field: "expires_in", value: undefined },
  { quirks: { deviceExpiresIn: "zero" }, field: "expires_in", value: 0 },
  { quirks: { deviceExpiresIn: "string" }, field: "expires_in", value: "1800" },
];
for (const { quirks, field, value } of ANSWERS) {
  Deno.test(`xai device answer with ${JSON.stringify(quirks)}: ${field}`, async () => {
    const answer = await requestDevice(testSandbox({ quirks }).sandbox);
    assertEquals(answer[field], value);
    assertEquals(field in answer, value !== undefined);
  });
}

Deno.test("xai device answer: a complete URI elsewhere, and an escape in the code", async () => {
  const { sandbox } = testSandbox({
    quirks: { verificationComplete: "foreign", userCodeForm: "escapes" },
  });
  const { verification_uri_complete, user_code } = await requestDevice(sandbox);
  assertEquals(new URL(verification_uri_complete).host, "accounts.x.ai.example");
  assert(user_code.startsWith("\u001b[31m"));
});

const REFUSALS: { name: string; fields: Record<string, string>; status: number; error: string }[] =
  [
    { name: "no client", fields: {}, status: 400, error: "invalid_request" },
    { name: "an unknown client", fields: { client_id: "x" }, status: 401, error: "invalid_client" },
    {
      name: "an unknown scope",
      fields: { client_id: CLIENT_ID, scope: "root" },
      status: 400,
      error: "invalid_scope",
    },
  ];
for (const { name, fields, status, error } of REFUSALS) {
  Deno.test(`xai device request with ${name} is refused`, async () => {
    const { sandbox } = testSandbox();
    const response = await postForm(sandbox, DEVICE_URL, fields);
    assertEquals([response.status, (await response.json()).error], [status, error]);
    assertEquals(sandbox.counters.authorizations, 0);
  });
}

const POLL_REFUSALS: { name: string; fields: Record<string, string | undefined>; error: string }[] =
  [
    { name: "no code", fields: { device_code: undefined }, error: "invalid_request" },
    { name: "the user code", fields: { device_code: "AAAA-AAAA" }, error: "invalid_grant" },
    { name: "an unknown client", fields: { client_id: "x" }, error: "invalid_client" },
  ];
for (const { name, fields, error } of POLL_REFUSALS) {
  Deno.test(`xai device poll with ${name} is refused`, async () => {
    const { sandbox } = testSandbox();
    const { device_code } = await requestDevice(sandbox);
    assertEquals((await (await pollDevice(sandbox, device_code, fields)).json()).error, error);
  });
}

Deno.test("xai device flow: 404 where it is off, and HTML in the middle of the polls", async () => {
  const { sandbox } = testSandbox({ quirks: { deviceFlow: "not_found" } });
  const off = await postForm(sandbox, DEVICE_URL, { client_id: CLIENT_ID });
  assertEquals(off.status, 404);
  await off.body?.cancel();
  sandbox.setQuirks({ deviceFlow: "serve", failNext: 1, failOn: "poll", failWith: "html_502" });
  const { device_code, user_code } = await requestDevice(sandbox);
  sandbox.approve(user_code);
  const failed = await pollDevice(sandbox, device_code);
  assertEquals(failed.status, 502);
  assertStringIncludes(await failed.text(), "<html>");
  assertEquals((await pollDevice(sandbox, device_code)).status, 200);
});

Deno.test("xai device flow: autoApprove approves at the first poll", async () => {
  const { sandbox } = testSandbox({ autoApprove: true });
  const { device_code } = await requestDevice(sandbox);
  assertEquals((await pollDevice(sandbox, device_code)).status, 200);
});

Deno.test("xai device page: the code, the account, and the decision", async () => {
  const { sandbox } = testSandbox({ quirks: { account: "ann@sandbox.example" } });
  const { device_code, user_code, verification_uri_complete } = await requestDevice(sandbox);
  const html = await (await sandbox.fetch(verification_uri_complete)).text();
  assertStringIncludes(html, user_code);
  assertStringIncludes(html, "ann@sandbox.example");
  const form_token = /name="form_token" value="([^"]*)"/.exec(html)![1]!;
  const submit = (fields: Record<string, string>) =>
    sandbox.fetch(PAGE, {
      method: "POST",
      body: new URLSearchParams({ user_code, form_token, decision: "approved", ...fields }),
    });
  assertEquals((await submit({ form_token: "x" })).status, 403);
  assertStringIncludes(await (await submit({})).text(), "Approved");
  assertEquals((await pollDevice(sandbox, device_code)).status, 200);
});

Deno.test("xai device page: empty it asks for a code, and takes none of another flow", async () => {
  const { sandbox } = testSandbox();
  assertStringIncludes(await (await sandbox.fetch(PAGE)).text(), 'name="user_code"');
  const moved = await authorize(sandbox);
  const request = new URL(moved.headers.get("location")!).searchParams.get("request");
  assertEquals((await sandbox.fetch(`${PAGE}?user_code=${request}`)).status, 404);
  const { user_code } = await requestDevice(sandbox);
  const consent = `https://accounts.x.ai/oauth2/consent?request=${user_code}`;
  assertEquals((await sandbox.fetch(consent)).status, 404);
});

Deno.test("xai device flow: each login is of the account that the quirk names", async () => {
  const { sandbox } = testSandbox();
  await login(sandbox);
  sandbox.setQuirks({ account: "bob@sandbox.example" });
  await login(sandbox);
  assertEquals(sandbox.state.grants.map(({ account }) => account), [
    "user@sandbox.example",
    "bob@sandbox.example",
  ]);
});
