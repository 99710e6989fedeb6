// Several accounts of one xAI provider: who answers, who rests and for how long, who is left alone.

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { jsonLines, TestMachine } from "../support/platform.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** A machine with logins of these accounts, which are also their labels. */
async function pool(...accounts: string[]): Promise<TestMachine> {
  const machine = new TestMachine({ env: { NO_COLOR: "1" } });
  for (const account of accounts) {
    machine.sandbox.setQuirks({ account });
    await machine.signIn("auth add xai-oauth");
  }
  machine.requests.length = 0;
  return machine;
}

// deno-lint-ignore no-explicit-any -- stored credentials whose shape the tests state
function stored(machine: TestMachine): any[] {
  return JSON.parse(machine.file("auth.json")!).providers["xai-oauth"];
}

/** The accounts whose bearers went to the API, in order. */
function asked(machine: TestMachine): string[] {
  return machine.sent("/responses").map(({ headers }) => {
    const bearer = headers.get("authorization")!.replace("Bearer ", "");
    return stored(machine).find(({ tokens }) => tokens?.accessToken === bearer)?.label;
  });
}

/** Lets the API refuse the account `label`. */
function refuse(machine: TestMachine, label: string, answer: () => Response): void {
  const { fetch } = machine;
  machine.fetch = (input, init) => {
    const { url, headers } = new Request(input, init);
    const token = stored(machine).find((login) => login.label === label)?.tokens?.accessToken;
    const isIts = headers.get("authorization") === `Bearer ${token}`;
    return url.endsWith("/responses") && isIts ? Promise.resolve(answer()) : fetch(input, init);
  };
}

function problem(status: number, code: string, error: string, retryAfter?: number): Response {
  return Response.json({ code, error }, {
    status,
    headers: retryAfter === undefined ? {} : { "retry-after": String(retryAfter) },
  });
}

const RESTS: { name: string; answer: () => Response; ms: number; code: string }[] = [
  {
    name: "a rate limit, for as long as the server says",
    answer: () => problem(429, "rate_limit", "Too many requests", 600),
    ms: 10 * MINUTE,
    code: "rate_limited",
  },
  {
    name: "a rate limit without a time, for an hour",
    answer: () => problem(429, "rate_limit", "Too many requests"),
    ms: HOUR,
    code: "rate_limited",
  },
  {
    name: "the included usage, for a day",
    answer: () => problem(429, "subscription:free-usage-exhausted", "included free usage"),
    ms: DAY,
    code: "quota_exhausted",
  },
  {
    name: "a spending limit, for a day",
    answer: () => problem(403, "personal-team-blocked:spending-limit", "limit reached"),
    ms: DAY,
    code: "quota_exhausted",
  },
  {
    name: "a plan without the API, for an hour",
    answer: () => problem(403, "permission-denied", "Access denied"),
    ms: HOUR,
    code: "not_entitled",
  },
];

for (const { name, answer, ms, code } of RESTS) {
  Deno.test(`a pool: the next account answers after ${name}`, async () => {
    const machine = await pool("a@x.example", "b@x.example");
    refuse(machine, "a@x.example", answer);
    const first = await machine.run("chat Hello");
    assertEquals(first.code, 0, first.stderr);
    assertStringIncludes(first.stdout, "You wrote: “Hello”");
    assertMatch(first.stderr, /^warning: a@x\.example: .*; trying the next account\n$/m);
    assertEquals(asked(machine).at(-1), "b@x.example");
    assertEquals(machine.sandbox.counters.refreshes, 0);

    const [resting, next] = await machine.credentials();
    assertEquals([resting.label, resting.coolDown.code], ["a@x.example", code]);
    const leftMs = Date.parse(resting.coolDown.until) - machine.clock.now();
    assert(leftMs > ms - 2 * MINUTE && leftMs <= ms, `${leftMs}`);
    assertEquals(next.coolDown, null);
    const { stdout } = await machine.run("auth list xai-oauth");
    const [, one, two] = stdout.split("\n");
    assertMatch(one!, /^ {2}#1 {2}a@x\.example .*, rests for \d+[dhms]/);
    assertMatch(two!, /^ {2}#2 {2}b@x\.example .*←$/);

    // It is left alone as long as it rests, and asked again after that.
    machine.requests.length = 0;
    assertEquals((await machine.run("chat Hello")).stderr, "");
    assertEquals(asked(machine), ["b@x.example"]);
    machine.clock.mono += ms;
    machine.requests.length = 0;
    await machine.run("chat Hello");
    assert(asked(machine).length > 1, "it was not asked again");
  });
}

Deno.test("a pool: auth reset ends the rests, of one account or of all", async () => {
  const machine = await pool("a@x.example", "b@x.example");
  let isLimited = true;
  for (const label of ["a@x.example", "b@x.example"]) {
    const { fetch } = machine;
    refuse(machine, label, () => problem(429, "rate_limit", "Too many requests", 600));
    const refusing = machine.fetch;
    machine.fetch = (input, init) => (isLimited ? refusing : fetch)(input, init);
  }
  const rests = async () => (await machine.credentials()).map(({ coolDown }) => coolDown !== null);

  assertEquals((await machine.run("chat Hello")).code, 5);
  assertEquals(await rests(), [true, true]);
  machine.requests.length = 0;
  const none = await machine.run("chat Hello");
  assertEquals([none.code, machine.requests.length], [5, 0]);
  assertMatch(none.stderr, /All 2 accounts of xai-oauth rest, the first until 2\S+Z: /);
  assertStringIncludes(none.stderr, "grantway auth reset xai-oauth");

  isLimited = false;
  assertEquals((await machine.run("auth reset xai-oauth 2")).code, 0);
  assertEquals(await rests(), [true, false]);
  assertEquals((await machine.run("chat Hello")).code, 0);
  assertEquals(asked(machine), ["b@x.example"]);
  assertEquals((await machine.run("auth reset xai-oauth")).code, 0);
  assertEquals(await rests(), [false, false]);
  assertEquals((await machine.run("chat Hello")).code, 0);
  assertEquals(asked(machine), ["b@x.example", "a@x.example"]);
});

for (
  const { code, entitlement } of [
    { code: 8, entitlement: "none" },
    { code: 5, entitlement: "spending_limit" },
  ] as const
) {
  Deno.test(`a pool: when every account rests for entitlement ${entitlement}, it is ${code} still`, async () => {
    const machine = await pool("a@x.example", "b@x.example");
    machine.sandbox.setQuirks({ entitlement });
    assertEquals((await machine.run("chat Hello")).code, code);
    machine.requests.length = 0;
    const again = await machine.run("chat Hello");
    assertEquals([again.code, machine.requests.length], [code, 0]);
    assertStringIncludes(again.stderr, "grantway auth reset xai-oauth");
  });
}

for (const directive of ["[error:400]", "[error:context]", "[error:404]", "[failed]"]) {
  Deno.test(`a pool: ${directive} is nobody's fault: no other account is asked, nobody rests`, async () => {
    const machine = await pool("a@x.example", "b@x.example");
    const { code } = await machine.run(`chat ${directive}`);
    assert(code !== 0 && code !== 5, `exit ${code}`);
    assertEquals([...new Set(asked(machine))], ["a@x.example"]);
    assertEquals((await machine.credentials()).map(({ coolDown }) => coolDown), [null, null]);
  });
}

Deno.test("a pool: a dead login is left with a warning, and never tried again", async () => {
  const machine = await pool("a@x.example", "b@x.example");
  const [{ tokens, clientId }] = stored(machine);
  for (let time = 0; time < 2; time++) {
    await machine.sandbox.fetch("https://auth.x.ai/oauth2/token", {
      method: "POST",
      body: new URLSearchParams({
        grant_type: "refresh_token",
        refresh_token: tokens.refreshToken,
        client_id: clientId,
      }),
    }).then((answer) => answer.body?.cancel());
  }
  machine.clock.mono += DAY;
  const first = await machine.run("chat Hello");
  assertEquals(first.code, 0);
  assertMatch(
    first.stderr,
    /^warning: .*The login to xAI OAuth has ended.*trying the next account$/m,
  );
  // One attempt of the dead one, one refresh of the other.
  assertEquals(machine.sent("/oauth2/token").length, 2);
  const states = (await machine.credentials()).map(({ label, status }) => [label, status]);
  assertEquals(states, [["a@x.example", "needs_login"], ["b@x.example", "valid"]]);

  for (let turn = 0; turn < 3; turn++) {
    machine.clock.mono += DAY;
    machine.requests.length = 0;
    const again = await machine.run("chat Hello");
    assertEquals([again.code, again.stderr], [0, ""]);
    assertEquals(asked(machine), ["b@x.example"]);
    assertEquals(machine.sent("/oauth2/token").length, 1);
  }
  machine.requests.length = 0;
  await machine.run("auth reset xai-oauth");
  await machine.run("auth use xai-oauth a@x.example");
  await machine.run("chat Hello");
  assertEquals(asked(machine), ["b@x.example"]);
  assertEquals((await machine.run("auth status xai-oauth")).code, 0);
});

Deno.test("a pool takes the first by default, and turns with strategy round_robin", async () => {
  const machine = await pool("a@x.example", "b@x.example", "c@x.example");
  const three = async () => {
    machine.requests.length = 0;
    for (let turn = 0; turn < 4; turn++) {
      assertEquals((await machine.run("chat Hello")).code, 0);
    }
    return asked(machine).map((label) => label[0]).join("");
  };
  assertEquals(await three(), "aaaa");
  const { code } = await machine.run("config set providers.xai-oauth.strategy round_robin");
  assertEquals(code, 0);
  assertEquals(await three(), "abca");
  await machine.run("config set providers.xai-oauth.strategy fill_first");
  assertEquals(await three(), "aaaa");
  const wrong = await machine.run("config set providers.xai-oauth.strategy random");
  assertEquals(wrong.code, 2);
});

Deno.test("a pool: auth use and auth priority give the order, which a refresh keeps", async () => {
  const machine = await pool("a@x.example", "b@x.example", "c@x.example");
  const { stdout } = await machine.run("auth use xai-oauth c@x.example");
  assertEquals(stdout, "xai-oauth: c@x.example, then a@x.example, then b@x.example\n");
  await machine.run("auth priority xai-oauth a@x.example 3");
  machine.clock.mono += DAY;
  await machine.run("chat Hello");
  assertEquals(asked(machine), ["c@x.example"]);
  assertEquals(
    (await machine.credentials()).map(({ label, index }) => `${index} ${label}`),
    ["1 c@x.example", "2 b@x.example", "3 a@x.example"],
  );
});

Deno.test("a pool: the refresh of one login leaves the others as they are", async () => {
  const machine = await pool("a@x.example", "b@x.example");
  const [, before] = stored(machine);
  machine.clock.mono += DAY;
  assertEquals((await machine.run("chat Hello")).code, 0);
  assertEquals(stored(machine)[1], before);
  assertEquals(stored(machine)[0].generation, 2);
});

Deno.test("a pool: signing in again with the same account replaces it in place, by either flow", async () => {
  const machine = await pool("a@x.example", "b@x.example");
  await machine.run("auth use xai-oauth b@x.example");
  const before = await machine.credentials();
  machine.sandbox.setQuirks({ account: "b@x.example" });
  const again = await machine.run("auth add xai-oauth --flow loopback", {
    onStderr: machine.browser(),
  });
  assertStringIncludes(again.stdout, "as b@x.example (in place of the earlier one)");
  const after = await machine.credentials();
  assertEquals(after.map(({ id }) => id), before.map(({ id }) => id));
  assertEquals(after.map(({ generation }) => generation), [2, 1]);
  const named = await machine.run("auth add xai-oauth --label work");
  assertStringIncludes(named.stdout, "as work (in place of the earlier one)");
  assertEquals((await machine.credentials()).length, 2);
});

Deno.test("a pool: each login keeps to the upstream that it was made for", async () => {
  const machine = new TestMachine();
  for (const [account, upstream] of [["a@x.example", "cli"], ["b@x.example", "api"]] as const) {
    machine.sandbox.setQuirks({ account });
    await machine.signIn(`auth add xai-oauth --upstream ${upstream}`);
  }
  await machine.run("config set providers.xai-oauth.strategy round_robin");
  for (let turn = 0; turn < 2; turn++) {
    assertEquals((await machine.run("chat Hello")).code, 0);
  }
  assertEquals(machine.sent("/responses").map(({ url }) => new URL(url).host), [
    "cli-chat-proxy.grok.com",
    "api.x.ai",
  ]);
});

Deno.test("a conversation is refreshed ahead of every expiry, and never refused", async () => {
  const machine = await pool("a@x.example");
  const statuses: number[] = [];
  const { fetch } = machine;
  machine.fetch = async (input, init) => {
    const answer = await fetch(input, init);
    statuses.push(answer.status);
    return answer;
  };
  // Tokens live for 15 minutes: each turn falls into the last three of one.
  const later = () => {
    machine.clock.mono += 13 * MINUTE;
    return "later";
  };
  const { code } = await machine.run("--no-save", {
    // Without a title, which would be a request more.
    lines: ["now", later, later, later, "last", null],
  });
  assertEquals(code, 0);
  assertEquals(new Set(statuses), new Set([200]));
  assertEquals(asked(machine).length, 5);
  // A refresh behind an answer may end before or after the clock jumps on, so their number varies.
  const { refreshes, reuses } = machine.sandbox.counters;
  assert(refreshes >= 2, `${refreshes} refreshes`);
  assertEquals(reuses, 0);
  const [{ generation, status }] = await machine.credentials();
  assertEquals([generation, status], [1 + refreshes, "valid"]);
});

Deno.test("a conversation goes on with the next account when the first is limited", async () => {
  const machine = await pool("a@x.example", "b@x.example");
  let isLimited = false;
  const { fetch } = machine;
  refuse(machine, "a@x.example", () => problem(429, "rate_limit", "Too many requests", 600));
  const refusing = machine.fetch;
  machine.fetch = (input, init) => (isLimited ? refusing : fetch)(input, init);
  const limit = () => {
    isLimited = true;
    return "second";
  };
  const { code, stdout } = await machine.run("--no-save", {
    lines: ["first", limit, "third", null],
  });
  assertEquals(code, 0);
  for (const word of ["first", "second", "third"]) {
    assertStringIncludes(stdout, `You wrote: “${word}”`);
  }
  assertEquals(asked(machine), ["a@x.example", "a@x.example", "b@x.example", "b@x.example"]);
});

Deno.test("auth list, auth status and doctor tell several logins apart, in text and JSON", async () => {
  const machine = await pool("a@x.example", "b@x.example");
  machine.clock.mono += HOUR;
  await machine.run("auth refresh xai-oauth b@x.example");
  machine.requests.length = 0;
  const list = await machine.run("auth list xai-oauth");
  assertMatch(
    list.stdout,
    /^xai-oauth \(2 stored\):\n {2}#1 {2}a@x\.example {2}login {2}region=global {2}id=\w{8} {2}refreshable \(expired 45m \d+s ago\) {2}←\n {2}#2 {2}b@x\.example .* valid for 15m\n$/,
  );
  const status = await machine.run("auth status xai-oauth");
  assertMatch(
    status.stdout,
    /^xai-oauth: a@x\.example, region=global: refreshable \(expired 45m \d+s ago\)\nxai-oauth: b@x\.example, region=global: valid for 15m\n$/,
  );
  const doctor = await machine.run("doctor");
  assertMatch(
    doctor.stdout,
    /\n {2}✓ xAI OAuth \(logged in, a@x\.example\)\n {4}→ access token expired 45m \d+s ago; the next use refreshes it\n {2}✓ xAI OAuth \(logged in, b@x\.example\)\n/,
  );
  for (const command of ["auth list", "auth status"]) {
    const [{ credentials }] = jsonLines((await machine.run(`${command} --json`)).stdout);
    assertEquals(
      credentials.map((credential: Record<string, unknown>) => [
        credential["provider"],
        credential["index"],
        credential["label"],
        credential["status"],
        credential["generation"],
      ]),
      [
        ["xai-oauth", 1, "a@x.example", "refreshable", 1],
        ["xai-oauth", 2, "b@x.example", "valid", 2],
      ],
    );
  }
  const [report] = jsonLines((await machine.run("doctor --json")).stdout);
  assertStringIncludes(JSON.stringify(report), "xAI OAuth (logged in, b@x.example)");
  assertEquals(machine.requests, []);
});
