/**
 * The machine as an agent's tools see it: the files of the working folder, and programs.
 *
 * @module
 */

import type { FolderEntry, RunningProgram, Workspace } from "../../agent/workspace.ts";
import { readUpTo } from "./file.ts";
import { isNotFound } from "./private_file.ts";

const IS_WINDOWS = Deno.build.os === "windows";
/** How long the output of what a command has left running is waited for, ms. */
const LINGER_MS = 300;
/** How long a program has to end by itself before it is killed, ms. */
const GRACE_MS = 1_000;

function kindOf(info: { isFile: boolean; isDirectory: boolean; isSymlink: boolean }) {
  if (info.isFile) return "file";
  if (info.isDirectory) return "folder";
  return info.isSymlink ? "link" : "other";
}

/** With `/` between the parts, as everything above expects. */
function slashed(path: string): string {
  return IS_WINDOWS ? path.replaceAll("\\", "/") : path;
}

/** Ends a program and, where there are process groups, all that it has started. */
function kill(child: Deno.ChildProcess, signal: "SIGTERM" | "SIGKILL"): void {
  try {
    if (IS_WINDOWS) child.kill(signal);
    else Deno.kill(-child.pid, signal);
  } catch {
    // It has ended already.
  }
}

function wait(ms: number): { promise: Promise<void>; clear: () => void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  return { promise, clear: () => (clearTimeout(timer), resolve()) };
}

/** Reads to the end, or until `signal` aborts. */
async function pump(
  stream: ReadableStream<Uint8Array>,
  onText: (text: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const reader = stream.getReader();
  const stop = () => void reader.cancel().catch(() => {});
  signal.addEventListener("abort", stop, { once: true });
  const decoder = new TextDecoder();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      onText(decoder.decode(value, { stream: true }));
    }
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

async function run(
  command: string,
  { cwd, env, signal, onOutput }: Parameters<Workspace["run"]>[1],
): Promise<number> {
  signal.throwIfAborted();
  const [program, ...args] = IS_WINDOWS ? ["cmd", "/d", "/s", "/c"] : ["sh", "-c"];
  const child = new Deno.Command(program!, {
    args: [...args, command],
    cwd,
    env,
    clearEnv: true,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    // A group of its own, so that it ends with all that it has started.
    detached: !IS_WINDOWS,
  }).spawn();
  const closing = new AbortController();
  const reading = Promise.all(
    [child.stdout, child.stderr].map((stream) => pump(stream, onOutput, closing.signal)),
  );
  const grace = new AbortController();
  const onAbort = () => {
    kill(child, "SIGTERM");
    const timer = setTimeout(() => kill(child, "SIGKILL"), GRACE_MS);
    grace.signal.addEventListener("abort", () => clearTimeout(timer), { once: true });
  };
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    const { code } = await child.status;
    // What it has left in the background may hold the pipes open for ever.
    const lingering = wait(LINGER_MS);
    await Promise.race([reading, lingering.promise]);
    lingering.clear();
    signal.throwIfAborted();
    return code;
  } finally {
    signal.removeEventListener("abort", onAbort);
    grace.abort();
    closing.abort();
    await reading.catch(() => {});
  }
}

function start(
  command: string,
  args: readonly string[],
  { cwd, env }: { cwd: string; env: Readonly<Record<string, string>> },
): Promise<RunningProgram> {
  const child = new Deno.Command(command, {
    args: [...args],
    cwd,
    env,
    clearEnv: true,
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
    // Ctrl-C in the terminal is for this program alone.
    detached: !IS_WINDOWS,
  }).spawn();
  const writer = child.stdin.getWriter();
  const encoder = new TextEncoder();
  const ended = child.status.then(({ code }) => code);
  return Promise.resolve({
    write: (text) => writer.write(encoder.encode(text)),
    // It may have ended without reading.
    closeInput: () => writer.close().catch(() => {}),
    stdout: child.stdout,
    stderr: child.stderr,
    ended,
    stop: async () => {
      await writer.close().catch(() => {});
      for (const signal of ["SIGTERM", "SIGKILL"] as const) {
        const grace = wait(GRACE_MS);
        const isOver = await Promise.race([ended.then(() => true), grace.promise]);
        grace.clear();
        if (isOver) return;
        kill(child, signal);
      }
      await ended;
    },
  });
}

/** Creates the workspace of this process's working folder. */
export function createWorkspace(): Workspace {
  return {
    cwd: slashed(Deno.cwd()),
    os: Deno.build.os,
    env: () => Deno.env.toObject(),
    realPath: (path) => {
      try {
        return Promise.resolve(slashed(Deno.realPathSync(path)));
      } catch (error) {
        return isNotFound(error) ? Promise.resolve(null) : Promise.reject(error);
      }
    },
    stat: (path) => {
      try {
        const info = Deno.statSync(path);
        return Promise.resolve({ kind: kindOf(info), size: info.size });
      } catch (error) {
        return isNotFound(error) ? Promise.resolve(null) : Promise.reject(error);
      }
    },
    // deno-lint-ignore require-await -- an error must reject, not throw
    read: async (path, { offset = 0, limitBytes }) => {
      using file = Deno.openSync(path, { read: true });
      if (offset > 0) file.seekSync(offset, Deno.SeekMode.Start);
      return readUpTo(file, Math.max(0, Math.min(limitBytes, file.statSync().size - offset)));
    },
    // deno-lint-ignore require-await -- as above
    list: async (path) =>
      [...Deno.readDirSync(path)].map((entry): FolderEntry => ({
        name: entry.name,
        kind: kindOf(entry),
      })),
    run,
    start,
  };
}
