/**
 * A home folder for the gateway alone: a login of MiniMax at the sandbox, and a client key.
 *
 * @module
 */

import { createSandbox } from "../../../src/sandbox/mod.ts";

/** The program that is measured. */
export const CLI = new URL("../../../src/cli.ts", import.meta.url).pathname;

/** A home folder. */
export interface Home {
  /** The client key. */
  key: string;
  /** The variables of a gateway that takes what listens at `upstream` for MiniMax. */
  env(upstream: string): Record<string, string>;
  /** Removes it. */
  remove(): Promise<void>;
}

/** Creates one. Its key may have `concurrent` requests at once. */
export async function createHome(concurrent: number): Promise<Home> {
  const path = await Deno.makeTempDir({ prefix: "grantway-home-" });
  const env = (upstream: string) => ({
    DENO_NO_UPDATE_CHECK: "1",
    GRANTWAY_HOME: path,
    GRANTWAY_SANDBOX: upstream,
  });
  // Nothing shall have to be refreshed: what plays MiniMax later could not.
  const sandbox = createSandbox({ autoApprove: true, accessTokenTtlMs: 86_400_000 });
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    (request) => sandbox.handle(request),
  );
  const grantway = async (...args: string[]) => {
    const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--no-check", "--allow-all", CLI, ...args],
      env: env(`http://127.0.0.1:${server.addr.port}`),
      stdin: "null",
    }).output();
    if (!success) throw new Error(new TextDecoder().decode(stderr));
    return new TextDecoder().decode(stdout).trim();
  };
  try {
    await grantway("auth", "add", "minimax-oauth", "--no-browser");
    const key = await grantway(
      ...["gateway", "keys", "create", "bench", "--concurrent", `${concurrent}`],
    );
    return { key, env, remove: () => Deno.remove(path, { recursive: true }) };
  } finally {
    await server.shutdown();
  }
}
