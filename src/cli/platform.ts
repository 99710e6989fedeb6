/**
 * What the command line needs of the machine it runs on. `src/cli.ts` hands in an implementation.
 *
 * @module
 */

import type { ConversationFiles } from "../agent/conversation_files.ts";
import type { Workspace } from "../agent/workspace.ts";
import type { FileSystem } from "../credentials/file_system.ts";
import type { BindLoopback } from "../oauth/loopback.ts";
import type { KvStore, Lease } from "../credentials/kv_store.ts";

/** One of the process's output streams. */
export interface OutputStream {
  /** Writes at once; false when the reader is gone. */
  write(data: string | Uint8Array): boolean;
  /** Whether a person reads it. */
  isTerminal: boolean;
}

/** A listening HTTP server. */
export interface LocalServer {
  /** `http://127.0.0.1:PORT`. */
  origin: string;
  /** Stops listening and waits for open answers, but no longer than until `signal` aborts. */
  close(signal?: AbortSignal): Promise<void>;
}

/** A file of another program's. */
export interface UserFile {
  /** Its content. */
  bytes: Uint8Array<ArrayBuffer>;
  /** Permission bits. */
  mode: number;
}

/** Files of other programs, behind links too. */
export interface UserFiles {
  /** The file, or null when there is none. */
  read(path: string): Promise<UserFile | null>;
  /** Replaces it whole and keeps its mode, or makes it; rejects when it is not `before` any more. */
  replace(path: string, bytes: Uint8Array, before: UserFile | null): Promise<void>;
  /** Removes it; rejects when it is not `before` any more. */
  remove(path: string, before: UserFile): Promise<void>;
}

/** A file that is being made: nobody sees it before it is whole. */
export interface OutputFile {
  /** Writes the next bytes. */
  write(bytes: Uint8Array): void;
  /**
   * Gives it its name, or another one in the same folder.
   *
   * @returns False, and nothing is changed, where a file has that name and may not be replaced.
   */
  commit(path?: string): Promise<boolean>;
  /** Drops it; without effect after `commit`. */
  discard(): void;
}

/** A program that runs in this terminal. */
export interface RunningProgram {
  /** Sends it a signal; without effect when it has ended. */
  kill(kind: Interrupt): void;
  /** Its exit code. */
  ended: Promise<number>;
}

/** Ways an interrupt reaches a listener. */
export type Interrupt = "SIGINT" | "SIGTERM" | "SIGHUP";

/** The machine. */
export interface Platform {
  /** The program's version. */
  version: string;
  /** Arguments after the program's name. */
  args: readonly string[];
  /** An environment variable; empty counts as unset. */
  env(name: string): string | undefined;
  /** Every environment variable. */
  allEnv(): Record<string, string>;
  /** Operating system: `linux`, `darwin`, `windows`, … */
  os: string;
  /** The user's home folder, or undefined where there is none. */
  userHome: string | undefined;
  /** Data. */
  stdout: OutputStream;
  /** Everything else. */
  stderr: OutputStream;
  /** Input. */
  stdin: {
    /** Whether a person types. */
    isTerminal: boolean;
    /** Reads to the end; rejects with a `RangeError` when that is more than `limitBytes`. */
    readAll(limitBytes: number): Promise<string>;
    /** The same, as bytes. */
    readBytes(limitBytes: number): Promise<Uint8Array<ArrayBuffer>>;
  };
  /**
   * Asks for one line on the terminal; null at the end of input. With `multiline`, several lines pasted
   * at once come as one text.
   */
  readLine(
    prompt: string,
    options?: { signal?: AbortSignal; history?: readonly string[]; multiline?: boolean },
  ): Promise<
    string | null
  >;
  /** Wall clock, ms since the epoch. */
  now(): number;
  /** Clock that never steps, ms. */
  monotonicNow(): number;
  /** Waits. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** Starts the timer of a deadline; the function that it returns stops it. Default: real time. */
  startTimer?: ((ms: number, fire: () => void) => () => void) | undefined;
  /** Sends requests. */
  fetch: typeof globalThis.fetch;
  /** Private files. */
  fileSystem: FileSystem;
  /** Files of other programs. */
  userFiles: UserFiles;
  /** Begins a file of the user's, which takes the place of another only where that is allowed. */
  openOutput(path: string, options: { replaces: boolean }): Promise<OutputFile>;
  /** Where the Deno is that runs this program. */
  denoPath(): string;
  /** Starts a program with these variables and no others; null when there is no such program. */
  startProgram(
    command: string,
    args: readonly string[],
    env: Readonly<Record<string, string>>,
  ): Promise<RunningProgram | null>;
  /** The files of conversations. */
  openConversationFiles(): Promise<ConversationFiles>;
  /** The working folder and its programs, for an agent's tools. */
  openWorkspace(): Promise<Workspace>;
  /** Permission bits, kind and owner of a path, or null when there is none. */
  stat(path: string): Promise<{ mode: number; isDirectory: boolean; isOwn: boolean } | null>;
  /** Opens a store in `home`: the credentials', or the document of that name. */
  openStore(
    home: string,
    onWarning: (message: string) => void,
    document?: string,
  ): KvStore & Lease;
  /** Whether a container marker file stands on this machine. */
  isContainer(): Promise<boolean>;
  /** Starts the system's browser without a shell; false when none could be started. */
  openBrowser(url: string): Promise<boolean>;
  /**
   * Serves HTTP; port 0 takes a free one, and without a host it is 127.0.0.1. A request's URL is as it
   * was sent.
   *
   * @throws {GrantwayError} `invalid_configuration` when the address cannot be had.
   */
  serve(
    handler: (request: Request) => Response | Promise<Response>,
    options: { port: number; host?: string },
  ): Promise<LocalServer>;
  /** Takes a port of 127.0.0.1 for a browser to come back to. */
  bindLoopback: BindLoopback;
  /** Calls `listener` on interrupts until the returned function is called. */
  onInterrupt(listener: (kind: Interrupt) => void): () => void;
  /** Ends the process. */
  exit(code: number): never;
}
