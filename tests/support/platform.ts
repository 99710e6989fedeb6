/**
 * A machine in memory for the command line: files, clock, streams, and the sandbox as its network.
 * A command runs in this process, in a few milliseconds, and waits cost nothing.
 *
 * For what only a process can show, such as signals and closed streams, see `cli.ts` beside this.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { setImmediate } from "node:timers";
import { run } from "../../src/cli/main.ts";
import type { Interrupt, OutputStream, Platform, UserFile } from "../../src/cli/platform.ts";
import { createFileStore } from "../../src/credentials/file_store.ts";
import { createSandbox, type Sandbox, type SandboxOptions } from "../../src/sandbox/mod.ts";
import { answerConsent, type Consent, createFakePort, type FakePort } from "./loopback_browser.ts";
import { MemoryDisk } from "./memory_files.ts";
import { createMemoryConversations } from "./memory_conversations.ts";
import { MemoryWorkspace } from "./memory_workspace.ts";
import { isComputing } from "./computing.ts";
import { refuseMintedSecrets } from "./minted_secrets.ts";
import { VirtualClock } from "./virtual_clock.ts";

/** Turns of the event loop in which nothing must happen before the clock moves. */
const QUIET_TURNS = 8;

/** A virtual clock that stands still while the network or the thread pool is at work. */
class MachineClock extends VirtualClock {
  isBusy: () => boolean = () => false;

  override async idle(): Promise<void> {
    for (let quiet = 0; quiet < QUIET_TURNS;) {
      await new Promise((resolve) => setImmediate(resolve));
      quiet = isComputing() || this.isBusy() ? 0 : quiet + 1;
    }
  }
}

/** A request that left the machine. */
export interface SentRequest {
  method: string;
  url: string;
  headers: Headers;
}

/** A program that was started. */
export interface StartedProgram {
  command: string;
  args: readonly string[];
  env: Readonly<Record<string, string>>;
  /** Signals that it was sent. */
  signals: Interrupt[];
}

/** What a command left behind on its streams. */
export interface CommandResult {
  code: number;
  stdout: string;
  stderr: string;
}

/** How one command runs. */
export interface RunOptions {
  /** Variables besides the machine's. */
  env?: Record<string, string>;
  /** Standard input, which is then no terminal. Default: empty. */
  stdin?: string;
  /** The same, as bytes. */
  stdinBytes?: Uint8Array<ArrayBuffer>;
  /** A person at a terminal instead, who types these lines; null is Ctrl-D. */
  lines?: (string | null | (() => string | null | Promise<string | null>))[];
  /** Told everything that is written to stderr. */
  onStderr?: (text: string) => void;
  /** How much stdout takes before its reader leaves, characters. */
  stdoutLimit?: number;
}

/** How a machine is set up. */
export interface MachineOptions extends SandboxOptions {
  env?: Record<string, string>;
  os?: string;
  /** The port that a sign-in gets for the browser to come back to. Default: the one it asks for. */
  port?: number;
}

/** The home folder of {@linkcode TestMachine}. */
export const HOME = "/home/user/.grantway";

/** A machine. */
export class TestMachine {
  readonly clock = new MachineClock();
  readonly disk = new MemoryDisk();
  readonly sandbox: Sandbox;
  /** Every request, in order. */
  readonly requests: SentRequest[] = [];
  /** Files of other programs, by path. */
  readonly userFiles = new Map<string, UserFile>();
  /** What every change of those files fails with. */
  userFileFailure: Error | undefined;
  /** Stands for programs: its exit code, or null where there is none of that name. */
  program: (started: StartedProgram) => Promise<number> | null = () => null;
  /** Pages that were opened in a browser. */
  readonly opened: string[] = [];
  /** The port that a browser comes back to. */
  readonly loopback: FakePort;
  readonly env: Record<string, string>;
  /** The working folder and its programs. */
  readonly workspace = new MemoryWorkspace();
  /** Variables of the machine that a real one would have. */
  isContainer = false;
  /** Stands for the network. */
  fetch: typeof globalThis.fetch;
  /** Sends an interrupt to the command that runs. */
  interrupt: (kind?: Interrupt) => void = () => {};
  #waiting = 0;
  readonly #os: string;

  constructor({ env = {}, os = "linux", port, ...options }: MachineOptions = {}) {
    this.env = env;
    this.loopback = createFakePort(port);
    this.#os = os;
    this.sandbox = createSandbox({
      now: this.clock.now,
      sleep: async (ms, signal) => {
        this.#waiting--;
        try {
          await this.clock.sleep(ms, signal);
        } finally {
          this.#waiting++;
        }
      },
      autoApprove: true,
      ...options,
    });
    this.clock.isBusy = () => this.#waiting > 0;
    this.fetch = this.sandbox.fetch as typeof globalThis.fetch;
  }

  /** Requests whose URL includes `part`. */
  sent(part: string): SentRequest[] {
    return this.requests.filter(({ url }) => url.includes(part));
  }

  /** The text of a file in the home folder; undefined when there is none. */
  file(name: string): string | undefined {
    const bytes = this.disk.entries.get(`${HOME}/${name}`)?.bytes;
    return bytes === undefined ? undefined : new TextDecoder().decode(bytes);
  }

  /** Writes a file of the home folder. */
  async write(name: string, text: string): Promise<void> {
    await this.disk.files().write(`${HOME}/${name}`, new TextEncoder().encode(text));
  }

  /** The whole disk as text, to see that nothing changed. */
  snapshot(): string {
    return [...this.disk.entries].map(([path, { bytes }]) =>
      `${path}\n${new TextDecoder().decode(bytes)}`
    ).sort().join("\n");
  }

  /** Runs a command; a text is split at spaces. */
  async run(
    command: string | readonly string[],
    options: RunOptions = {},
  ): Promise<CommandResult> {
    const args = typeof command === "string" ? command.split(" ").filter(Boolean) : command;
    const { lines, onStderr, stdoutLimit = Infinity } = options;
    const isTerminal = lines !== undefined;
    const typed = [...lines ?? []];
    const result = { code: NaN, stdout: "", stderr: "" };
    const stream = (name: "stdout" | "stderr", limit: number): OutputStream => ({
      isTerminal,
      write: (text) => {
        if (result[name].length >= limit) return false;
        result[name] += typeof text === "string" ? text : latin1(text);
        if (name === "stderr" && typeof text === "string") onStderr?.(text);
        return true;
      },
    });
    const env = { ...this.env, ...options.env };
    const files = this.disk.files();
    const listeners = new Set<(kind: Interrupt) => void>();
    this.interrupt = (kind = "SIGINT") => {
      for (const listener of [...listeners]) listener(kind);
    };
    const platform: Platform = {
      version: "0.0.0",
      args,
      env: (name) => env[name] || undefined,
      allEnv: () => ({ ...env }),
      os: this.#os,
      userHome: "/home/user",
      stdout: stream("stdout", stdoutLimit),
      stderr: stream("stderr", Infinity),
      stdin: {
        isTerminal,
        readAll: () => Promise.resolve(options.stdin ?? ""),
        readBytes: () => Promise.resolve(options.stdinBytes ?? new Uint8Array()),
      },
      readLine: async (_prompt, { signal } = {}) => {
        const next = typed.shift();
        if (next === undefined) throw new Error("Nothing more is typed");
        if (typeof next !== "function") return next;
        const answer = next();
        signal?.throwIfAborted();
        return await answer;
      },
      now: this.clock.now,
      monotonicNow: this.clock.monotonicNow,
      sleep: this.clock.sleep,
      // The network answers or fails. In real time a process that is held up would meet a deadline.
      startTimer: () => () => {},
      fetch: async (input, init) => {
        const { method, url, headers } = new Request(input, init);
        this.requests.push({ method, url, headers });
        this.#waiting++;
        try {
          return await this.fetch(input, init);
        } finally {
          this.#waiting--;
        }
      },
      fileSystem: files,
      userFiles: {
        read: (path) => Promise.resolve(this.userFiles.get(path) ?? null),
        replace: (path, bytes, before) => {
          if (this.userFileFailure !== undefined) return Promise.reject(this.userFileFailure);
          this.userFiles.set(path, { bytes: bytes.slice(), mode: before?.mode ?? 0o600 });
          return Promise.resolve();
        },
        remove: (path) => {
          this.userFiles.delete(path);
          return Promise.resolve();
        },
      },
      openOutput: (path, { replaces }) => {
        const pieces: Uint8Array<ArrayBuffer>[] = [];
        return Promise.resolve({
          write: (bytes) => void pieces.push(bytes.slice()),
          commit: async (name = path) => {
            const { files } = this.workspace;
            if (!replaces && files.has(name)) return false;
            files.set(name, new Uint8Array(await new Blob(pieces).arrayBuffer()));
            return true;
          },
          discard: () => {},
        });
      },
      denoPath: () => "deno",
      startProgram: (command, args, env) => {
        const signals: Interrupt[] = [];
        const ended = this.program({ command, args, env, signals });
        return Promise.resolve(ended && { kill: (kind) => void signals.push(kind), ended });
      },
      openConversationFiles: () =>
        Promise.resolve(createMemoryConversations(this.disk, this.clock.now)),
      openWorkspace: () => Promise.resolve(this.workspace),
      stat: (path) => {
        const isFile = this.disk.entries.has(path);
        const isFolder = [...this.disk.entries.keys()].some((name) => name.startsWith(`${path}/`));
        return Promise.resolve(
          isFile || isFolder
            ? { mode: isFile ? 0o600 : 0o700, isDirectory: isFolder, isOwn: true }
            : null,
        );
      },
      openStore: (folder, onWarning, document) =>
        createFileStore({
          folder,
          document,
          files,
          locks: this.disk.locks(),
          holder: "process 1",
          now: this.clock.now,
          monotonicNow: this.clock.monotonicNow,
          sleep: this.clock.sleep,
          random: () => 0.5,
          // At once: the thread pool would let the clock run ahead.
          digest: (bytes) =>
            Promise.resolve(new Uint8Array(createHash("sha256").update(bytes).digest())),
          onWarning,
        }),
      isContainer: () => Promise.resolve(this.isContainer),
      openBrowser: (url) => Promise.resolve(this.opened.push(url) > 0),
      serve: () => Promise.reject(new Error("Nothing listens here")),
      bindLoopback: this.loopback.bind,
      onInterrupt: (listener) => {
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
      exit: (code) => {
        throw new Error(`exit ${code}`);
      },
    };
    result.code = await this.clock.run(run(platform));
    refuseMintedSecrets(args.join(" "), result.stdout, result.stderr);
    return result;
  }

  /** Answers the consent page at `url` in a browser, which is not led back yet. */
  async consent(url: string, decision?: "approved" | "denied"): Promise<Consent> {
    this.#waiting++;
    try {
      return await answerConsent(this.sandbox.fetch as typeof globalThis.fetch, url, decision);
    } finally {
      this.#waiting--;
    }
  }

  /**
   * An `onStderr` that does what a person with a browser does: goes to the authorization page that
   * is printed, answers, and is led back to the port.
   */
  browser(decision?: "approved" | "denied"): (text: string) => void {
    return (text) => {
      const url = /https:\/\/auth\.x\.ai\/oauth2\/authorize\?\S+/.exec(text)?.[0];
      if (url === undefined) return;
      this.consent(url, decision).then(({ callback }) => this.loopback.visit(callback!));
    };
  }

  /** Signs in to a provider, or fails. */
  async signIn(command = "auth add minimax-oauth"): Promise<void> {
    const { code, stderr } = await this.run(`${command} --quiet`);
    if (code !== 0) throw new Error(`Cannot sign in: ${stderr}`);
  }

  /** What `auth list --json` says. */
  // deno-lint-ignore no-explicit-any -- a JSON document whose shape the test states
  async credentials(): Promise<any[]> {
    return JSON.parse((await this.run("auth list --json")).stdout).credentials;
  }
}

/** Bytes as characters of the same numbers. */
function latin1(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
}

/** The JSON lines of a command's output. */
// deno-lint-ignore no-explicit-any -- JSON documents whose shape the test states
export function jsonLines(text: string): any[] {
  return text.split("\n").filter((line) => line !== "").map((line) => JSON.parse(line));
}
