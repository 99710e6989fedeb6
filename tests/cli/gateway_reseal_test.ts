// `gateway reseal --remote`: what it says of the pages that a Worker answers with. The sweep itself is in
// adapters/cloudflare/seal_sweep_test.ts, both together in runtimes/remote_test.ts.

import { assertEquals, assertMatch } from "@std/assert";
import type { SweepPage, SweepRequest } from "../../src/credentials/seal_sweep.ts";
import { createAdminWorld, TOKEN } from "../gateway/admin_support.ts";
import { jsonLines, TestMachine } from "../support/platform.ts";

const URL_THERE = "https://gateway.example";
const AT = Date.UTC(2026, 6, 1, 12);

function setUp(pages: Partial<SweepPage>[]) {
  const machine = new TestMachine({ env: { GRANTWAY_ADMIN_TOKEN: TOKEN } });
  const asked: SweepRequest[] = [];
  const sweep = (request: SweepRequest): Promise<SweepPage> => {
    asked.push(request);
    const at = Number(request.cursor ?? 0);
    return Promise.resolve({
      keyId: "new",
      otherKeyIds: ["old"],
      counts: {},
      changed: 0,
      problems: [],
      ...pages[at],
      ...(at + 1 < pages.length ? { cursor: String(at + 1) } : {}),
    });
  };
  const there = createAdminWorld(pages.length === 0 ? {} : { sweep }, { clock: machine.clock });
  machine.fetch =
    ((input: string, init?: RequestInit) =>
      there.gateway.fetch(new Request(input, init))) as typeof fetch;
  const run = (options = "") => machine.run(`gateway reseal --remote ${URL_THERE} ${options}`);
  return { machine, asked, run };
}

Deno.test("gateway reseal adds up its pages, and says from when on the old key can go", async () => {
  const { run, asked } = setUp([
    { counts: { new: 2 }, changed: 2, changedAt: AT },
    { counts: { new: 3 }, changed: 1, changedAt: AT + 1_000 },
  ]);
  const { code, stdout } = await run();
  assertEquals(code, 0);
  assertMatch(
    stdout,
    /new +5 records, 3 sealed anew\n +old +no record; can be left out .* from 2026/,
  );
  assertEquals(asked, [
    { cursor: undefined, isChanging: true },
    { cursor: "1", isChanging: true },
  ]);
  const [{ type, counts, droppableAt }] = jsonLines((await run("--json")).stdout);
  assertEquals([type, counts, droppableAt], [
    "gateway_reseal",
    { new: 5 },
    "2026-07-01T12:10:01.000Z",
  ]);
});

Deno.test("gateway reseal --dry-run changes nothing, and tells what still needs the old key", async () => {
  const { run, asked } = setUp([{ counts: { new: 1, old: 4 } }]);
  const { code, stdout, stderr } = await run("--dry-run");
  assertEquals(code, 1);
  assertMatch(stdout, /old +4 records still/);
  assertMatch(stderr, /without --dry-run/);
  assertEquals(asked.map(({ isChanging }) => isChanging), [false]);
});

Deno.test("gateway reseal tells what went wrong, and what nobody can open", async () => {
  const { run } = setUp([{ counts: { new: 1, old: 1, lost: 2 }, problems: ["Cannot read x"] }]);
  const { code, stdout, stderr } = await run();
  assertEquals(code, 1);
  assertMatch(stdout, /lost +2 records that cannot be opened: GRANTWAY_KEYS lacks the key/);
  assertMatch(stderr, /Cannot read x/);
});

Deno.test("gateway reseal stops where the ring changes under it", async () => {
  const { run } = setUp([{ counts: { new: 1 } }, { keyId: "newer" }]);
  const { code, stderr } = await run();
  assertEquals(code !== 0, true);
  assertMatch(stderr, /being changed just now/);
});

Deno.test("gateway reseal needs a gateway that seals", async () => {
  const { machine, run } = setUp([]);
  assertEquals((await machine.run("gateway reseal")).code, 2);
  const { code, stderr } = await run();
  assertEquals(code === 0, false);
  assertMatch(stderr, /https:\/\/gateway\.example is no Worker of this version\n.*doctor --fix/);
});
