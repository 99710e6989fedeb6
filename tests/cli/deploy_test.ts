// `grantway gateway deploy`, `status` and `logs` with the real wrangler: its API is a fake, and what it
// uploads runs in workerd.

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { basename } from "node:path";
import { getStaticTOMLValue, parseTOML } from "toml-eslint-parser";
import { SECRETS } from "../../src/cli/deploy/deploy.ts";
import { workerConfig } from "../../src/cli/deploy/worker_config.ts";
import { sleep } from "../../src/core/runtime.ts";
import { parseSealingKeys } from "../../src/credentials/sealing.ts";
import { createSandbox } from "../../src/sandbox/mod.ts";
import { Deployer } from "../support/deployer.ts";
import { jsonLines } from "../support/platform.ts";
import { testIf } from "../support/requires.ts";

const URL_THERE = "https://grantway.ann.workers.dev";
const KV = "POST /storage/kv/namespaces";
const UPLOAD = "PUT /workers/scripts/grantway";
const SECRETS_BULK = "PATCH /workers/scripts/grantway/secrets-bulk";

/** Whether a request makes something; each upload of a version is one. */
const MAKES = [KV, UPLOAD, SECRETS_BULK];

testIf(
  "wrangler",
  "gateway deploy goes on where a run failed, and a second run makes nothing",
  async () => {
    await using deployer = await Deployer.create();
    const { cloud } = deployer;
    const made = () => cloud.changes.splice(0).filter((change) => MAKES.includes(change));
    let output = "";
    const deploy = async (more = "") => {
      const result = await deployer.run(`gateway deploy ${more}`.trim());
      output += result.stdout + result.stderr;
      return result;
    };

    // Each answer is lost in turn, after what was asked for was done.
    for (const failing of [KV, UPLOAD, SECRETS_BULK]) {
      cloud.fail = (request) => request === failing ? "after" : undefined;
      const { code, stdout, stderr } = await deploy();
      assertEquals([code, stdout], [6, ""], stderr);
      assertMatch(
        stderr,
        /^error: Cannot (make the KV|upload the|set the) .*Authentication error/m,
      );
      assertMatch(stderr, /Done: account, bundle.*run again: grantway gateway deploy\n$/);
      assertEquals(made(), [failing]);
    }
    cloud.fail = () => undefined;

    const last = await deploy();
    assertEquals(last.code, 0, last.stderr);
    assertEquals(made(), []);
    const [, key] = /^Client key (gw_[\w-]{43})$/m.exec(last.stdout)!;
    assertStringIncludes(last.stdout, `Gateway at ${URL_THERE}\n`);
    assertStringIncludes(last.stderr, `grantway auth add minimax-oauth --remote ${URL_THERE}`);
    assertStringIncludes(last.stderr, `grantway connect claude-code --gateway ${URL_THERE}`);

    const { secrets, metadata } = cloud.scripts.get("grantway")!;
    const before = new Map(secrets);
    assertEquals([...secrets.keys()].sort(), [...SECRETS].sort());
    assertEquals(parseSealingKeys(secrets.get("GRANTWAY_KEYS")!).length, 1);
    assertEquals(cloud.namespaces.map(({ title }) => title), ["grantway-kv"]);
    const second = await deploy("--json");
    assertEquals(second.code, 0, second.stderr);
    assertEquals(made(), []);
    const [report] = jsonLines(second.stdout);
    assertEquals([report.url, report.made, report.key], [URL_THERE, [], null]);
    assertEquals(new Map(secrets), before);
    assertEquals(cloud.scripts.get("grantway")!.metadata.bindings, metadata.bindings);

    // Secrets went to Cloudflare and to one private file, and nowhere else.
    const canaries = [...secrets.values(), secrets.get("GRANTWAY_KEYS")!.split(":")[1]!];
    for (const canary of canaries) {
      assert(!output.includes(canary), "a secret was printed");
      assert(
        !deployer.started.flat().some((arg) => arg.includes(canary)),
        "a secret was an argument",
      );
      assertEquals(await filesWith(deployer.user, canary), [`${deployer.home}/deployments.json`]);
    }
    assertEquals(Deno.statSync(`${deployer.home}/deployments.json`).mode! & 0o777, 0o600);
    assertEquals(await filesWith(deployer.user, key!), []);

    await useIt(deployer, key!);
    await rotate(deployer, key!);
  },
);

/** Changes the sealing keys of what was deployed and used. */
async function rotate(deployer: Deployer, key: string): Promise<void> {
  const { cloud } = deployer;
  const { secrets } = cloud.scripts.get("grantway")!;
  const ring = () => secrets.get("GRANTWAY_KEYS")!.split(",");
  const [old] = ring();
  const rotated = await deployer.run("gateway deploy --rotate-keys");
  assertEquals(rotated.code, 0, rotated.stderr);
  assertMatch(rotated.stderr, /sealing +k\S+ seals now, \d+ records sealed anew/);
  const [made, behind] = ring();
  assertEquals(behind, old);
  assertEquals(await filesWith(deployer.user, made!), [`${deployer.home}/deployments.json`]);
  assert(!rotated.stderr.includes(made!.split(":")[1]!));

  const status = await deployer.run(`gateway status --remote ${URL_THERE}`);
  assertMatch(status.stdout, /account +minimax-oauth .*valid/);
  assertStringIncludes(status.stdout, `no record needs ${old!.split(":")[0]}`);
  // The old key has nothing any more.
  secrets.set("GRANTWAY_KEYS", made!);
  const answer = await cloud.network(`${URL_THERE}/v1/models`, { headers: { "x-api-key": key } });
  assertEquals(answer.status, 200);
  await answer.body!.cancel();
  const accounts = await deployer.run(`auth list --remote ${URL_THERE}`);
  assertMatch(accounts.stdout, /minimax-oauth/);
}

/** Signs in to what was deployed, asks it something, and reads its log. */
async function useIt(deployer: Deployer, key: string): Promise<void> {
  const { cloud } = deployer;
  const sandbox = createSandbox({ autoApprove: true, pollIntervalMs: 1_000 });
  cloud.fetch = sandbox.fetch as typeof fetch;
  const unready = await deployer.run(`gateway status --remote ${URL_THERE} --json`);
  assertEquals(unready.code, 1);
  const [{ healthy, ready, accounts, clientKeys }] = jsonLines(unready.stdout);
  assertEquals([healthy, ready, accounts, clientKeys], [true, false, [], 1]);

  const login = await deployer.run(`auth add minimax-oauth --remote ${URL_THERE} --yes`);
  assertEquals(login.code, 0, login.stderr);
  const status = await deployer.run(`gateway status --remote ${URL_THERE}`);
  assertEquals(status.code, 0, status.stdout);
  assertMatch(
    status.stdout,
    /health +ok, version .*\n +ready +yes\n +account +minimax-oauth .*valid/,
  );

  const answer = await cloud.network(`${URL_THERE}/v1/messages`, {
    method: "POST",
    headers: { "x-api-key": key, "content-type": "application/json" },
    body: JSON.stringify({
      model: "claude-sonnet-4-5",
      max_tokens: 100,
      messages: [{ role: "user", content: "Over Cloudflare" }],
    }),
  });
  assertEquals(answer.status, 200);
  assertStringIncludes(await answer.text(), "Over Cloudflare");

  // It is written after its answer.
  const find = () => cloud.lines.findLast((text) => text.includes('"route":"/v1/messages"'));
  for (let tries = 0; find() === undefined && tries < 200; tries++) await sleep(50);
  const line = find();
  assert(line !== undefined, "the request is not in the Worker's log");
  cloud.events.push({
    outcome: "ok",
    exceptions: [],
    logs: [{ level: "log", message: [line], timestamp: 1 }],
    event: { request: { url: `${URL_THERE}/v1/messages?secret`, headers: { cookie: "secret" } } },
    eventTimestamp: 1,
  }, {
    outcome: "exception",
    exceptions: [{ name: "Error", message: "no \x1b[2Jluck", timestamp: 1 }],
    logs: [],
    event: null,
    eventTimestamp: 1,
  });
  let seen = "", isEnough = false;
  const { code, stdout, stderr } = await deployer.run("gateway logs", {
    onOutput: (text) => {
      if (isEnough) return;
      seen += text;
      isEnough = seen.includes("luck") && seen.includes("/v1/messages");
      if (isEnough) deployer.interrupt();
    },
  });
  assertEquals(code, 130, stderr);
  assertMatch(stdout, /200 {2}POST {2}\/v1\/messages .* first {2}minimax-oauth\/MiniMax-M2\.7 /);
  assertMatch(stderr, /warning: Error: no \S*luck/);
  for (const part of ["secret", "\x1b"]) {
    assert(!`${stdout}${stderr}`.includes(part), stdout + stderr);
  }
}

testIf(
  "wrangler",
  "gateway deploy refuses a Worker that is not its own, a second account, a bad name",
  async () => {
    await using deployer = await Deployer.create();
    const { cloud } = deployer;
    cloud.scripts.set("other", {
      modules: new Map(),
      metadata: { bindings: [] },
      migrationTag: undefined,
      classes: [],
      secrets: new Map([["THEIRS", "x"]]),
      uploads: 1,
    });
    const foreign = await deployer.run("gateway deploy --name other");
    assertEquals(foreign.code, 2);
    assertStringIncludes(foreign.stderr, 'There is a Worker "other" on');
    assertStringIncludes(foreign.stderr, "or replace it with --yes");

    cloud.accounts = [...cloud.accounts, { id: "f".repeat(32), name: "Work" }];
    const several = await deployer.run("gateway deploy");
    assertEquals(several.code, 2);
    assertMatch(several.stderr, /CLOUDFLARE_ACCOUNT_ID to one of: 0123\S* \(Ann's Account\), ffff/);

    const signedOut = await deployer.run("gateway deploy", { env: { CLOUDFLARE_API_TOKEN: "" } });
    assertEquals(signedOut.code, 4);
    assertMatch(signedOut.stderr, /npm:wrangler@\S+ login; or set CLOUDFLARE_API_TOKEN/);

    for (const name of ["A", "-a", "a-", "a.b", "a".repeat(55)]) {
      assertEquals((await deployer.run(`gateway deploy --name ${name}`)).code, 2, name);
    }
    assertEquals((await deployer.run("gateway deploy --sandbox")).code, 2);
    const logs = await deployer.run("gateway logs");
    assertEquals(logs.code, 1);
    assertStringIncludes(logs.stderr, "grantway gateway deploy");
    assertEquals(cloud.changes, []);
  },
);

testIf("wrangler", "gateway deploy --dry-run builds and checks without an account", async () => {
  await using deployer = await Deployer.create();
  const env = { CLOUDFLARE_API_TOKEN: "", CLOUDFLARE_API_BASE_URL: "http://127.0.0.1:1" };
  const { code, stdout, stderr } = await deployer.run("gateway deploy --dry-run --json", { env });
  assertEquals(code, 0, stderr);
  const [{ dryRun, would, bundle, folder }] = jsonLines(stdout);
  assertEquals([dryRun, would.worker, would.kvNamespace], [true, "grantway", "grantway-kv"]);
  assert(bundle.gzipBytes > 20_000 && bundle.gzipBytes < bundle.bytes, JSON.stringify(bundle));
  assertEquals(JSON.parse(await Deno.readTextFile(`${folder}/wrangler.json`)).name, "grantway");
  assertEquals([...Deno.readDirSync(deployer.home)].map(({ name }) => name), ["deploy"]);
});

Deno.test("gateway status tells what does not run and what is no gateway", async () => {
  await using deployer = await Deployer.create();
  const nothing = await deployer.run("gateway status");
  assertEquals(nothing.code, 6);
  assertStringIncludes(nothing.stderr, "grantway gateway serve");
  assertEquals((await deployer.run("gateway status --port none")).code, 2);
  assertEquals((await deployer.run("gateway status --remote http://gw.example")).code, 2);
});

Deno.test("workerConfig() is wrangler.toml, with the bundle made", async () => {
  const text = await Deno.readTextFile(new URL("../../wrangler.toml", import.meta.url));
  const { build, ...rest } = getStaticTOMLValue(parseTOML(text)) as Record<string, unknown>;
  assert(build !== undefined);
  assertEquals({ ...workerConfig({ name: "grantway", modules: ["*.js"] }) }, {
    ...rest,
    main: basename(rest["main"] as string),
  });
  assertEquals(workerConfig({ name: "n", modules: [], kvId: "1" })["kv_namespaces"], [
    { binding: "KV", id: "1" },
  ]);
});

/** The files in `folder` that have `text` in them. */
async function filesWith(folder: string, text: string): Promise<string[]> {
  const found: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    const path = `${folder}/${name}`;
    if (isDirectory) found.push(...await filesWith(path, text));
    else if ((await Deno.readTextFile(path)).includes(text)) found.push(path);
  }
  return found;
}
