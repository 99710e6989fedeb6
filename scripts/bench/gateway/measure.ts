/**
 * What the benchmarks of the gateways share: programs on cores of their own, load, CPU time.
 *
 * @module
 */

import type { LoadOptions, LoadResult } from "./load.ts";

const HERE = new URL("./", import.meta.url).pathname;
const TICKS_PER_SECOND = 100;

/** Deno's arguments before a program. */
export const RUN = ["run", "--no-check", "--allow-all"];

/** Whether programs can be given a core. */
export const canPin: boolean = navigator.hardwareConcurrency > 1 &&
  await new Deno.Command("taskset", { args: ["--version"], stdout: "null", stderr: "null" })
    .output().then(({ success }) => success, () => false);

/** How a program is started. */
export interface StartOptions {
  env?: Record<string, string>;
  cwd?: string;
}

/** Starts `command` on one core: 0 for the load and the upstream, 1 for what is measured. */
export function startCommand(
  core: 0 | 1,
  command: string[],
  { env = {}, cwd }: StartOptions = {},
): Deno.ChildProcess {
  const [program, ...args] = [...canPin ? ["taskset", "-c", `${core}`] : [], ...command];
  return new Deno.Command(program!, {
    args,
    env: { DENO_NO_UPDATE_CHECK: "1", ...env },
    ...(cwd === undefined ? {} : { cwd }),
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

/** Starts this Deno with `args`. */
export function start(
  core: 0 | 1,
  args: string[],
  env: Record<string, string> = {},
): Deno.ChildProcess {
  return startCommand(core, [Deno.execPath(), ...args], { env });
}

/** Waits until `child` listens on `port`. */
export async function listening(child: Deno.ChildProcess, port: number): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    try {
      (await Deno.connect({ hostname: "127.0.0.1", port })).close();
      return;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
  child.kill();
  throw new Error(new TextDecoder().decode((await child.output()).stderr));
}

/** What a program prints, once it has ended well. */
export async function output(child: Deno.ChildProcess): Promise<string> {
  const { success, stdout, stderr } = await child.output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}

/** CPU time of a process until now, ms. */
export async function cpuMs(pid: number): Promise<number> {
  const stat = await Deno.readTextFile(`/proc/${pid}/stat`);
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * 1000 / TICKS_PER_SECOND;
}

/** Asks as `options` say, from the other core. */
export async function load(options: LoadOptions): Promise<LoadResult> {
  const child = start(0, ["run", "--no-check", "--allow-net", `${HERE}load.ts`]);
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(JSON.stringify(options)));
  await writer.close();
  return JSON.parse(await output(child));
}

/** The middle of them. */
export const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[values.length >> 1]!;

/** A request in the Messages dialect; `shape` tells the upstream what to answer. */
export function ask(shape: string, bytes: number, stream: boolean): Record<string, unknown> {
  const content = `${shape} ${"All work and no play makes a dull request. ".repeat(bytes / 43)}`;
  return {
    model: "MiniMax-M2.7",
    max_tokens: 1000,
    stream,
    messages: [{ role: "user", content }],
  };
}
