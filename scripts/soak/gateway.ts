/**
 * The gateway as a process, and what it holds: memory, and open files.
 *
 * Not by Deno's inspector, which would tell more: while it runs, requests that were cancelled keep
 * their connections.
 *
 * @module
 */

import { CLI } from "../bench/gateway/home.ts";

/** What the process holds. */
export interface Held {
  /** Resident memory, bytes. */
  residentBytes: number;
  /** Open sockets. */
  sockets: number;
  /** All open file descriptors. */
  files: number;
}

/** The process. */
export interface GatewayProcess {
  port: number;
  held(): Held;
  stop(): Promise<void>;
}

/** Starts `grantway gateway serve`; `heapMiB` is the most that its objects may take. */
export async function startGateway(
  env: Record<string, string>,
  heapMiB?: number,
): Promise<GatewayProcess> {
  const heap = heapMiB === undefined ? [] : [`--v8-flags=--max-old-space-size=${heapMiB}`];
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "--no-check", "--allow-all", ...heap, CLI],
      ...["gateway", "serve", "--port", "0", "--quiet", "--json"],
    ],
    env,
    stdin: "null",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const { value } = await reader.read();
  if (value === undefined) throw new Error("The gateway did not start");
  const { origin }: { origin: string } = JSON.parse(value);
  return {
    port: Number(new URL(origin).port),
    held: () => {
      const files = Array.from(Deno.readDirSync(`/proc/${child.pid}/fd`), ({ name }) => {
        try {
          return Deno.readLinkSync(`/proc/${child.pid}/fd/${name}`);
        } catch {
          return ""; // closed meanwhile
        }
      });
      const status = Deno.readTextFileSync(`/proc/${child.pid}/status`);
      return {
        residentBytes: 1024 * Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]),
        sockets: files.filter((file) => file.startsWith("socket:")).length,
        files: files.filter((file) => file !== "").length,
      };
    },
    stop: async () => {
      child.kill("SIGINT");
      const late = setTimeout(() => child.kill("SIGKILL"), 15_000);
      await child.status;
      clearTimeout(late);
      await reader.cancel();
    },
  };
}
