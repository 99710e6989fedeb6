// `--remote`: the same commands, asked of a gateway elsewhere. design.md 8 and 10; faults X32 (admin
// token), A of its way (https, redirects), X12 (what a gateway says is only read).

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { type AdminWorld, createAdminWorld, TOKEN } from "../gateway/admin_support.ts";
import {
  jsonLines,
  type MachineOptions,
  type RunOptions,
  TestMachine,
} from "../support/platform.ts";

const URL_THERE = "https://gateway.example";
const ENV = { GRANTWAY_ADMIN_TOKEN: TOKEN };

/** A machine, and a gateway elsewhere in front of the same providers. */
function setUp(options: MachineOptions = {}): { machine: TestMachine; there: AdminWorld } {
  const machine = new TestMachine({ env: ENV, ...options });
  const there = createAdminWorld({}, { clock: machine.clock, sandbox: machine.sandbox });
  machine.fetch = ((input: string, init?: RequestInit) => {
    const request = new Request(input, init);
    return request.url.startsWith(`${URL_THERE}/`)
      ? there.gateway.fetch(request)
      : machine.sandbox.fetch(input, init);
  }) as typeof fetch;
  return { machine, there };
}

const remote = (machine: TestMachine, command: string, options?: RunOptions) =>
  machine.run(`${command} --remote ${URL_THERE}`, options);

for (const provider of ["minimax-oauth", "xai-oauth"]) {
  Deno.test(`auth add ${provider} --remote --yes signs in there, and stores nothing here`, async () => {
    const { machine, there } = setUp();
    const before = machine.snapshot();
    const { code, stdout, stderr } = await remote(
      machine,
      `auth add ${provider} --yes --label work`,
    );
    assertEquals(code, 0, stderr);
    assertMatch(stdout, /^https:\/\/gateway\.example is signed in to .* as work/);
    assertMatch(stderr, /Code: /);
    assertMatch(stderr, /Approved/);
    assertEquals((await there.credentials.list()).map(({ label }) => label), ["work"]);
    assertEquals(machine.snapshot(), before);
    // The token went there alone, as a bearer.
    for (const { url, headers } of machine.requests) {
      assertEquals(headers.get("authorization"), `Bearer ${TOKEN}`);
      assert(url.startsWith(`${URL_THERE}/admin/api/`), url);
      assertEquals(url.includes(TOKEN), false);
    }
  });
}

Deno.test("auth add --remote --json tells the code, the account and what is stored", async () => {
  const { machine } = setUp();
  const { code, stdout } = await remote(machine, "auth add xai-oauth --yes --json");
  assertEquals(code, 0);
  const lines = jsonLines(stdout);
  assertEquals(lines.map(({ type }) => type), ["code", "account", "auth_add"]);
  const [shown, { account }, { credential, replaced, selected }] = lines;
  assertMatch(shown.verificationUrl, /^https:\/\//);
  assertMatch(account.label, /./);
  assertEquals([credential.status, credential.index, replaced, selected], [
    "valid",
    1,
    false,
    false,
  ]);
  const again = jsonLines((await remote(machine, "auth add xai-oauth --yes --json")).stdout);
  assertEquals(again.at(-1).replaced, true);
});

Deno.test("auth add --remote asks nobody only with --yes", async () => {
  const { machine, there } = setUp();
  for (const flags of ["", " --json", " --non-interactive"]) {
    const { code, stderr } = await remote(machine, `auth add xai-oauth${flags}`);
    assertEquals(code, 2);
    assertMatch(stderr, /Add --yes/);
  }
  assertEquals(machine.requests, []);
  assertEquals(await there.credentials.list(), []);
});

Deno.test("auth add --remote that is interrupted, denied or too late leaves nothing there", async () => {
  const ends: Record<string, { options?: RunOptions; flags?: string; code: number }> = {
    interrupted: { code: 130 },
    denied: { code: 1 },
    late: { code: 7, flags: " --timeout 10" },
  };
  for (const [name, { flags = "", code: wanted }] of Object.entries(ends)) {
    const { machine, there } = setUp({ autoApprove: false });
    const { code } = await remote(machine, `auth add xai-oauth --yes${flags}`, {
      onStderr: (text) => {
        const userCode = /Code: (\S+)/.exec(text)?.[1];
        if (userCode === undefined) return;
        if (name === "interrupted") machine.interrupt();
        if (name === "denied") machine.sandbox.deny(userCode);
      },
    });
    assertEquals(code, wanted, name);
    assertEquals(machine.requests.at(-1)?.method, "DELETE", name);
    const id = machine.requests.at(-1)!.url.split("/").at(-1)!;
    assertEquals((await there.api("GET", `sign-ins/${id}`)).status, 404, name);
    assertEquals(await there.credentials.list(), []);
  }
});

Deno.test("auth list, status, remove and logout --remote speak of what is there", async () => {
  const { machine, there } = setUp();
  const empty = await remote(machine, "auth status xai-oauth");
  assertEquals(empty.code, 4);
  assertMatch(empty.stderr, /grantway auth add xai-oauth --remote https:\/\/gateway\.example/);
  await remote(machine, "auth add xai-oauth --yes --label one");
  await remote(machine, "auth add minimax-oauth --yes --label two");
  await remote(machine, "auth add minimax-oauth --yes --label three");
  const list = await remote(machine, "auth list");
  assertEquals(
    list.stdout.replace(/id=\S+/g, "id=ID").replace(/for .*$/gm, "for …").replace(
      /two|three/g,
      "NAME",
    ).split("\n"),
    [
      "minimax-oauth (2 stored):",
      "  #1  NAME  login  region=global  id=ID  valid for …",
      "  #2  NAME  login  region=global  id=ID  valid for …",
      "xai-oauth (1 stored):",
      "  #1  one  login  region=global  id=ID  valid for …",
      "",
    ],
  );
  // The same shapes as here.
  await machine.signIn("auth add xai-oauth --label one");
  for (const command of ["auth list xai-oauth", "auth status xai-oauth"]) {
    const [there] = jsonLines((await remote(machine, `${command} --json`)).stdout);
    const [here] = jsonLines((await machine.run(`${command} --json`)).stdout);
    assertEquals(Object.keys(there), Object.keys(here));
    assertEquals(Object.keys(there.credentials[0]), Object.keys(here.credentials[0]));
  }
  assertEquals((await remote(machine, "auth status xai-oauth")).code, 0);

  assertEquals((await remote(machine, "auth remove minimax-oauth")).code, 2);
  const removed = await remote(machine, "auth remove minimax-oauth two");
  assertMatch(removed.stdout, /Removed minimax-oauth two at/);
  const out = await remote(machine, "auth logout xai-oauth --json");
  assertEquals(jsonLines(out.stdout)[0].removed.map(({ label }: { label: string }) => label), [
    "one",
  ]);
  assertEquals((await there.credentials.list()).map(({ label }) => label), ["three"]);
  assertEquals((await remote(machine, "auth logout xai-oauth")).code, 4);
  // Nothing of it was done here.
  assertEquals((await machine.credentials()).length, 1);
});

Deno.test("gateway keys --remote makes, lists and revokes keys there", async () => {
  const { machine, there } = setUp();
  const made = await remote(machine, "gateway keys create laptop --route messages --quiet");
  assertMatch(made.stdout, /^gw_[\w-]{43}\n$/);
  const [{ keys }] = jsonLines((await remote(machine, "gateway keys list --json")).stdout);
  assertEquals(keys.map(({ name, scope }: { name: string; scope: unknown }) => [name, scope]), [
    ["laptop", { routes: ["messages"] }],
  ]);
  assertMatch((await remote(machine, "gateway keys list")).stdout, /laptop .*not yet/);
  assertEquals((await remote(machine, "gateway keys create laptop")).code, 1);
  assertMatch((await remote(machine, "gateway keys revoke laptopp")).stderr, /revoke laptop/);
  assertEquals((await remote(machine, "gateway keys revoke laptop")).code, 0);
  assertEquals((await there.api("GET", "keys")).keys, []);
  assertMatch((await remote(machine, "gateway keys list")).stderr, /create <name> --remote/);
});

Deno.test("gateway config --remote reads and changes settings there", async () => {
  const { machine } = setUp();
  assertEquals((await remote(machine, "gateway config get default_model")).code, 1);
  await remote(machine, "gateway config set default_model xai-oauth/grok-4.3");
  assertEquals(
    (await remote(machine, "gateway config get default_model")).stdout,
    "xai-oauth/grok-4.3\n",
  );
  assertEquals((await remote(machine, "gateway config set limits.concurrent none")).code, 2);
  const [{ settings }] = jsonLines((await remote(machine, "gateway config list --json")).stdout);
  assertEquals(settings, { default_model: "xai-oauth/grok-4.3" });
  assertMatch((await remote(machine, "gateway config unset default_model")).stdout, /removed/);
  assertMatch((await remote(machine, "gateway config unset default_model")).stdout, /was not set/);
});

Deno.test("usage and doctor --remote report of there", async () => {
  const { machine, there } = setUp();
  await remote(machine, "auth add xai-oauth --yes --label work");
  const { id } = (await there.credentials.list())[0]!;
  there.usage.record({
    at: machine.clock.now(),
    keyId: "key_one",
    provider: "xai-oauth",
    account: id,
    model: "grok-4.3",
    outcome: "completed",
    inputTokens: 1,
    cacheReadTokens: 2,
    cacheWriteTokens: 3,
    outputTokens: 4,
  });
  assertMatch((await remote(machine, "usage")).stdout, /xai-oauth\/grok-4\.3 +1 /);
  assertMatch((await remote(machine, "usage --by account")).stdout, /xai-oauth work +1 /);
  const doctor = await remote(machine, "doctor");
  assertEquals(doctor.code, 0);
  assertMatch(doctor.stdout, /◆ Accounts\n {2}✓ xai-oauth work/);
  assertEquals((await remote(machine, "doctor --fix")).code, 2);
});

Deno.test("--remote sends the token to no other place", async () => {
  const { machine } = setUp();
  const refused = [
    "http://gateway.example",
    "gateway.example",
    "ftp://gateway.example",
    "https://user:pw@gateway.example",
    "https://gateway.example/v1",
    "https://gateway.example?x=1",
    "http://127.0.0.1.example",
    "",
  ];
  for (const url of refused) {
    const { code } = await machine.run(["auth", "list", "--remote", url]);
    assertEquals(code, 2, url);
  }
  assertEquals(machine.requests, []);
  for (
    const url of ["http://127.0.0.1:8787", "http://localhost:8787/", "http://[::1]:8787/admin"]
  ) {
    await machine.run(["auth", "list", "--remote", url]);
    assert(machine.requests.pop()!.url.startsWith("http://"), url);
  }
  let sent = 0;
  machine.fetch = (() => {
    sent++;
    return Promise.resolve(
      new Response(null, { status: 307, headers: { location: "https://evil.example/" } }),
    );
  }) as typeof fetch;
  const { code, stderr } = await remote(machine, "auth list");
  assertEquals([code, sent], [6, 1]);
  assertMatch(stderr, /leads elsewhere/);
});

Deno.test("--remote takes the token from the environment or standard input, and says which is wrong", async () => {
  const { machine } = setUp({ env: {} });
  const none = await remote(machine, "auth list");
  assertEquals(none.code, 2);
  assertMatch(none.stderr, /Set GRANTWAY_ADMIN_TOKEN, or write it to standard input/);
  assertEquals((await remote(machine, "auth list", { stdin: `${TOKEN}\n` })).code, 0);
  const wrong = await remote(machine, "auth list", { env: { GRANTWAY_ADMIN_TOKEN: "wrong" } });
  assertEquals(wrong.code, 4);
  assertMatch(wrong.stderr, /That is not the admin token/);
  assertEquals((await remote(machine, "auth list", { stdin: "two words" })).code, 2);
});

Deno.test("--remote says what is wrong with an address that is no such gateway", async () => {
  const answers: Record<string, { answer: () => Response | Promise<Response>; code: number }> = {
    "not as a gateway": { answer: () => new Response("<html>", { status: 404 }), code: 6 },
    "answered 200": { answer: () => new Response("hello"), code: 6 },
    "answered 502": { answer: () => new Response("<html>", { status: 502 }), code: 6 },
    "Cannot reach": { answer: () => Promise.reject(new TypeError("no route")), code: 6 },
  };
  for (const [says, { answer, code: wanted }] of Object.entries(answers)) {
    const { machine } = setUp();
    machine.fetch = (() => Promise.resolve(answer())) as typeof fetch;
    const { code, stderr } = await remote(machine, "auth list");
    assertEquals(code, wanted, says);
    assertStringIncludes(stderr, says);
  }
});

Deno.test("--remote prints nothing that a gateway says but text", async () => {
  const { machine } = setUp();
  const hostile = "a\u001b]52;c;eA==\u0007\u202eb\r\n<script>";
  machine.fetch = (() =>
    Promise.resolve(Response.json({
      sections: [{ name: hostile, checks: [{ status: "ok", text: hostile, details: [hostile] }] }],
    }))) as typeof fetch;
  const { stdout } = await remote(machine, "doctor");
  // deno-lint-ignore no-control-regex -- what must not be there
  assertEquals(/[\x00-\x09\x0b-\x1f\x7f\u202e]/.test(stdout), false);
  machine.fetch = (() =>
    Promise.resolve(
      Response.json({ error: { code: "not_found", message: hostile } }, { status: 404 }),
    )) as typeof fetch;
  const { stderr } = await remote(machine, "auth list");
  // deno-lint-ignore no-control-regex -- the same
  assertEquals(/[\x00-\x09\x0b-\x1f\x7f\u202e]/.test(stderr), false);
});

Deno.test("auth add --remote opens no page on a gateway's word alone", async () => {
  const { machine } = setUp({ env: { ...ENV, DISPLAY: ":0" } });
  const { code } = await remote(machine, "auth add xai-oauth --yes");
  assertEquals([code, machine.opened.length], [0, 1]);
  const { fetch } = machine;
  machine.fetch = (async (input: string, init?: RequestInit) => {
    const response = await fetch(input, init);
    const text = await response.text();
    return new Response(
      text.replaceAll(/https:\/\/[\w.]*x\.ai\//g, "https://evil.example/"),
      response,
    );
  }) as typeof globalThis.fetch;
  const { stderr } = await remote(machine, "auth add xai-oauth --yes");
  assertEquals(machine.opened.length, 1);
  assertMatch(stderr, /not on a host of the provider's/);
});

Deno.test("auth add --remote takes no API key and no loopback", async () => {
  const { machine } = setUp();
  for (
    const rest of ["minimax --type api-key", "xai-oauth --flow loopback --yes", "minimax --yes"]
  ) {
    assertEquals((await remote(machine, `auth add ${rest}`)).code, 2, rest);
  }
  assertEquals(machine.requests, []);
});
