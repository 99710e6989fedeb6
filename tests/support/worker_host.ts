/**
 * Runs one Worker in a workerd of its own, for the benchmark, until its standard input ends.
 *
 * `deno run --allow-all worker_host.ts PORT UPSTREAM [SCRIPT]` listens on that port, without miniflare
 * in the way of requests, and prints a {@linkcode HostedWorker}. It is the gateway, signed in and with
 * a client key, or the script in that file.
 *
 * @module
 */

import { Miniflare } from "miniflare";
import {
  createCredentialCaller,
  createCredentialReader,
  createKvStore,
  createRemoteCredentials,
  type KvNamespace,
  type ObjectNamespace,
} from "../../src/adapters/cloudflare/mod.ts";
import type { HostedWorker } from "../../scripts/bench/worker/hosted_worker.ts";
import { sleep } from "../../src/core/runtime.ts";
import { createSealedStore } from "../../src/credentials/sealed_store.ts";
import { createSealer, parseSealingKeys } from "../../src/credentials/sealing.ts";
import { createClientKeyStore } from "../../src/gateway/mod.ts";
import { createSandbox } from "../../src/sandbox/mod.ts";
import { bundle } from "./bundle.ts";
import { KEY_A, signIn } from "./credential_workers.ts";
import { OBJECTS, workerOptions } from "./workerd.ts";

const HOURS = 3_600_000;

/** The workerd that this process has started. */
function findWorkerd(): number {
  for (const { name } of Deno.readDirSync("/proc")) {
    try {
      const [, command, , parent] = /^\d+ \((.*)\) (\S) (\d+)/.exec(
        Deno.readTextFileSync(`/proc/${name}/stat`),
      ) ?? [];
      if (command === "workerd" && Number(parent) === Deno.pid) return Number(name);
    } catch {
      // No process, or one that has ended.
    }
  }
  throw new Error("There is no workerd");
}

/** Makes a client key and signs in, as the owner of a Worker does. */
async function setUp(miniflare: Miniflare): Promise<string> {
  const kv = createSealedStore(
    createKvStore(await miniflare.getKVNamespace("KV") as unknown as KvNamespace),
    { sealer: createSealer(parseSealingKeys(KEY_A)), acceptsPlain: false },
  );
  const now = () => Date.now();
  const objects = await miniflare.getDurableObjectNamespace("CREDENTIALS");
  const call = createCredentialCaller({
    objects: objects as unknown as ObjectNamespace,
    sleep,
    random: Math.random,
  });
  const reader = createCredentialReader({ kv, call, now, sleep, onWarning: () => {} });
  const sandbox = createSandbox({ autoApprove: true });
  // Nothing shall have to be refreshed: the upstream of the benchmark could not.
  await createRemoteCredentials(reader, call).put(await signIn(sandbox, 24 * HOURS));
  const { secret } = await createClientKeyStore({ store: kv, now })
    .create({ name: "bench", limits: { concurrent: 2_000 } });
  return secret.expose();
}

if (import.meta.main) {
  const [port, upstream = "", script] = Deno.args;
  const code = script === undefined
    ? await bundle("../src/worker.ts")
    : await Deno.readTextFile(script);
  const miniflare = new Miniflare({
    ...workerOptions(code),
    bindings: script === undefined
      ? { GRANTWAY_KEYS: KEY_A, GRANTWAY_SANDBOX: upstream }
      : { UPSTREAM: upstream },
    kvNamespaces: ["KV"],
    durableObjects: script === undefined ? OBJECTS : {},
    unsafeDirectSockets: [{ host: "127.0.0.1", port: Number(port) }],
    // The access log is written as in production, and read by nobody.
    handleRuntimeStdio: (...streams: { resume(): void }[]) =>
      streams.forEach((stream) => stream.resume()),
  });
  try {
    await miniflare.ready;
    const key = script === undefined ? await setUp(miniflare) : "";
    const pid = findWorkerd();
    const program = await Deno.readLink(`/proc/${pid}/exe`);
    console.log(JSON.stringify({ pid, program, key } satisfies HostedWorker));
    await new Response(Deno.stdin.readable).text();
  } finally {
    await miniflare.dispose();
  }
}
