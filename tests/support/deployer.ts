/**
 * The command line on this machine, with the real wrangler and a network that ends in a
 * {@linkcode FakeCloudflare}: what people do who deploy.
 *
 * @module
 */

import config from "../../deno.json" with { type: "json" };
import { createDenoPlatform } from "../../src/adapters/deno/platform.ts";
import { run } from "../../src/cli/main.ts";
import type { Interrupt, OutputStream, Platform } from "../../src/cli/platform.ts";
import { denoDir, downloadEnv } from "./cli.ts";
import { FakeCloudflare } from "./fake_cloudflare.ts";
import type { CommandResult } from "./platform.ts";

/** A user with a home folder and an account of Cloudflare's. */
export class Deployer implements AsyncDisposable {
  /** Cloudflare. */
  readonly cloud = new FakeCloudflare();
  /** Arguments of every program that was started. */
  readonly started: string[][] = [];
  /** The user's folder. */
  readonly user: string;
  /** `GRANTWAY_HOME`. */
  readonly home: string;
  /** Sends an interrupt to the command that runs. */
  interrupt: () => void = () => {};
  readonly #denoDir: string;

  private constructor(user: string, denoDir: string) {
    this.user = user;
    this.home = `${user}/.grantway`;
    this.#denoDir = denoDir;
  }

  /** Sets one up. */
  static async create(): Promise<Deployer> {
    return new Deployer(await Deno.makeTempDir({ prefix: "grantway-deploy-" }), await denoDir());
  }

  /** Runs a command; a text is split at spaces. */
  async run(
    command: string,
    options: { env?: Record<string, string>; onOutput?: (text: string) => void } = {},
  ): Promise<CommandResult> {
    const result = { code: NaN, stdout: "", stderr: "" };
    const stream = (name: "stdout" | "stderr"): OutputStream => ({
      isTerminal: false,
      write: (data) => {
        const text = typeof data === "string" ? data : new TextDecoder().decode(data);
        result[name] += text;
        options.onOutput?.(text);
        return true;
      },
    });
    const env: Record<string, string> = {
      ...downloadEnv(),
      PATH: Deno.env.get("PATH") ?? "",
      HOME: this.user,
      DENO_DIR: this.#denoDir,
      GRANTWAY_HOME: this.home,
      ...this.cloud.env,
      ...options.env,
    };
    const machine = createDenoPlatform();
    const listeners = new Set<(kind: Interrupt) => void>();
    this.interrupt = () => {
      for (const listener of [...listeners]) listener("SIGINT");
    };
    const platform: Platform = {
      ...machine,
      version: config.version,
      args: command.split(" "),
      env: (name) => env[name] || undefined,
      allEnv: () => ({ ...env }),
      userHome: this.user,
      stdout: stream("stdout"),
      stderr: stream("stderr"),
      stdin: {
        isTerminal: false,
        readAll: () => Promise.resolve(""),
        readBytes: () => Promise.resolve(new Uint8Array()),
      },
      fetch: this.cloud.network,
      openWorkspace: async () => {
        const workspace = await machine.openWorkspace();
        return {
          ...workspace,
          start: (command, args, more) => {
            this.started.push([command, ...args]);
            return workspace.start(command, args, more);
          },
        };
      },
      onInterrupt: (listener) => {
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
    };
    result.code = await run(platform);
    return result;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.cloud[Symbol.asyncDispose]();
    await Deno.remove(this.user, { recursive: true });
  }
}
