/**
 * The command line as a process, and the Worker in workerd: `--remote` from end to end, with a sandbox
 * on a socket as the provider of both.
 *
 * @module
 */

import { assertEquals, assertMatch } from "@std/assert";
import { bundle } from "../support/bundle.ts";
import { TestCli } from "../support/cli.ts";
import { KEY_A, KEY_B } from "../support/credential_workers.ts";
import { startWorkerd } from "../support/workerd.ts";

const TOKEN = "an-admin-token-of-some-length";

Deno.test("auth add --remote signs the Worker in, and the rest of --remote sees it", async () => {
  await using cli = await TestCli.create();
  await using workerd = await startWorkerd(await bundle("../src/worker.ts"), {
    bindings: { GRANTWAY_KEYS: KEY_A, GRANTWAY_ADMIN_TOKEN: TOKEN, GRANTWAY_SANDBOX: cli.origin },
    hasObjects: true,
  });
  const run = async (command: string) => {
    const { origin } = workerd.origin;
    const env = { GRANTWAY_ADMIN_TOKEN: TOKEN };
    const { code, stdout, stderr } = await cli.run(`${command} --remote ${origin}`, { env });
    assertEquals(code, 0, `${command}: ${stderr}`);
    return stdout;
  };
  await Promise.all([
    run("auth add xai-oauth --yes --label work"),
    run("auth add minimax-oauth --yes --label home"),
  ]);
  assertMatch(await run("auth list"), /home {2}login[^]*work {2}login/);
  const key = (await run("gateway keys create laptop --quiet")).trim();
  const answer = await fetch(new URL("/v1/chat/completions", workerd.origin), {
    method: "POST",
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
    body: JSON.stringify({
      model: "xai-oauth/grok-4.3",
      messages: [{ role: "user", content: "Say hello" }],
    }),
  });
  assertEquals(answer.status, 200, await answer.text());
  await run("gateway config set default_model xai-oauth/grok-4.3");
  assertMatch(await run("gateway config list"), /default_model = xai-oauth\/grok-4\.3/);
  assertMatch(await run("doctor"), /✓ objects of sign-ins answer/);
  assertMatch(await run("usage --by account"), /xai-oauth work +1 /);
  assertMatch(await run("auth logout xai-oauth"), /Removed xai-oauth work/);
  assertEquals(cli.sandbox.counters.requests["POST auth.x.ai/oauth2/revoke"], 1);
  await workerd.restart({
    GRANTWAY_KEYS: `${KEY_B},${KEY_A}`,
    GRANTWAY_ADMIN_TOKEN: TOKEN,
    GRANTWAY_SANDBOX: cli.origin,
  });
  assertMatch(await run("gateway status"), /sealed {3}with b; \d+ records still need a/);
  assertMatch(
    await run("gateway reseal"),
    /b +\d+ records, \d+ sealed anew\n +a +no record; can be left out of GRANTWAY_KEYS from 20/,
  );
  assertMatch(await run("gateway status"), /sealed {3}with b; no record needs a/);
  // Nothing of it is on this machine.
  assertEquals((await cli.tree()).filter((line) => line.includes("auth.json")), []);
});
