/**
 * What the gateway costs on Workers: its start beside an empty Worker's, and CPU time per request and
 * event beside the least that a proxy can do in workerd, in the same run.
 *
 * `deno task bench worker [--rounds 5] [--seconds 2] [--starts 20] [--only name]`
 *
 * Both proxies are processes of workerd alone, on one core where `taskset` can give it to them, with the
 * upstream and the load on the other. They take turns in every round; ratios are taken within a round,
 * and their medians printed. The gateway has a client key, a login in its object, and its books: all of
 * that is part of what is measured, and so are KV and objects, which Cloudflare runs elsewhere. CPU time
 * comes from `/proc`, so this needs Linux.
 *
 * @module
 */

import type { HostedWorker } from "./worker/hosted_worker.ts";
import type { BundleModules } from "../../src/cli/deploy/bundle_modules.ts";
import { buildWorker } from "../worker_build.ts";
import {
  ask,
  canPin,
  cpuMs,
  listening,
  load,
  median,
  RUN,
  start,
  startCommand,
} from "./gateway/measure.ts";

const HERE = new URL("./", import.meta.url).pathname;
const TESTS = new URL("../../tests/", import.meta.url).pathname;
const PORTS = { upstream: 18580, plain: 18581, gateway: 18582, cold: 18583 };
const UPSTREAM = `http://127.0.0.1:${PORTS.upstream}`;

function flag(name: string): string | undefined {
  const at = Deno.args.indexOf(`--${name}`);
  return at === -1 ? undefined : Deno.args[at + 1];
}

const rounds = Number(flag("rounds") ?? 5);
const ms = 1000 * Number(flag("seconds") ?? 2);
const starts = Number(flag("starts") ?? 20);
const only = flag("only");

interface Scenario {
  name: string;
  path: string;
  body: Record<string, unknown>;
  connections: number;
  /** Marked deltas of an answer. */
  deltas: number;
  /** Aim of the ratio. */
  goal?: number;
}

const burst = ask("mock-n200-d0", 2_000, true);
const paced = ask("mock-n50-d10", 2_000, true);
const MESSAGES = "/v1/messages", CHAT = "/v1/chat/completions";
const SCENARIOS: Scenario[] = [
  {
    name: "small request, whole answer",
    path: MESSAGES,
    body: ask("", 2_000, false),
    connections: 16,
    deltas: 0,
    goal: 1.15,
  },
  {
    name: "200 KB request, whole answer",
    path: MESSAGES,
    body: ask("", 200_000, false),
    connections: 8,
    deltas: 0,
  },
  {
    name: "stream of 200 events at once",
    path: MESSAGES,
    body: burst,
    connections: 8,
    deltas: 200,
  },
  {
    name: "the same, translated for Chat",
    path: CHAT,
    body: burst,
    connections: 8,
    deltas: 200,
  },
  {
    name: "40 streams, 50 events 10 ms apart",
    path: MESSAGES,
    body: paced,
    connections: 40,
    deltas: 50,
    goal: 1.15,
  },
  {
    name: "the same, translated for Chat",
    path: CHAT,
    body: paced,
    connections: 40,
    deltas: 50,
    goal: 2.2,
  },
];

interface Target extends HostedWorker {
  name: "plain" | "gateway";
  child: Deno.ChildProcess;
  port: number;
}

/** Starts a Worker's host, and waits for the line it prints. */
async function host(name: Target["name"], script?: string): Promise<Target> {
  const port = PORTS[name];
  const command = [Deno.execPath(), ...RUN, "support/worker_host.ts", `${port}`, UPSTREAM];
  const child = startCommand(1, script === undefined ? command : [...command, script], {
    cwd: TESTS,
  });
  let text = "";
  const decoder = new TextDecoder();
  for await (const bytes of child.stdout.values({ preventCancel: true })) {
    text += decoder.decode(bytes, { stream: true });
    if (text.includes("\n")) return { name, child, port, ...JSON.parse(text) as HostedWorker };
  }
  throw new Error(await new Response(child.stderr).text());
}

/** CPU time of one answer, ms. */
async function measure(target: Target, scenario: Scenario): Promise<number> {
  const { body, connections, deltas } = scenario;
  const { port, pid, key } = target;
  // The plain proxy does not translate: it is asked the Messages way all the same.
  const path = target.name === "plain" ? MESSAGES : scenario.path;
  const headers: Record<string, string> = key === "" ? {} : { authorization: `Bearer ${key}` };
  const before = await cpuMs(pid);
  const result = await load({ port, path, headers, body, connections, ms });
  const spent = await cpuMs(pid) - before;
  if (result.failures > 0 || result.deltas !== deltas * result.answers) {
    throw new Error(`${target.name}, ${scenario.name}: ${JSON.stringify(result)}`);
  }
  return spent / result.answers;
}

async function compareCost(targets: readonly Target[]): Promise<void> {
  console.log(
    `\nMedian of ${rounds} interleaved rounds of ${
      ms / 1000
    } s; ratios to a plain proxy in workerd ` +
      `within a round${canPin ? ", each alone on one core" : ""}.\n`,
  );
  console.log("| scenario | plain, CPU ms/request | gateway | × plain | more per event, µs |");
  console.log("| --- | --- | --- | --- | --- |");
  for (const scenario of SCENARIOS) {
    if (only !== undefined && !scenario.name.includes(only)) continue;
    const seen: number[][] = [];
    // The first round warms up.
    for (let round = -1; round < rounds; round++) {
      const pair: number[] = [];
      for (const target of targets) pair.push(await measure(target, scenario));
      if (round >= 0) seen.push(pair);
    }
    const [plain, own] = [0, 1].map((n) => median(seen.map((pair) => pair[n]!)));
    const { name, deltas, goal } = scenario;
    const ratio = median(seen.map((pair) => pair[1]! / pair[0]!)).toFixed(2);
    const more = deltas === 0 ? "" : (1000 * (own! - plain!) / deltas).toFixed(0);
    console.log(
      `| ${name} | ${plain!.toFixed(3)} | ${own!.toFixed(3)} | ${ratio}` +
        `${goal === undefined ? "" : ` (aim ≤ ${goal})`} | ${more} |`,
    );
  }
}

/** How the deployed Worker runs. */
const toml = await Deno.readTextFile(new URL("../../wrangler.toml", import.meta.url));
const date = /^compatibility_date = "(.+)"$/m.exec(toml)![1]!;
const flags = /^compatibility_flags = (\[.*\])$/m.exec(toml)![1]!;

const EMPTY = 'export default { fetch: () => new Response("ok") };';

/** From the start of workerd to the first answer of its Worker, ms. */
async function startOnce(program: string, config: string): Promise<number> {
  const request = new TextEncoder().encode(
    `GET /healthz HTTP/1.1\r\nhost: 127.0.0.1:${PORTS.cold}\r\nconnection: close\r\n\r\n`,
  );
  const startedAt = performance.now();
  // This workerd is older than the day on which the flags of wrangler.toml were declared stable.
  const child = startCommand(1, [program, "serve", "--experimental", config]);
  try {
    for (;;) {
      if (performance.now() - startedAt > 10_000) throw new Error("A Worker does not start");
      let socket: Deno.Conn;
      try {
        socket = await Deno.connect({ hostname: "127.0.0.1", port: PORTS.cold });
      } catch {
        await new Promise((resolve) => setTimeout(resolve, 1));
        continue;
      }
      using _ = socket;
      await socket.write(request);
      // Without storage the gateway says 503: it has started all the same.
      const bytes = new Uint8Array(64);
      const size = await socket.read(bytes) ?? 0;
      const line = new TextDecoder().decode(bytes.subarray(0, size));
      if (!line.startsWith("HTTP/1.1 ")) throw new Error(`A Worker answered ${line}`);
      return performance.now() - startedAt;
    }
  } finally {
    child.kill("SIGKILL");
    await child.output();
  }
}

async function compareStarts(program: string, gateway: BundleModules): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "grantway-bench-" });
  try {
    const nothing: BundleModules = new Map([["worker.js", EMPTY]]);
    const configs: string[] = [];
    for (const [name, modules] of Object.entries({ empty: nothing, gateway })) {
      const embedded: string[] = [];
      for (const [module, code] of modules) {
        await Deno.mkdir(`${folder}/${name}`, { recursive: true });
        await Deno.writeTextFile(`${folder}/${name}/${module}`, code);
        embedded.push(`(name = "${module}", esModule = embed "${name}/${module}")`);
      }
      configs.push(`${folder}/${name}.capnp`);
      await Deno.writeTextFile(
        configs.at(-1)!,
        `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "main", worker = (
    modules = [${embedded.join(", ")}],
    compatibilityDate = "${date}", compatibilityFlags = ${flags}))],
  sockets = [(name = "http", address = "127.0.0.1:${PORTS.cold}", http = (), service = "main")]);`,
      );
    }
    const seen: number[][] = [];
    for (let n = -1; n < starts; n++) {
      const pair: number[] = [];
      for (const config of configs) pair.push(await startOnce(program, config));
      if (n >= 0) seen.push(pair);
    }
    const [empty, own] = [0, 1].map((n) => median(seen.map((pair) => pair[n]!)));
    const more = median(seen.map((pair) => pair[1]! - pair[0]!));
    console.log(
      `From the start of workerd to the first answer, median of ${starts}: empty Worker ` +
        `${empty!.toFixed(1)} ms, gateway ${own!.toFixed(1)} ms, ${
          more.toFixed(1)
        } ms more (aim ≤ 15)`,
    );
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const upstream = start(0, [...RUN, `${HERE}gateway/upstream.ts`, `${PORTS.upstream}`]);
const targets: Target[] = [];
try {
  await listening(upstream, PORTS.upstream);
  const modules = await buildWorker();
  if (modules.size === 0) throw new Error("There is no bundle");
  targets.push(await host("plain", `${HERE}worker/proxy.js`));
  targets.push(await host("gateway"));
  if (starts > 0) await compareStarts(targets[0]!.program, modules);
  if (rounds > 0) await compareCost(targets);
} finally {
  for (const { child } of targets) {
    await child.stdin.close();
    await child.status;
  }
  upstream.kill();
  await upstream.output();
}
