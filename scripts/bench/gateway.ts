/**
 * What the gateway costs beside the least that a proxy can do in Deno, in the same run: requests per
 * second, CPU time, time to the first byte, and memory of slow streams.
 *
 * `deno task bench gateway [--rounds 5] [--seconds 2] [--only name]`
 *
 * Both take turns in every round, alone on one core where `taskset` can give it to them, with the
 * upstream and the load on the other; ratios are taken within a round, and their medians printed.
 * CPU time, of user and system, is what a busy machine disturbs least. It is read from `/proc`, so
 * this needs Linux.
 *
 * The gateway runs as `grantway gateway serve` with a client key and a signed-in account: key check,
 * routing, a fresh bearer and usage accounting are part of what is measured.
 *
 * @module
 */

import { CLI, createHome } from "./gateway/home.ts";
import { ask, canPin, cpuMs, listening, load, median, RUN, start } from "./gateway/measure.ts";

const HERE = new URL("./", import.meta.url).pathname;
/** The compiler needs tens of thousands of requests until code of this size is as fast as it gets. */
const WARM_UP_MS = 5_000;
const PORTS = { upstream: 18480, proxy: 18481, gateway: 18482 };

function flag(name: string): string | undefined {
  const at = Deno.args.indexOf(`--${name}`);
  return at === -1 ? undefined : Deno.args[at + 1];
}

const rounds = Number(flag("rounds") ?? 5);
const ms = 1000 * Number(flag("seconds") ?? 2);
const only = flag("only");

/** Resident memory of a process, KiB. */
async function residentKiB(pid: number): Promise<number> {
  return Number(/VmRSS:\s+(\d+)/.exec(await Deno.readTextFile(`/proc/${pid}/status`))?.[1]);
}

interface Target {
  name: string;
  process: Deno.ChildProcess;
  port: number;
  headers: Record<string, string>;
}

interface Scenario {
  name: string;
  /** What is asked; `mock-…` in its text tells the upstream what to answer. */
  path: string;
  body: Record<string, unknown>;
  connections: number;
  /** The goals of its ratios to the plain proxy. */
  goals: { rate?: number; cpu?: number; firstByte?: number };
  /** How many deltas an answer has. */
  deltas: number;
  /** The plain proxy does not translate: it is asked the Messages way all the same. */
  plain?: { path: string; body: Record<string, unknown> };
}

const messages = { path: "/v1/messages" };
const pacedAsk = ask("mock-n50-d10", 2_000, true);
const SCENARIOS: Scenario[] = [
  {
    name: "small request, whole answer",
    ...messages,
    body: ask("", 2_000, false),
    connections: 32,
    goals: { rate: 0.85 },
    deltas: 0,
  },
  {
    name: "200 KB request, whole answer",
    ...messages,
    body: ask("", 200_000, false),
    connections: 8,
    goals: { cpu: 1.5 },
    deltas: 0,
  },
  {
    name: "stream of 200 events at once",
    ...messages,
    body: ask("mock-n200-d0", 2_000, true),
    connections: 16,
    goals: { cpu: 1.8 },
    deltas: 200,
  },
  {
    name: "100 streams, 50 events 10 ms apart",
    ...messages,
    body: pacedAsk,
    connections: 100,
    goals: { cpu: 1.7 },
    deltas: 50,
  },
  {
    name: "the same, translated for Chat",
    path: "/v1/chat/completions",
    body: pacedAsk,
    connections: 100,
    goals: { cpu: 2.2 },
    deltas: 50,
    plain: { ...messages, body: pacedAsk },
  },
  {
    name: "one client, stream of 20 events",
    ...messages,
    body: ask("mock-n20-d0", 2_000, true),
    connections: 1,
    goals: { firstByte: 1.5 },
    deltas: 20,
  },
];

interface Figures {
  rate: number;
  cpu: number;
  firstByte: number;
}

async function measure(target: Target, scenario: Scenario, ms: number): Promise<Figures> {
  const { path, body } = target.name === "plain" ? scenario.plain ?? scenario : scenario;
  const { connections, deltas } = scenario;
  const before = await cpuMs(target.process.pid);
  const { port, headers } = target;
  const result = await load({ port, path, headers, body, connections, ms });
  const spent = await cpuMs(target.process.pid) - before;
  if (result.failures > 0 || result.deltas !== deltas * result.answers) {
    throw new Error(`${target.name}, ${scenario.name}: ${JSON.stringify(result)}`);
  }
  return {
    rate: 1000 * result.answers / result.ms,
    cpu: spent / result.answers,
    firstByte: result.firstByteMs,
  };
}

const SLOW = { streams: 1_000, events: 20 };

/** Memory that slow streams take, KiB each. */
async function memoryOf({ process, port, headers }: Target): Promise<number> {
  const before = await residentKiB(process.pid);
  let peak = before;
  const watch = setInterval(async () => {
    peak = Math.max(peak, await residentKiB(process.pid));
  }, 100);
  try {
    const { streams, events } = SLOW;
    const body = ask(`mock-n${events}-d100`, 2_000, true);
    const options = { port, headers, body, connections: streams, count: streams, ...messages };
    const result = await load(options);
    if (result.answers !== streams || result.deltas !== streams * events) {
      throw new Error(`Streams were lost: ${JSON.stringify(result)}`);
    }
  } finally {
    clearInterval(watch);
  }
  return (peak - before) / SLOW.streams;
}

const home = await createHome(2_000);
const upstream = `http://127.0.0.1:${PORTS.upstream}`;
const children: Deno.ChildProcess[] = [];

try {
  children.push(start(0, [...RUN, `${HERE}gateway/upstream.ts`, `${PORTS.upstream}`]));
  await listening(children[0]!, PORTS.upstream);
  const targets: Target[] = [
    {
      name: "plain",
      process: start(1, [...RUN, `${HERE}gateway/proxy.ts`, `${PORTS.proxy}`, upstream]),
      port: PORTS.proxy,
      headers: {},
    },
    {
      name: "gateway",
      process: start(
        1,
        [...RUN, CLI, "gateway", "serve", "--port", `${PORTS.gateway}`, "--quiet"],
        home.env(upstream),
      ),
      port: PORTS.gateway,
      headers: { authorization: `Bearer ${home.key}` },
    },
  ];
  for (const { process, port } of targets) {
    children.push(process);
    await listening(process, port);
  }

  console.log(
    `Median of ${rounds} interleaved rounds of ${
      ms / 1000
    } s; ratios to a plain Deno.serve + fetch ` +
      `proxy within a round${canPin ? ", each alone on one core" : ""}.\n`,
  );
  console.log(
    "| scenario | requests/s | × plain | CPU ms/request | × plain | first byte ms | × plain |",
  );
  console.log("| --- | --- | --- | --- | --- | --- | --- |");
  for (
    const scenario of SCENARIOS.filter(({ name }) => only === undefined || name.includes(only))
  ) {
    const seen: Figures[][] = [];
    for (const target of targets) await measure(target, scenario, WARM_UP_MS);
    for (let round = 0; round < rounds; round++) {
      const pair: Figures[] = [];
      for (const target of targets) pair.push(await measure(target, scenario, ms));
      seen.push(pair);
    }
    const cell = (name: keyof Figures, digits: number) => {
      const ratio = median(seen.map(([plain, own]) => own![name] / plain![name]));
      const goal = scenario.goals[name];
      const target = goal === undefined ? "" : ` (goal ${name === "rate" ? "≥" : "≤"} ${goal})`;
      return `${median(seen.map(([, own]) => own![name])).toFixed(digits)} | ${
        ratio.toFixed(2)
      }${target}`;
    };
    console.log(
      `| ${scenario.name} | ${cell("rate", 0)} | ${cell("cpu", 3)} | ${cell("firstByte", 2)} |`,
    );
  }
  if (only === undefined) {
    console.log(`\n${SLOW.streams} slow streams at once, none lost:`);
    for (const target of targets) {
      console.log(`${target.name}: ${(await memoryOf(target)).toFixed(0)} KiB each`);
    }
    console.log("Goal for the gateway: ≤ 180 KiB each.");
  }
} finally {
  for (const child of children) {
    child.kill();
    await child.output();
  }
  await home.remove();
}
