/**
 * Makes what a command works with. Nothing is read, opened or started before it is asked for.
 *
 * @module
 */

import { createCredentialStore } from "../credentials/credential_store.ts";
import { createSealedStore } from "../credentials/sealed_store.ts";
import { createSealer, parseSealingKeys } from "../credentials/sealing.ts";
import { type EndpointOverrides, resolveEndpoints } from "../providers/endpoints.ts";
import type { Provider } from "../providers/provider.ts";
import { type Config, readConfig } from "./config.ts";
import type { Context } from "./context.ts";
import { UsageError } from "./exit_code.ts";
import type { Globals } from "./global_flags.ts";
import { homePaths, parseEnvFile, rootHome } from "./home.ts";
import type { Interrupts } from "./interrupts.ts";
import type { Output } from "./output.ts";
import type { Platform } from "./platform.ts";
import { createTextFiles } from "./text_files.ts";

/** The record of {@linkcode Context.hostId}. */
const HOST_KEY = "home/id";

/** Creates the context of one run. */
export function createContext(
  platform: Platform,
  output: Output,
  globals: Globals,
  interrupts: Interrupts,
): Context {
  const running = platform.env("GRANTWAY_SANDBOX");
  const embedded = globals.has("--sandbox") && running === undefined;
  const usesSandbox = running !== undefined || embedded;
  const home = homePaths(rootHome(platform), usesSandbox);
  const files = createTextFiles(platform.fileSystem);
  const deferred: (() => Promise<void>)[] = [];
  const context: Context = {
    platform,
    output,
    globals,
    interrupts,
    interactive: platform.stdin.isTerminal && platform.stdout.isTerminal &&
      platform.stderr.isTerminal && !globals.has("--non-interactive") && !output.options.json,
    home,
    files,
    usesSandbox,
    approvesItself: embedded,
    runtime: {
      fetch: platform.fetch,
      now: platform.now,
      sleep: platform.sleep,
      startTimer: platform.startTimer,
      signal: interrupts.signal,
    },
    config: once(() => readConfig(home.config, files)),
    variable: async (name) => {
      const value = platform.env(name);
      return value ?? (await envFile()).get(name);
    },
    get kv() {
      return openKv();
    },
    get sealer() {
      return openSealer();
    },
    get credentials() {
      return openCredentials();
    },
    hostId: once(async () => {
      const stored = await openKv().get(HOST_KEY);
      if (stored !== null) return stored;
      return await openKv().withLease(HOST_KEY, async () => {
        const other = await openKv().get(HOST_KEY);
        if (other !== null) return other;
        const id = crypto.randomUUID();
        await openKv().put(HOST_KEY, id);
        return id;
      });
    }),
    overrides: async (provider) => {
      if (usesSandbox) return { sandbox: await context.sandbox() };
      const config = await context.config();
      const { oauth, apiKey } = provider;
      const overrides: EndpointOverrides = {
        allowLoopback: platform.env("GRANTWAY_ALLOW_LOOPBACK") === "1",
        apiUrl: baseUrlOf(config, provider),
      };
      if (oauth !== undefined) {
        const { variables } = oauth;
        const setting = (name: string) => config.get(`providers.${provider.id}.${name}`);
        overrides.apiUrl = platform.env(variables.apiUrl) ?? overrides.apiUrl;
        overrides.oauthUrl = platform.env(variables.oauthUrl) ?? setting("oauth_url");
        if (variables.profile !== undefined) {
          overrides.profile = platform.env(variables.profile) ?? setting("profile");
        }
        overrides.upstream = setting("upstream");
        overrides.clientId = platform.env(variables.clientId) ?? setting("client_id");
      } else if (apiKey !== undefined) {
        overrides.apiUrl = await context.variable(apiKey.baseUrlVariable) ?? overrides.apiUrl;
      }
      return overrides;
    },
    sandbox: async () => running ?? (embedded ? await startSandbox() : undefined),
    models: once(async () => (await import("./models.ts")).openModels(context)),
    endpoints: async (provider, region) =>
      resolveEndpoints(provider, region, await context.overrides(provider)),
    readInput: async (limitBytes) => {
      let text: string;
      try {
        text = await platform.stdin.readAll(limitBytes);
      } catch (error) {
        if (!(error instanceof RangeError)) throw error;
        throw new UsageError(error.message);
      }
      if (text.includes("\ufffd")) {
        output.warn("Standard input is not all UTF-8; what cannot be read became \ufffd");
      }
      return text;
    },
    defer: (run) => {
      deferred.push(run);
    },
    close: async () => {
      for (let run = deferred.pop(); run !== undefined; run = deferred.pop()) await run();
    },
  };
  const envFile = once(async () => parseEnvFile(await files.read(home.env) ?? ""));
  const openSealer = onceSync(() => {
    // Of the environment alone: a key in `.env` would lie beside what it seals.
    const keys = platform.env("GRANTWAY_KEYS");
    return keys === undefined ? undefined : createSealer(parseSealingKeys(keys));
  });
  const openKv = onceSync(() =>
    createSealedStore(platform.openStore(home.path, output.warn), {
      sealer: openSealer(),
      acceptsPlain: true,
    })
  );
  const openCredentials = onceSync(() => createCredentialStore(openKv(), openKv()));
  const startSandbox = once(async () => {
    const { startEmbeddedSandbox } = await import("./embedded_sandbox.ts");
    return await startEmbeddedSandbox(context);
  });
  if (globals.has("--trace")) {
    // Loaded on the first request: most runs trace nothing.
    const open = once(async () => {
      const { openTrace } = await import("./trace_file.ts");
      return openTrace(context);
    });
    context.runtime.fetch = async (input, init) => (await open())(input, init);
  }
  return context;
}

/**
 * `model.base_url`, where it is the user's own: the value that a login writes is the region's own URL,
 * and the region of the credential decides about that.
 */
function baseUrlOf(config: Config, provider: Provider): string | undefined {
  const value = config.get("model.base_url");
  if (value === undefined || config.get("model.provider") !== provider.id) return undefined;
  const url = value.replace(/\/+$/, "");
  return provider.regions.some(({ apiBaseUrl }) => apiBaseUrl === url) ? undefined : url;
}

/** Runs once; what failed is tried again, for it may have been mended meanwhile. */
function once<T>(run: () => Promise<T>): () => Promise<T> {
  let result: Promise<T> | undefined;
  return () =>
    result ??= run().catch((error) => {
      result = undefined;
      throw error;
    });
}

function onceSync<T>(run: () => T): () => T {
  let result: { value: T } | undefined;
  return () => (result ??= { value: run() }).value;
}
