/**
 * A working folder in memory, with commands that a test writes.
 *
 * @module
 */

import type {
  FolderEntry,
  RunCommandOptions,
  RunningProgram,
  Workspace,
} from "../../src/agent/workspace.ts";

/** What a command does: writes output, resolves to its exit code. */
export type Command = (options: RunCommandOptions) => number | Promise<number>;

/** A working folder. */
export class MemoryWorkspace implements Workspace {
  cwd = "/project";
  os = "linux";
  /** Files by absolute path. */
  readonly files = new Map<string, string | Uint8Array<ArrayBuffer>>();
  /** Links by absolute path, with what they lead to. */
  readonly links = new Map<string, string>();
  /** What a command line does; any other is not found. */
  readonly commands = new Map<string, Command>();
  /** Command lines that were run. */
  readonly ran: { command: string; env: Readonly<Record<string, string>> }[] = [];
  /** The environment. */
  readonly variables: Record<string, string> = { PATH: "/bin", GRANTWAY_KEYS: "k:secret" };
  /** Programs that can be started. */
  readonly programs = new Map<string, (args: readonly string[]) => RunningProgram>();

  env(): Record<string, string> {
    return { ...this.variables };
  }

  #bytes(path: string): Uint8Array<ArrayBuffer> | undefined {
    const content = this.files.get(path);
    return typeof content === "string" ? new TextEncoder().encode(content) : content;
  }

  #resolve(path: string): string {
    for (const [link, target] of this.links) {
      if (path === link || path.startsWith(`${link}/`)) return target + path.slice(link.length);
    }
    return path;
  }

  #isFolder(path: string): boolean {
    return path === this.cwd || path === "/" ||
      [...this.files.keys()].some((name) => name.startsWith(`${path}/`));
  }

  realPath(path: string): Promise<string | null> {
    const real = this.#resolve(path);
    return Promise.resolve(this.files.has(real) || this.#isFolder(real) ? real : null);
  }

  stat(path: string): Promise<{ kind: FolderEntry["kind"]; size: number } | null> {
    const real = this.#resolve(path);
    const bytes = this.#bytes(real);
    if (bytes !== undefined) return Promise.resolve({ kind: "file", size: bytes.length });
    return Promise.resolve(this.#isFolder(real) ? { kind: "folder", size: 0 } : null);
  }

  read(
    path: string,
    { offset = 0, limitBytes }: { offset?: number; limitBytes: number },
  ): Promise<Uint8Array<ArrayBuffer>> {
    const bytes = this.#bytes(this.#resolve(path));
    if (bytes === undefined) return Promise.reject(new Error(`${path} is gone`));
    return Promise.resolve(bytes.slice(offset, offset + limitBytes));
  }

  list(path: string): Promise<FolderEntry[]> {
    const entries = new Map<string, FolderEntry["kind"]>();
    const prefix = path === "/" ? "/" : `${path}/`;
    for (const name of this.files.keys()) {
      if (!name.startsWith(prefix)) continue;
      const [first, ...rest] = name.slice(prefix.length).split("/");
      entries.set(first!, rest.length === 0 ? "file" : "folder");
    }
    for (const name of this.links.keys()) {
      if (name.startsWith(prefix)) entries.set(name.slice(prefix.length), "link");
    }
    return Promise.resolve([...entries].map(([name, kind]) => ({ name, kind })));
  }

  async run(command: string, options: RunCommandOptions): Promise<number> {
    this.ran.push({ command, env: options.env });
    const run = this.commands.get(command);
    if (run === undefined) {
      options.onOutput(`sh: ${command}: not found\n`);
      return 127;
    }
    return await run(options);
  }

  start(command: string, args: readonly string[]): Promise<RunningProgram> {
    const program = this.programs.get(command);
    return program === undefined
      ? Promise.reject(new Error(`${command} is not installed`))
      : Promise.resolve(program(args));
  }
}
