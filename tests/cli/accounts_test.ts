// Several logins of one provider: how they are named, replaced, shown, refreshed and removed.

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { HOME, jsonLines, TestMachine } from "../support/platform.ts";

const DAY = 86_400_000;

/** A machine with logins in both regions, and an API key for China. */
async function threeAccounts(): Promise<TestMachine> {
  const machine = new TestMachine({ env: { NO_COLOR: "1" } });
  await machine.signIn("auth add minimax-oauth --label home");
  await machine.signIn("auth add minimax-oauth --region cn --label shanghai");
  await machine.run("auth add minimax-cn --type api-key --label key", { stdin: "sandbox-key-1" });
  return machine;
}

async function labels(machine: TestMachine): Promise<string[]> {
  return (await machine.credentials()).map(({ label }) => label);
}

Deno.test("a login of another region stands beside the first and does not touch it", async () => {
  const machine = new TestMachine();
  await machine.signIn();
  const [first] = JSON.parse(machine.file("auth.json")!).providers["minimax-oauth"];
  await machine.signIn("auth add minimax-oauth --region cn");
  const [same, second] = JSON.parse(machine.file("auth.json")!).providers["minimax-oauth"];
  assertEquals(same, first);
  assertEquals([second.region, second.label], ["cn", "minimax-oauth-2"]);
});

Deno.test("both regions refresh by themselves, each where it was made", async () => {
  const machine = await threeAccounts();
  machine.clock.mono += DAY;
  machine.requests.length = 0;
  assertEquals((await machine.run("auth refresh minimax-oauth home")).code, 0);
  assertEquals((await machine.run("auth refresh minimax-oauth shanghai")).code, 0);
  assertEquals(machine.requests.map(({ url }) => url), [
    "https://account.minimax.io/oauth2/token",
    "https://account.minimaxi.com/oauth2/token",
  ]);
});

Deno.test("the provider named for a region uses that region's login", async () => {
  const machine = await threeAccounts();
  machine.requests.length = 0;
  for (const provider of ["minimax-oauth", "minimax-cn"]) {
    assertEquals((await machine.run(`chat --provider ${provider} Hello`)).code, 0);
  }
  assertEquals(machine.requests.map(({ url }) => new URL(url).host), [
    "api.minimax.io",
    "api.minimaxi.com",
  ]);
  assert(!machine.requests[1]!.headers.get("authorization")!.includes("sandbox-key"));
});

Deno.test("minimax-cn without a login uses its API key, and --verbose says which", async () => {
  const machine = await threeAccounts();
  const login = await machine.run("chat --provider minimax-cn --verbose Hello");
  assertStringIncludes(login.stderr, "login shanghai, region cn");
  await machine.run("auth remove minimax-oauth shanghai");
  const key = await machine.run("chat --provider minimax-cn --verbose Hello");
  assertStringIncludes(key.stderr, "MiniMax China, API key key");
  const variable = await machine.run("chat --provider minimax-cn --verbose Hello", {
    env: { MINIMAX_CN_API_KEY: "sandbox-key-2" },
  });
  assertStringIncludes(variable.stderr, "API key of MINIMAX_CN_API_KEY");
});

const REPLACE = [
  {
    name: "another login of the region is appended",
    args: "",
    labels: ["home", "minimax-oauth-1"],
  },
  { name: "the same label replaces in place", args: "--label home", labels: ["home"] },
  {
    name: "the same label in another region is appended",
    args: "--label home --region cn",
    labels: ["home", "home"],
  },
  { name: "a new label is appended", args: "--label work", labels: ["home", "work"] },
];

for (const { name, args, labels: expected } of REPLACE) {
  Deno.test(`auth add: ${name}`, async () => {
    const machine = new TestMachine();
    await machine.signIn("auth add minimax-oauth --label home");
    const [before] = await machine.credentials();
    const { stdout } = await machine.run(`auth add minimax-oauth ${args}`);
    assertEquals(await labels(machine), expected);
    const [first] = await machine.credentials();
    assertEquals(first.id, before.id);
    const isReplacement = expected.length === 1;
    assertEquals(first.generation, isReplacement ? 2 : 1);
    assertEquals(stdout.includes("in place of the earlier one"), isReplacement);
  });
}

Deno.test("auth add replaces a login that needs a new one, whatever its label, in its region", async () => {
  const machine = await threeAccounts();
  await endLogins(machine);
  await machine.signIn("auth add minimax-oauth --label fresh");
  const credentials = (await machine.credentials()).filter(({ source }) => source === "login");
  assertEquals(
    credentials.map(({ label, region, status }) => [label, region, status]),
    [["fresh", "global", "valid"], ["shanghai", "cn", "needs_login"]],
  );
});

/** Lets every login end, and be seen to have ended. */
async function endLogins(machine: TestMachine): Promise<void> {
  const { fetch } = machine;
  machine.fetch = () => Promise.resolve(Response.json({ error: "invalid_grant" }, { status: 400 }));
  for (const { provider, id, source } of await machine.credentials()) {
    if (source === "login") await machine.run(`auth refresh ${provider} ${id}`);
  }
  machine.fetch = fetch;
}

Deno.test("auth add selects the provider only if none is selected", async () => {
  const machine = new TestMachine();
  await machine.run("config set provider minimax");
  const before = machine.file("config.yaml");
  const { stderr } = await machine.run("auth add minimax-oauth");
  assertEquals(machine.file("config.yaml"), before);
  assertStringIncludes(stderr, "grantway model minimax-oauth/MiniMax-M2.7");
});

Deno.test("a refresh never selects a provider and keeps every other credential as it was", async () => {
  const machine = await threeAccounts();
  await machine.run("config set provider minimax");
  const config = machine.file("config.yaml");
  const others = JSON.parse(machine.file("auth.json")!).providers;
  machine.clock.mono += DAY;
  assertEquals((await machine.run("chat --provider minimax-oauth Hello")).code, 0);
  assertEquals(machine.file("config.yaml"), config);
  const now = JSON.parse(machine.file("auth.json")!).providers;
  assertEquals(now["minimax-cn"], others["minimax-cn"]);
  assertEquals(now["minimax-oauth"][1], others["minimax-oauth"][1]);
});

const TARGETS = [
  { target: "1", removes: "home" },
  { target: "#2", removes: "shanghai" },
  { target: "shanghai", removes: "shanghai" },
];

for (const { target, removes } of TARGETS) {
  Deno.test(`auth remove minimax-oauth ${target} removes ${removes} and nothing else`, async () => {
    const machine = await threeAccounts();
    const { code, stdout } = await machine.run(`auth remove minimax-oauth ${target}`);
    assertEquals([code, stdout], [0, `Removed minimax-oauth ${removes}\n`]);
    const expected = ["home", "shanghai", "key"].filter((label) => label !== removes);
    assertEquals(await labels(machine), expected);
  });
}

Deno.test("auth remove by id removes that one", async () => {
  const machine = await threeAccounts();
  const [, { id }] = await machine.credentials();
  assertEquals((await machine.run(`auth remove minimax-oauth ${id}`)).code, 0);
  assertEquals(await labels(machine), ["home", "key"]);
});

Deno.test("auth remove without a target asks which one, if there are several", async () => {
  const machine = await threeAccounts();
  const { code, stderr } = await machine.run("auth remove minimax-oauth");
  assertEquals(code, 2);
  assertMatch(stderr, /Which one\? #1 home \(\w{8}\), #2 shanghai \(\w{8}\)/);
  assertEquals((await labels(machine)).length, 3);
});

Deno.test("a number means the row that auth list shows under that provider", async () => {
  const machine = await threeAccounts();
  const { stdout } = await machine.run("auth list minimax-cn");
  assertMatch(stdout, /^minimax-oauth \(1 stored\):\n {2}#2 {2}shanghai /);
  assertMatch(stdout, /\nminimax-cn \(1 stored\):\n {2}#1 {2}key /);
  assertEquals((await machine.run("auth remove minimax-cn 2")).code, 2);
  assertEquals((await machine.run("auth remove minimax-cn 1")).code, 0);
  assertEquals(await labels(machine), ["home", "shanghai"]);
});

Deno.test("a label that looks like another's number is not guessed at", async () => {
  const machine = new TestMachine();
  await machine.signIn("auth add minimax-oauth --label 2");
  await machine.signIn("auth add minimax-oauth --label 1");
  const { code, stderr } = await machine.run("auth remove minimax-oauth 1");
  assertEquals(code, 2);
  assertStringIncludes(stderr, "means several credentials");
  assertEquals((await machine.run("auth remove minimax-oauth #1")).code, 0);
  assertEquals(await labels(machine), ["1"]);
});

Deno.test("auth logout removes every credential that the name stands for, no other", async () => {
  const machine = await threeAccounts();
  const { code, stdout } = await machine.run("auth logout minimax-cn");
  assertEquals(code, 0);
  assertEquals(stdout, "Removed minimax-oauth shanghai\nRemoved minimax-cn key\n");
  assertEquals(await labels(machine), ["home"]);
  assertEquals((await machine.run("auth logout minimax-oauth")).code, 0);
  assert(!machine.file("auth.json")!.includes("sbx_"));
  assertEquals((await machine.run("auth logout minimax-oauth")).code, 4);
});

Deno.test("an API key that was copied with its quotes is stored without them", async () => {
  for (const pasted of ["'sandbox-key-1'", '"sandbox-key-1"\n', " sandbox-key-1 "]) {
    const machine = new TestMachine();
    await machine.run("auth add minimax --type api-key", { stdin: pasted });
    assertStringIncludes(machine.file("auth.json")!, '"accessToken": "sandbox-key-1"');
  }
});

Deno.test("API keys that are stored at once under one label are one credential", async () => {
  const machine = new TestMachine();
  const results = await Promise.all(
    [1, 2, 3].map((n) =>
      machine.run("auth add minimax --type api-key", { stdin: `sandbox-key-${n}` })
    ),
  );
  assertEquals(results.map(({ code }) => code), [0, 0, 0]);
  const stored = await machine.credentials();
  assertEquals(stored.map(({ label, generation }) => [label, generation]), [["api-key", 3]]);
});

Deno.test("hints of a run with --sandbox have the flag once, and none behind --help", async () => {
  const machine = new TestMachine();
  for (
    const [args, hint] of [
      ["model", "grantway model <provider>/<model> --sandbox; they are listed by: grantway models"],
      ["auth use", "See: grantway auth use --help\n"],
      ["sessions show x", "Run: grantway sessions list --sandbox\n"],
      ["chat Hello", "grantway auth add minimax-oauth --sandbox\n"],
    ]
  ) {
    const { stderr } = await machine.run(`${args} --sandbox`);
    assertStringIncludes(stderr, hint!);
  }
});

Deno.test("auth logout says when an API key variable goes on working", async () => {
  const machine = await threeAccounts();
  const { stderr } = await machine.run("auth logout minimax-cn", {
    env: { MINIMAX_CN_API_KEY: "sandbox-key-2" },
  });
  assertStringIncludes(stderr, "MINIMAX_CN_API_KEY is set");
});

Deno.test("auth status tells valid, refreshable and needs login apart, by exit code too", async () => {
  const machine = new TestMachine({ env: { NO_COLOR: "1" } });
  await machine.signIn();
  const valid = await machine.run("auth status minimax-oauth");
  assertEquals(valid.code, 0);
  assertMatch(valid.stdout, /^minimax-oauth: minimax-oauth-1, region=global: valid for 15m\n$/);

  machine.clock.mono += DAY;
  const sent = machine.requests.length;
  const refreshable = await machine.run("auth status minimax-oauth");
  assertEquals(refreshable.code, 0);
  assertStringIncludes(refreshable.stdout, "refreshable (expired 23h 45m ago)");
  assertEquals(machine.requests.length, sent);

  await endLogins(machine);
  const dead = await machine.run("auth status minimax-oauth");
  assertEquals(dead.code, 4);
  assertMatch(dead.stdout, /needs login \(.*invalid_grant.*\)/);
  assertStringIncludes(dead.stderr, "Run: grantway auth add minimax-oauth");
  assertEquals((await machine.run("auth status")).code, 0);
  assertStringIncludes((await machine.run("auth list")).stdout, "needs login");
});

Deno.test("auth status of a provider that can be used by one of two logins is 0", async () => {
  const machine = await threeAccounts();
  await endLogins(machine);
  assertEquals((await machine.run("auth status minimax-oauth")).code, 4);
  await machine.signIn("auth add minimax-oauth --region cn");
  assertEquals((await machine.run("auth status minimax-oauth")).code, 0);
});

Deno.test("auth refresh refreshes one login now, due or not, and spends each token once", async () => {
  const machine = await threeAccounts();
  for (const generation of [2, 3]) {
    machine.clock.mono += 5_000;
    const { code, stdout } = await machine.run("auth refresh minimax-oauth home");
    assertEquals(code, 0);
    assertMatch(stdout, /^Refreshed minimax-oauth home: valid for 15m\n$/);
    assertEquals((await machine.credentials())[0].generation, generation);
  }
  assertEquals(machine.sandbox.counters.reuses, 0);
});

Deno.test("auth refresh of a provider with API keys alone says that there is nothing to do", async () => {
  const machine = new TestMachine();
  await machine.run("auth add minimax --type api-key", { stdin: "sandbox-key-1" });
  const { code, stderr } = await machine.run("auth refresh minimax");
  assertEquals(code, 2);
  assertStringIncludes(stderr, "API keys only");
});

Deno.test("auth reset forgets a failure and keeps the tokens", async () => {
  const machine = new TestMachine({ quirks: { failOn: "refresh", failWith: "status_503" } });
  await machine.signIn();
  machine.sandbox.setQuirks({ failNext: 9 });
  assertEquals((await machine.run("auth refresh minimax-oauth")).code, 6);
  const tokens = () => JSON.parse(machine.file("auth.json")!).providers["minimax-oauth"][0].tokens;
  const before = tokens();
  assertStringIncludes((await machine.run("auth status")).stdout, "last failure");
  const { stdout } = await machine.run("auth reset minimax-oauth");
  assertEquals(stdout, "Forgot the failures of minimax-oauth-1\n");
  assertEquals(tokens(), before);
  assert(!(await machine.run("auth status")).stdout.includes("last failure"));
  assertEquals(
    (await machine.run("auth reset minimax-oauth")).stdout,
    "Nothing to forget for minimax-oauth\n",
  );
});

Deno.test("auth reset does not bring a dead login back", async () => {
  const machine = new TestMachine();
  await machine.signIn();
  await endLogins(machine);
  const sent = machine.requests.length;
  await machine.run("auth reset minimax-oauth");
  assertEquals((await machine.run("chat Hello")).code, 4);
  assertEquals(machine.requests.length, sent);
});

Deno.test("auth token prints a fingerprint, with --show the token, under --json never", async () => {
  const machine = new TestMachine();
  await machine.signIn();
  const { tokens } = JSON.parse(machine.file("auth.json")!).providers["minimax-oauth"][0];
  const print = await machine.run("auth token minimax-oauth");
  assertMatch(print.stdout, /^minimax-oauth minimax-oauth-1: token [0-9a-f]{8}, expires 2\S+Z\n$/);
  const show = await machine.run("auth token minimax-oauth --show");
  assertEquals([show.stdout, show.stderr], [`${tokens.accessToken}\n`, ""]);
  const json = await machine.run("auth token minimax-oauth --show --json");
  assertEquals(jsonLines(json.stdout)[0].type, "auth_token");
  assert(!json.stdout.includes(tokens.accessToken));
  assertStringIncludes(json.stderr, "--json never holds a secret");
});

Deno.test("auth token refreshes first what has expired", async () => {
  const machine = new TestMachine();
  await machine.signIn();
  machine.clock.mono += DAY;
  const { stdout } = await machine.run("auth token minimax-oauth --show");
  const { tokens, generation } =
    JSON.parse(machine.file("auth.json")!).providers["minimax-oauth"][0];
  assertEquals([stdout, generation], [`${tokens.accessToken}\n`, 2]);
});

Deno.test("auth use and auth priority change which account comes first", async () => {
  const machine = new TestMachine();
  for (const label of ["a", "b", "c"]) {
    await machine.signIn(`auth add minimax-oauth --label ${label}`);
  }
  const first = async () => {
    await machine.run("chat Hello");
    const bearer = machine.requests.at(-1)!.headers.get("authorization");
    return JSON.parse(machine.file("auth.json")!).providers["minimax-oauth"].find((
      { tokens }: { tokens: { accessToken: string } },
    ) => bearer === `Bearer ${tokens.accessToken}`).label;
  };
  assertEquals(await first(), "a");
  assertEquals(
    (await machine.run("auth use minimax-oauth c")).stdout,
    "minimax-oauth: c, then a, then b\n",
  );
  assertEquals(await first(), "c");
  assertEquals(await labels(machine), ["c", "a", "b"]);
  await machine.run("auth priority minimax-oauth c 2");
  assertEquals(await labels(machine), ["a", "c", "b"]);
  assertEquals(await first(), "a");
});

Deno.test("a user code that is denied leaves nothing behind", async () => {
  const machine = new TestMachine({ autoApprove: false });
  const deny = (text: string) => {
    const code = /Code: (\S+)/.exec(text)?.[1];
    if (code !== undefined) machine.sandbox.deny(code);
  };
  const { code, stderr } = await machine.run("auth add minimax-oauth", { onStderr: deny });
  assertEquals(code, 1);
  assertStringIncludes(stderr, "access was denied");
  assertEquals(machine.file("config.yaml"), undefined);
  assertEquals(await machine.credentials(), []);
});

Deno.test("--timeout gives up on the approval: exit code 7, nothing left behind", async () => {
  const machine = new TestMachine({ autoApprove: false });
  const { code, stderr } = await machine.run("auth add minimax-oauth --timeout 20");
  assertEquals(code, 7);
  assertStringIncludes(stderr, "it was not approved within 20s");
  assertEquals(await machine.credentials(), []);
});

Deno.test("auth add --json gives the code, then the credential, and no secret", async () => {
  const machine = new TestMachine();
  const { stdout } = await machine.run("auth add minimax-oauth --json");
  const [code, added, ...rest] = jsonLines(stdout);
  assertEquals([code.version, code.type, code.provider], [1, "code", "minimax-oauth"]);
  assertMatch(code.verificationUrl, /^https:\/\/platform\.minimax\.io\//);
  assertMatch(code.userCode, /^[A-Z0-9-]+$/);
  assertEquals([added.type, added.replaced, added.selected], ["auth_add", false, true]);
  assertEquals(rest, []);
  assert(!stdout.includes("sbx_"));
});

Deno.test("R14: of two copies of a login one ends the other, which is told once and not repeated", async () => {
  const machine = new TestMachine();
  await machine.signIn();
  const copy = new TestMachine();
  await copy.write("auth.json", machine.file("auth.json")!);
  copy.fetch = machine.fetch;
  for (const { clock } of [machine, copy]) clock.mono += DAY;
  assertEquals((await machine.run("auth refresh minimax-oauth")).code, 0);

  const { code, stderr } = await copy.run("chat Hello");
  assertEquals(code, 4, stderr);
  assertMatch(
    stderr,
    /if a copy of this login is used elsewhere, one copy's refresh ends the other/,
  );
  assertEquals(copy.sent("/oauth2/token").length, 1);
  const again = await copy.run("chat Hello");
  assertMatch(again.stderr, /needs a new login/);
  assertEquals(copy.sent("/oauth2/token").length, 1);
  assertEquals((await copy.credentials()).length, 1, "its name and place are kept");
});

Deno.test("S03: an answer that finds no room is tried for a minute, then the exit code says what to do", async () => {
  const machine = new TestMachine();
  await machine.signIn();
  machine.clock.mono += DAY;
  const good = machine.fetch;
  machine.fetch = (input, init) => {
    // The room that was kept is gone as well.
    machine.disk.entries.delete(`${HOME}/auth.json.spare`);
    machine.disk.free = 0;
    return good(input, init);
  };
  const startedAt = machine.clock.mono;
  const { code, stderr } = await machine.run("auth refresh minimax-oauth");
  assertEquals(code, 9, stderr);
  assert(machine.clock.mono - startedAt >= 60_000);
  assertMatch(stderr, /Cannot save the new tokens of MiniMax OAuth: .*no space left/);
  assertMatch(stderr, /it keeps trying\. If it ends first: .*grantway auth add minimax-oauth/);
  // Whoever comes next knows that the token may be spent.
  const [{ intent, generation }] =
    JSON.parse(machine.file("auth.json")!).providers["minimax-oauth"];
  assertEquals([intent.generation, intent.attempt], [generation, 1]);
});
