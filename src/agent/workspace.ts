/**
 * What tools need of the machine: its files and its programs. The program that runs an agent hands in
 * an implementation.
 *
 * Paths are absolute, with `/` between their parts.
 *
 * @module
 */

/** An entry of a folder. */
export interface FolderEntry {
  /** Its name. */
  name: string;
  /** What it is; links count as what they lead to only for those who follow them. */
  kind: "file" | "folder" | "link" | "other";
}

/** What a command is run with. */
export interface RunCommandOptions {
  /** Working folder. */
  cwd: string;
  /** All of its environment. */
  env: Readonly<Record<string, string>>;
  /** Ends it, and what it has started. */
  signal: AbortSignal;
  /** Told of each piece of its output, stdout and stderr as they come. */
  onOutput: (text: string) => void;
}

/** A program that is talked to over its standard streams. */
export interface RunningProgram {
  /** Writes to its standard input; rejects when that is closed. */
  write(text: string): Promise<void>;
  /** Closes its standard input, as a program that reads to the end expects. */
  closeInput(): Promise<void>;
  /** Its standard output. */
  stdout: ReadableStream<Uint8Array>;
  /** Its standard error. */
  stderr: ReadableStream<Uint8Array>;
  /** Resolves to its exit code. */
  ended: Promise<number>;
  /** Closes its standard input, and ends it where it does not end by itself. */
  stop(): Promise<void>;
}

/** The machine as tools see it. */
export interface Workspace {
  /** The working folder. */
  cwd: string;
  /** Operating system: `linux`, `darwin`, `windows`, … */
  os: string;
  /** The whole environment. */
  env(): Record<string, string>;
  /** The path that `path` really leads to; null when there is none. */
  realPath(path: string): Promise<string | null>;
  /** What is at `path`: kind and size in bytes; null when there is nothing. */
  stat(path: string): Promise<{ kind: FolderEntry["kind"]; size: number } | null>;
  /** Up to `limitBytes` of a file, from `offset` on. */
  read(
    path: string,
    options: { offset?: number; limitBytes: number },
  ): Promise<Uint8Array<ArrayBuffer>>;
  /** The entries of a folder, in no order. */
  list(path: string): Promise<FolderEntry[]>;
  /** Runs a command line in the system's shell; resolves to its exit code. */
  run(command: string, options: RunCommandOptions): Promise<number>;
  /** Starts a program without a shell. */
  start(
    command: string,
    args: readonly string[],
    options: { cwd: string; env: Readonly<Record<string, string>> },
  ): Promise<RunningProgram>;
}

/** The absolute path that `path` means in `cwd`, without `.` and `..`. */
export function resolvePath(cwd: string, path: string): string {
  const isAbsolute = /^(\/|[A-Za-z]:[\\/])/.test(path);
  let whole = isAbsolute ? path : `${cwd}/${path}`;
  const drive = /^[A-Za-z]:/.exec(whole)?.[0] ?? "";
  // Elsewhere a backslash may be part of a name.
  if (drive !== "") whole = whole.replaceAll("\\", "/");
  const parts: string[] = [];
  for (const part of whole.slice(drive.length).split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return `${drive}/${parts.join("/")}`;
}

/** Whether `path` is `folder` or inside it. Both absolute and resolved. */
export function isInside(folder: string, path: string): boolean {
  return path === folder || path.startsWith(folder.endsWith("/") ? folder : `${folder}/`);
}

/** `path` as seen from `cwd`, where that is shorter. */
export function shownPath(cwd: string, path: string): string {
  if (path === cwd) return ".";
  return isInside(cwd, path) ? path.slice(cwd.endsWith("/") ? cwd.length : cwd.length + 1) : path;
}
