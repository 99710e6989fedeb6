/**
 * How fast the command line starts, beside an empty `deno run` in the same run: wall time in
 * interleaved rounds, medians and ratios. The goal for `--version` and `--help` is 1.15, for the first
 * request of `chat` 3.
 *
 * `deno task bench startup [--runs 20]`
 *
 * @module
 */

import { createSandbox } from "../../src/sandbox/mod.ts";

const CLI = new URL("../../src/cli.ts", import.meta.url).pathname;
const PERMISSIONS = [
  "--allow-net",
  "--allow-read",
  "--allow-write",
  "--allow-env",
  "--allow-run",
  "--allow-sys",
];

interface Case {
  name: string;
  args: string[];
  /** Until the child's first request instead of its end. */
  untilRequest?: boolean;
}

const runsFlag = Deno.args.indexOf("--runs");
const runs = runsFlag === -1 ? 20 : Number(Deno.args[runsFlag + 1]);
const folder = await Deno.makeTempDir({ prefix: "grantway-bench-" });
await Deno.writeTextFile(`${folder}/empty.ts`, "export {};\n");

let onInference = () => {};
const sandbox = createSandbox({ autoApprove: true });
const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => {
  if (new URL(request.url).pathname.endsWith("/v1/messages")) onInference();
  return sandbox.handle(request);
});
const env = {
  GRANTWAY_HOME: folder,
  GRANTWAY_SANDBOX: `http://127.0.0.1:${server.addr.port}`,
  DENO_NO_UPDATE_CHECK: "1",
};

const run = (args: string[]) =>
  new Deno.Command(Deno.execPath(), { args, env, stdin: "null", stdout: "null", stderr: "piped" })
    .spawn();

async function measure({ args, untilRequest }: Case): Promise<number> {
  const { promise: requested, resolve } = Promise.withResolvers<number>();
  onInference = () => resolve(performance.now());
  const startedAt = performance.now();
  const child = run(args);
  const { success, stderr } = await child.output();
  const endedAt = performance.now();
  if (!success) throw new Error(`${args.join(" ")}: ${new TextDecoder().decode(stderr)}`);
  return (untilRequest ? await requested : endedAt) - startedAt;
}

const cli = (...args: string[]) => ["run", "--no-check", ...PERMISSIONS, CLI, ...args];
const empty: Case = {
  name: "deno run, empty module",
  args: ["run", "--no-check", ...PERMISSIONS, `${folder}/empty.ts`],
};
const cases: Case[] = [
  empty,
  { name: "grantway --version", args: cli("--version") },
  { name: "grantway --help", args: cli("--help") },
  {
    name: "grantway chat, until its first request",
    args: cli("chat", "Hello"),
    untilRequest: true,
  },
];

const times = new Map<Case, number[]>(cases.map((entry) => [entry, []]));
try {
  const login = await run(cli("auth", "add", "minimax-oauth", "--no-browser")).output();
  if (!login.success) throw new Error(new TextDecoder().decode(login.stderr));
  // Two rounds warm the caches; each round runs every case once.
  for (let round = -2; round < runs; round++) {
    for (const entry of cases) {
      const ms = await measure(entry);
      if (round >= 0) times.get(entry)!.push(ms);
    }
  }
} finally {
  await server.shutdown();
  await Deno.remove(folder, { recursive: true });
}

const median = (values: number[]) => values.toSorted((a, b) => a - b)[values.length >> 1]!;
const base = times.get(empty)!;
console.log(`Median of ${runs} interleaved runs; ratios are pairwise within a round.\n`);
console.log("| command | ms | × empty |\n| --- | --- | --- |");
for (const entry of cases) {
  const own = times.get(entry)!;
  const ratio = median(own.map((ms, round) => ms / base[round]!));
  console.log(`| ${entry.name} | ${median(own).toFixed(1)} | ${ratio.toFixed(2)} |`);
}
