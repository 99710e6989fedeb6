/**
 * How fast the command line starts, beside an empty `deno run` in the same run: wall time in
 * interleaved rounds, medians and ratios. The goal for `--version` and `--help` is 1.15, for the first
 * request of `chat` 3.
 *
 * Deno itself takes longer where it finds a configuration and a lock file, whatever it runs. So the
 * empty module runs twice: with a copy of this project's two files beside it, which tells what our code
 * costs, and without.
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
const configured = `${folder}/configured`;
await Deno.mkdir(configured);
for (const place of [folder, configured]) {
  await Deno.writeTextFile(`${place}/empty.ts`, "export {};\n");
}
for (const name of ["deno.json", "deno.lock"]) {
  await Deno.copyFile(new URL(`../../${name}`, import.meta.url), `${configured}/${name}`);
}

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
const emptyIn = (place: string, name: string): Case => ({
  name,
  args: ["run", "--no-check", ...PERMISSIONS, `${place}/empty.ts`],
});
const empty = emptyIn(configured, "deno run, empty module, same configuration");
const bare = emptyIn(folder, "deno run, empty module, no configuration");
const cases: Case[] = [
  bare,
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
const ratioTo = (base: Case, own: number[]) =>
  median(own.map((ms, round) => ms / times.get(base)![round]!)).toFixed(2);
console.log(`Median of ${runs} interleaved runs; ratios are pairwise within a round.\n`);
console.log(
  "| command | ms | × empty, same configuration | × empty, none |\n| --- | --- | --- | --- |",
);
for (const entry of cases) {
  const own = times.get(entry)!;
  console.log(
    `| ${entry.name} | ${median(own).toFixed(1)} | ${ratioTo(empty, own)} | ${
      ratioTo(bare, own)
    } |`,
  );
}
