/**
 * The machine as Deno sees it, in the shape that the command line asks for. `src/cli.ts` brings the two
 * together, and the compiler holds them against each other there.
 *
 * @module
 */

import type { ConversationFiles } from "../../agent/conversation_files.ts";
import type { Workspace } from "../../agent/workspace.ts";
import { sleep } from "../../core/runtime.ts";
import type { LoopbackSocket } from "../../oauth/loopback.ts";
import { exists } from "./file.ts";
import { openFileStore } from "./file_store.ts";
import { createFileSystem } from "./file_system.ts";
import type { RunningProgram } from "./program.ts";
import { createOutputStream, onInterrupt, readStdin, readStdinBytes } from "./terminal.ts";
import type { UserFile } from "./user_file.ts";

/** Files that container runtimes leave. */
const CONTAINER_MARKS = ["/.dockerenv", "/run/.containerenv"];

const PROXIES = [
  "HTTP_PROXY",
  "http_proxy",
  "HTTPS_PROXY",
  "https_proxy",
  "ALL_PROXY",
  "all_proxy",
];

/** A proxy elsewhere cannot reach what listens on this machine alone: a sandbox, a gateway. */
function keepLoopbackFromProxies(): void {
  if (!PROXIES.some((name) => Deno.env.get(name))) return;
  const before = Deno.env.get("NO_PROXY") ?? Deno.env.get("no_proxy");
  const value = [...before ? [before] : [], "127.0.0.1", "localhost", "::1"].join(",");
  // Read by the first request.
  Deno.env.set("NO_PROXY", value);
  Deno.env.set("no_proxy", value);
}

/** Creates the platform of this process. */
// deno-lint-ignore explicit-function-return-type -- its type is the command line's, which lies above
export function createDenoPlatform() {
  keepLoopbackFromProxies();
  const stdout = createOutputStream(Deno.stdout);
  const stderr = createOutputStream(Deno.stderr);
  const env = (name: string): string | undefined => Deno.env.get(name) || undefined;
  const warn = (message: string) => stderr.write(`warning: ${message}\n`);
  return {
    args: Deno.args,
    env,
    allEnv: () => Deno.env.toObject(),
    os: Deno.build.os,
    userHome: env("HOME") ?? env("USERPROFILE"),
    stdout,
    stderr,
    stdin: {
      isTerminal: Deno.stdin.isTerminal(),
      readAll: readStdin,
      readBytes: readStdinBytes,
    },
    readLine: async (
      prompt: string,
      options?: { signal?: AbortSignal; history?: readonly string[]; multiline?: boolean },
    ): Promise<string | null> => {
      // Loaded for a conversation only.
      const { readLine } = await import("./read_line.ts");
      return await readLine(prompt, options);
    },
    now: () => Date.now(),
    monotonicNow: () => performance.now(),
    sleep,
    fetch: (input: RequestInfo | URL, init?: RequestInit): Promise<Response> => fetch(input, init),
    fileSystem: createFileSystem({ onWarning: warn }),
    userFiles: {
      // Loaded to edit another program's configuration only.
      read: async (path: string): Promise<UserFile | null> =>
        (await import("./user_file.ts")).readUserFile(path),
      replace: async (path: string, bytes: Uint8Array, before: UserFile | null): Promise<void> =>
        await (await import("./user_file.ts")).replaceUserFile(path, bytes, before),
      remove: async (path: string, before: UserFile): Promise<void> =>
        (await import("./user_file.ts")).removeUserFile(path, before),
    },
    openOutput: async (
      path: string,
      options: { replaces: boolean },
    ): Promise<ReturnType<typeof import("./output_file.ts").openOutputFile>> =>
      (await import("./output_file.ts")).openOutputFile(path, options),
    denoPath: () => Deno.execPath(),
    startProgram: async (
      command: string,
      args: readonly string[],
      env: Readonly<Record<string, string>>,
    ): Promise<RunningProgram | null> =>
      (await import("./program.ts")).startProgram(command, args, env),
    openConversationFiles: async (): Promise<ConversationFiles> => {
      const { createConversationFiles } = await import("./conversation_files.ts");
      return createConversationFiles(warn);
    },
    openWorkspace: async (): Promise<Workspace> => {
      // Loaded for a chat with tools only.
      const { createWorkspace } = await import("./workspace.ts");
      return createWorkspace();
    },
    stat: (
      path: string,
    ): Promise<{ mode: number; isDirectory: boolean; isOwn: boolean } | null> => {
      try {
        const { mode, isDirectory, uid } = Deno.statSync(path);
        const isOwn = Deno.build.os === "windows" || uid === Deno.uid();
        return Promise.resolve({ mode: mode ?? 0, isDirectory, isOwn });
      } catch (error) {
        return error instanceof Deno.errors.NotFound
          ? Promise.resolve(null)
          : Promise.reject(error);
      }
    },
    openStore: (home: string, onWarning: (message: string) => void, document?: string) =>
      openFileStore(home, { onWarning, document }),
    isContainer: () => Promise.resolve(CONTAINER_MARKS.some(exists)),
    openBrowser: async (url: string): Promise<boolean> => {
      const { openBrowser } = await import("./open_browser.ts");
      return await openBrowser(url);
    },
    serve: async (
      handler: (request: Request) => Response | Promise<Response>,
      options: { port: number; host?: string },
    ): Promise<{ origin: string; close: (signal?: AbortSignal) => Promise<void> }> => {
      const { serve } = await import("./serve.ts");
      return serve(handler, options);
    },
    bindLoopback: async (port: number): Promise<LoopbackSocket> => {
      const { createLoopbackBinder } = await import("./loopback_listener.ts");
      return await createLoopbackBinder()(port);
    },
    onInterrupt,
    exit: (code: number): never => Deno.exit(code),
  };
}
