// `grantway usage`: sums of what a gateway has counted.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { createFileStore } from "../../src/credentials/mod.ts";
import { createKvUsageStore } from "../../src/gateway/usage_store.ts";
import { usageRow } from "../contracts/usage_store.ts";
import { HOME, jsonLines, TestMachine } from "../support/platform.ts";

const DAY_MS = 86_400_000;

/** A machine on which a gateway has worked. */
async function used(): Promise<
  { machine: TestMachine; keyId: string; day: (ago: number) => string }
> {
  const machine = new TestMachine();
  await machine.signIn("auth add xai-oauth");
  await machine.run("gateway keys create laptop");
  const [{ keys }] = jsonLines((await machine.run("gateway keys list --json")).stdout);
  const keyId = keys[0].id as string;
  const [{ id: account }] = await machine.credentials();
  const day = (ago: number) =>
    new Date(machine.clock.now() - ago * DAY_MS).toISOString().slice(0, 10);
  const store = createFileStore({
    folder: HOME,
    document: "gateway.json",
    files: machine.disk.files(),
    locks: machine.disk.locks(),
    holder: "gateway",
    now: machine.clock.now,
    monotonicNow: machine.clock.monotonicNow,
    sleep: machine.clock.sleep,
    random: () => 0.5,
    digest: (bytes) => Promise.resolve(new Uint8Array(bytes.subarray(0, 32))),
  });
  await createKvUsageStore({ store, lease: store }).add([
    usageRow({ day: day(0), keyId, account, requests: 1_200, failures: 3, inputTokens: 1_234_567 }),
    usageRow({ day: day(1), keyId, account, model: "grok-5" }),
    usageRow({ day: day(10), keyId: "key_gone", account: "acc_gone", provider: "minimax-oauth" }),
    usageRow({ day: day(40), keyId, account, requests: 7 }),
  ]);
  return { machine, keyId, day };
}

Deno.test("usage sums by model, with totals, the largest first", async () => {
  const { machine } = await used();
  const { code, stdout, stderr } = await machine.run("usage");
  assertEquals(code, 0);
  assertEquals(stdout.split("\n").map((line) => line.replace(/ +/g, " ")), [
    "MODEL REQUESTS FAILED INPUT CACHE READ CACHE WRITE OUTPUT",
    "xai-oauth/grok-4.3 1,200 3 1,234,567 4 2 3",
    "minimax-oauth/grok-4.3 1 0 10 4 2 3",
    "xai-oauth/grok-5 1 0 10 4 2 3",
    "total 1,202 3 1,234,587 12 6 9",
    "",
  ]);
  const widths = new Set(stdout.trimEnd().split("\n").map((line) => line.length));
  assertEquals(widths.size, 1, "columns line up");
  assertStringIncludes(stderr, "Since ");
});

Deno.test("usage names keys, accounts and days", async () => {
  const { machine, keyId, day } = await used();
  const first = async (args: string) =>
    (await machine.run(`usage ${args}`)).stdout.split("\n").slice(1, -2)
      .map((line) => line.split(/ {2,}/)[0]);
  assertEquals(await first("--by key"), ["laptop", "key_gone (gone)"]);
  const [{ label }] = await machine.credentials();
  assertEquals(await first("--by account"), [`xai-oauth ${label}`, "minimax-oauth acc_gone"]);
  assertEquals(await first("--by day"), [day(10), day(1), day(0)]);
  assertEquals(await first("--by day --since 7d"), [day(1), day(0)]);
  assertEquals(await first(`--by day --since ${day(40)}`), [day(40), day(10), day(1), day(0)]);
  const [json] = jsonLines((await machine.run("usage --by key --json")).stdout);
  assertEquals([json.type, json.by, json.from], ["usage", "key", day(30)]);
  assertEquals(json.rows.map(({ keyId, name }: { keyId: string; name: string }) => [keyId, name]), [
    [keyId, "laptop"],
    ["key_gone", null],
  ]);
  assertEquals(json.totals.requests, 1_202);
  // The list of keys tells it, too.
  assertStringIncludes((await machine.run("gateway keys list")).stdout, day(0));
});

Deno.test("usage of nothing says what to run", async () => {
  const machine = new TestMachine();
  const { code, stdout, stderr } = await machine.run("usage");
  assertEquals([code, stdout], [0, ""]);
  assertStringIncludes(stderr, "Run: grantway gateway serve");
  const [json] = jsonLines((await machine.run("usage --json")).stdout);
  assertEquals([json.rows, json.totals.requests], [[], 0]);
  assertEquals(machine.disk.entries.size, 0, "looking makes no files");
});

for (const args of ["--by provider", "--since yesterday", "--since 2999-01-01", "--since 0d"]) {
  Deno.test(`usage ${args} is wrong usage`, async () => {
    const { code, stderr } = await new TestMachine().run(`usage ${args}`);
    assertEquals(code, 2);
    assert(/--by takes model|--since takes a time/.test(stderr), stderr);
  });
}
