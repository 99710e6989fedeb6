/**
 * The real command line as a child process: its own home, a clean environment, the permissions that
 * users are told to give, and a sandbox in this process on a real socket.
 *
 * Most of what the command line does is shown faster by `platform.ts`; this is for what only a
 * process can show.
 *
 * @module
 */

import config from "../../deno.json" with { type: "json" };
import { sleep } from "../../src/core/runtime.ts";
import { openFileStore } from "../../src/adapters/deno/file_store.ts";
import { createCredentialStore, loginWithUserCode, storeLogin } from "../../src/credentials/mod.ts";
import { findProvider, findRegion } from "../../src/providers/mod.ts";
import { createSandbox, type Sandbox, type SandboxOptions } from "../../src/sandbox/mod.ts";
import { refuseMintedSecrets } from "./minted_secrets.ts";

const PROGRAM = new URL("../../src/cli.ts", import.meta.url).pathname;
const PERMISSIONS = config.tasks.cli.split(" ").filter((word) => word.startsWith("--allow-"));

/** `deno` and its arguments up to the program's own. */
export const COMMAND: readonly string[] = [
  Deno.execPath(),
  "run",
  "--quiet",
  "--no-check",
  ...PERMISSIONS,
  PROGRAM,
];

let cacheFolder: Promise<string> | undefined;

/** Deno's cache, which must not follow the child's HOME. */
export function denoDir(): Promise<string> {
  cacheFolder ??= new Deno.Command(Deno.execPath(), { args: ["info", "--json"] }).output()
    .then(({ stdout }) => JSON.parse(new TextDecoder().decode(stdout)).denoDir);
  return cacheFolder;
}

const NETWORK =
  /^(deno_cert|deno_tls_ca_store|node_extra_ca_certs|ssl_cert_(file|dir)|npm_config_registry)$/i;

/** The variables without which a child cannot download a package on this machine. */
export function downloadEnv(): Record<string, string> {
  return Object.fromEntries(
    Object.entries(Deno.env.toObject()).filter(([name]) => NETWORK.test(name)),
  );
}

/** What a child left behind. */
export interface ChildResult {
  code: number;
  stdout: string;
  stderr: string;
}

/** How a child runs. */
export interface ChildOptions {
  /** Variables besides the clean ones; an empty text unsets one. */
  env?: Record<string, string>;
  /** Standard input. Default: none at all. */
  stdin?: string | Uint8Array<ArrayBuffer>;
  /** Another working folder. */
  cwd?: string;
}

/** A child that runs. */
export interface Child {
  /** Sends a signal. */
  kill: (signal: Deno.Signal) => void;
  /**
   * Resolves to its stdout so far when that or stderr includes `text`; rejects when it ends before.
   */
  said: (text: string) => Promise<string>;
  /** Resolves at its end. */
  result: Promise<ChildResult>;
}

/** How a place for children is set up. */
export interface CliOptions extends SandboxOptions {
  /** No sandbox: nothing answers. */
  offline?: boolean;
}

/** A home folder and a sandbox, for any number of children. */
export class TestCli implements AsyncDisposable {
  /** The sandbox that answers. */
  readonly sandbox: Sandbox;
  /** `GRANTWAY_HOME`. */
  readonly root: string;
  /** Where the children's files are: the sandbox's part of the home. */
  readonly home: string;
  /** `http://127.0.0.1:PORT`. */
  readonly origin: string;
  readonly #server: Deno.HttpServer | undefined;
  readonly #env: Record<string, string>;
  readonly #user: string;

  private constructor(
    user: string,
    sandbox: Sandbox,
    server: Deno.HttpServer<Deno.NetAddr> | undefined,
    cache: string,
  ) {
    this.#user = user;
    this.root = `${user}/.grantway`;
    this.sandbox = sandbox;
    this.#server = server;
    this.origin = server === undefined ? "" : `http://127.0.0.1:${server.addr.port}`;
    this.home = server === undefined ? this.root : `${this.root}/sandbox`;
    this.#env = {
      PATH: Deno.env.get("PATH") ?? "",
      HOME: user,
      DENO_DIR: cache,
      DENO_NO_UPDATE_CHECK: "1",
      GRANTWAY_HOME: this.root,
      ...(server === undefined ? {} : { GRANTWAY_SANDBOX: this.origin }),
    };
  }

  /** Sets one up. */
  static async create({ offline = false, ...options }: CliOptions = {}): Promise<TestCli> {
    const cache = await denoDir();
    const user = await Deno.makeTempDir({ prefix: "grantway-test-" });
    const sandbox = createSandbox({ autoApprove: true, pollIntervalMs: 1_000, ...options });
    const server = offline ? undefined : Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen: () => {}, onError: () => new Response(null) },
      (request) => sandbox.handle(request),
    );
    return new TestCli(user, sandbox, server, cache);
  }

  /** The environment of a child. */
  env(more: Record<string, string> = {}): Record<string, string> {
    const env = { ...this.#env, ...more };
    return Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ""));
  }

  /** Starts a child. */
  spawn(args: readonly string[], options: ChildOptions = {}): Child {
    const [command, ...first] = COMMAND;
    const child = new Deno.Command(command!, {
      args: [...first, ...args],
      env: this.env(options.env),
      clearEnv: true,
      cwd: options.cwd ?? this.#user,
      stdin: options.stdin === undefined ? "null" : "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const output = { stdout: "", stderr: "" };
    const waiting = new Set<() => void>();
    const read = async (name: "stdout" | "stderr") => {
      for await (const text of child[name].pipeThrough(new TextDecoderStream())) {
        output[name] += text;
        for (const look of [...waiting]) look();
      }
    };
    const write = async () => {
      if (options.stdin === undefined) return;
      const bytes = typeof options.stdin === "string"
        ? new TextEncoder().encode(options.stdin)
        : options.stdin;
      // A child that ends early closes the pipe.
      await new Blob([bytes]).stream().pipeTo(child.stdin).catch(() => {});
    };
    const result = Promise.all([child.status, read("stdout"), read("stderr"), write()])
      .then(([{ code }]) => {
        refuseMintedSecrets(args.join(" "), output.stdout, output.stderr);
        return { code, ...output };
      });
    return {
      kill: (signal) => child.kill(signal),
      said: (text) =>
        new Promise((resolve, reject) => {
          const look = () => {
            const { stdout, stderr } = output;
            if (![stdout, stderr].some((said) => said.includes(text))) return;
            waiting.delete(look);
            resolve(stdout);
          };
          waiting.add(look);
          look();
          result.then(() =>
            reject(new Error(`It ended without saying "${text}": ${JSON.stringify(output)}`))
          );
        }),
      result,
    };
  }

  /** Runs a child to its end. A text is split at spaces. */
  run(command: string | readonly string[], options: ChildOptions = {}): Promise<ChildResult> {
    const args = typeof command === "string" ? command.split(" ").filter(Boolean) : command;
    return this.spawn(args, options).result;
  }

  /** Runs a shell script in which `$grantway` is the program. */
  async shell(script: string, more: Record<string, string> = {}): Promise<ChildResult> {
    const child = await new Deno.Command("bash", {
      args: ["-c", `grantway() { ${COMMAND.join(" ")} "$@"; }; ${script}`],
      env: this.env(more),
      clearEnv: true,
      cwd: this.#user,
      stdin: "null",
    }).output();
    const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
    const result = { code: child.code, stdout: text(child.stdout), stderr: text(child.stderr) };
    refuseMintedSecrets(script, result.stdout, result.stderr);
    return result;
  }

  /** Stores a login without a child, which would have to wait for the first poll. */
  async signIn({ region = "global", label }: { region?: string; label?: string } = {}): Promise<
    void
  > {
    const provider = findProvider("minimax-oauth")!;
    const grant = await loginWithUserCode(provider, findRegion(provider, region)!, {
      fetch: this.sandbox.fetch as typeof fetch,
      sleep: () => sleep(0),
      overrides: { sandbox: this.origin },
      onEvent: (event) => event.type === "code" && this.sandbox.approve(event.userCode),
    });
    const store = openFileStore(this.home);
    const host = await store.get("home/id") ?? crypto.randomUUID();
    await store.put("home/id", host);
    await storeLogin(createCredentialStore(store, store), grant, {
      label,
      owner: { host, createdAt: Date.now() },
    });
  }

  /** What is stored, as it is on the disk. */
  // deno-lint-ignore no-explicit-any -- a JSON document whose shape the test states
  async stored(): Promise<any[]> {
    const document = JSON.parse(await Deno.readTextFile(`${this.home}/auth.json`));
    return document.providers["minimax-oauth"] ?? [];
  }

  /** Everything in the home folder, paths with contents, to see that nothing changed. */
  async tree(folder = this.root): Promise<string[]> {
    const lines: string[] = [];
    const entries = await Array.fromAsync(Deno.readDir(folder)).catch(() => []);
    for (const { name, isDirectory, isFile } of entries) {
      const path = `${folder}/${name}`;
      const { mode } = await Deno.lstat(path);
      lines.push(`${path} ${mode!.toString(8)} ${isFile ? await Deno.readTextFile(path) : ""}`);
      if (isDirectory) lines.push(...await this.tree(path));
    }
    return lines.sort();
  }

  /** Stops the sandbox and removes the home, which has secrets in its stores alone. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server?.shutdown();
    const files = (await this.tree()).filter((line) => !/^\S*\/auth\.json\S* /.test(line));
    refuseMintedSecrets("a file of the home", ...files);
    await Deno.remove(this.#user, { recursive: true });
  }
}
