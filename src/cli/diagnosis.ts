/**
 * What `doctor` looks at, section by section. One failing check never hides another.
 *
 * @module
 */

import { displayText } from "../core/redact.ts";
import { statusOf } from "../credentials/credential_status.ts";
import { listAllKeys } from "../credentials/kv_store.ts";
import { PROVIDERS } from "../providers/mod.ts";
import { credentialsOf, loginCommand } from "./accounts.ts";
import type { Context } from "./context.ts";
import { durationText } from "./credential_view.ts";
import { readGatewayTexts } from "./gateway_settings.ts";
import { openBooks } from "./gateway_books.ts";
import { describeError } from "./output.ts";

/** One thing looked at. */
export interface Check {
  /** The finding's weight. */
  status: "ok" | "warning" | "error";
  /** The finding, one line. */
  text: string;
  /** More lines. */
  details?: string[];
  /** What mends it. */
  command?: string;
  /** How `--fix` mends it: the question to ask first, and what then says what was done. */
  repair?: { question: string; run: () => Promise<string> };
}

/** One subject. */
export interface Section {
  /** Its title. */
  name: string;
  /** Its findings. */
  checks: Check[];
}

/** Looks at everything. */
export async function inspect(context: Context): Promise<Section[]> {
  return [
    { name: "Home", checks: await guarded(() => inspectHome(context)) },
    { name: "Store", checks: await guarded(() => inspectStore(context)) },
    { name: "Configuration", checks: await guarded(() => inspectConfig(context)) },
    ...await inspectConversations(context),
    { name: "Gateway", checks: await guarded(() => inspectGateway(context)) },
    { name: "Endpoints", checks: await guarded(() => inspectEndpoints(context)) },
    { name: "Auth Providers", checks: await inspectProviders(context) },
  ];
}

async function guarded(run: () => Promise<Check[]>): Promise<Check[]> {
  try {
    return await run();
  } catch (error) {
    return [failed("could not check", error)];
  }
}

function failed(what: string, error: unknown): Check {
  const { message, hint } = describeError(error);
  return { status: "error", text: `${what}: ${message}`, ...(hint ? { details: [hint] } : {}) };
}

async function inspectHome({ home, platform }: Context): Promise<Check[]> {
  const stat = await platform.stat(home.path);
  if (stat === null) {
    return [{ status: "ok", text: `${home.path} does not exist yet; the first login makes it` }];
  }
  if (!stat.isDirectory) return [{ status: "error", text: `${home.path} is not a folder` }];
  if (!stat.isOwn) return [{ status: "error", text: `${home.path} belongs to another user` }];
  return [loose(home.path, stat.mode, 0o700) ?? { status: "ok", text: `${home.path} (0700)` }];
}

/** The finding when others than the owner may read a path. */
function loose(path: string, mode: number, right: number): Check | undefined {
  if ((mode & 0o077) === 0) return undefined;
  const octal = (value: number) => (value & 0o777).toString(8).padStart(4, "0");
  return {
    status: "warning",
    text: `${path} is open to other users (${octal(mode)})`,
    command: `chmod ${octal(right)} ${path}`,
  };
}

async function inspectStore(context: Context): Promise<Check[]> {
  const { home, platform } = context;
  const stat = await platform.stat(home.auth);
  if (stat === null) return [{ status: "ok", text: "no credentials stored yet" }];
  const checks: Check[] = [];
  const open = loose(home.auth, stat.mode, 0o600);
  if (open) checks.push(open);
  try {
    const count = (await context.credentials.list()).length;
    checks.push({
      status: "ok",
      text: `auth.json holds ${count} credential${count === 1 ? "" : "s"}`,
    });
    checks.push(await inspectSealing(context));
  } catch (error) {
    const check = failed("auth.json", error);
    if ((error as { code?: unknown }).code === "storage_corrupt") {
      check.repair = setAside(context, home.auth);
      check.command = fixCommand(context);
      delete check.details;
    }
    checks.push(check);
  }
  return checks;
}

/** Whether secrets are sealed on the disk, and with the key that they should be. */
async function inspectSealing(context: Context): Promise<Check> {
  const { kv, sealer } = context;
  if (sealer === undefined) {
    return { status: "ok", text: "not sealed: GRANTWAY_KEYS is not set" };
  }
  const keys = await listAllKeys(kv, "");
  const states = await Promise.all(keys.map((key) => kv.sealState(key)));
  const behind = keys.filter((_, i) => {
    const state = states[i]!;
    return state.kind === "plain" || (state.kind === "sealed" && state.keyId !== sealer.keyId);
  });
  if (behind.length === 0) return { status: "ok", text: `sealed with the key ${sealer.keyId}` };
  const plain = states.filter(({ kind }) => kind === "plain").length;
  const records = `${behind.length} record${behind.length === 1 ? "" : "s"}`;
  return {
    status: "warning",
    text: `${records} not yet sealed with the key ${sealer.keyId}, ${plain} of them not at all; ` +
      "each is with its next write",
    command: fixCommand(context),
    repair: {
      question: `Seal ${records} with the key ${sealer.keyId} now?`,
      run: async () => {
        for (const key of behind) {
          await kv.withLease(key, async () => {
            const value = await kv.get(key);
            if (value !== null) await kv.put(key, value);
          });
        }
        return `Sealed ${records} with the key ${sealer.keyId}`;
      },
    },
  };
}

/** The command that makes the repairs. */
function fixCommand(context: Context): string {
  return `grantway doctor --fix${flag(context)}`;
}

/** What every command of this run needs. */
function flag({ approvesItself }: Context): string {
  return approvesItself ? " --sandbox" : "";
}

/** A repair that renames a broken file, so that a fresh one can take its place. */
function setAside(context: Context, path: string): NonNullable<Check["repair"]> {
  const stamp = new Date(context.platform.now()).toISOString().replace(/[:.]/g, "-");
  const aside = `${path}.broken-${stamp}`;
  return {
    question: `Set ${path} aside as ${aside}?`,
    run: async () => {
      await context.files.rename(path, aside);
      return `Set aside: ${aside}`;
    },
  };
}

async function inspectConfig(context: Context): Promise<Check[]> {
  const { home, platform } = context;
  if (await platform.stat(home.config) === null) {
    return [{ status: "ok", text: "config.yaml does not exist yet; defaults hold" }];
  }
  try {
    const config = await context.config();
    const entries = [
      ...config.entries(),
      ...(await readGatewayTexts(config).catch(() => []))
        .map(([name, text]) => [`gateway.${name}`, text] as const),
    ];
    return [{
      status: "ok",
      text: "config.yaml",
      details: entries.map(([key, value]) => `${key} = ${displayText(value)}`),
    }];
  } catch (error) {
    const check = failed("config.yaml", error);
    check.repair = setAside(context, home.config);
    check.command = fixCommand(context);
    delete check.details;
    return [check];
  }
}

/** Conversations that cannot be read; nothing where all can. */
async function inspectConversations(context: Context): Promise<Section[]> {
  const checks = await guarded(async () => {
    const { openHistory } = await import("./chat/history.ts");
    return (await (await openHistory(context)).findBroken()).map((id): Check => ({
      status: "warning",
      text: `conversation ${id} cannot be read`,
      command: fixCommand(context),
      repair: setAside(context, `${context.home.conversations}/${id}.jsonl`),
    }));
  });
  return checks.length === 0 ? [] : [{ name: "Conversations", checks }];
}

async function inspectGateway(context: Context): Promise<Check[]> {
  const { home, platform } = context;
  const checks: Check[] = [];
  const { owner, settings, usage } = openBooks(context);
  const stat = await platform.stat(home.gateway);
  try {
    const now = platform.now();
    const keys = await owner.list();
    const good = keys.filter(({ expiresAt }) => expiresAt === undefined || expiresAt > now).length;
    checks.push({
      status: "ok",
      text: good === 0
        ? `no client key that is good; make one with: grantway gateway keys create <name>${
          flag(context)
        }`
        : `${good} client key${good === 1 ? "" : "s"}`,
    });
    await usage.report();
  } catch (error) {
    const check = failed("gateway.json", error);
    if ((error as { code?: unknown }).code === "storage_corrupt") {
      check.repair = setAside(context, home.gateway);
      check.command = fixCommand(context);
      delete check.details;
    }
    checks.push(check);
  }
  const open = stat === null ? undefined : loose(home.gateway, stat.mode, 0o600);
  if (open) checks.push(open);
  try {
    // A broken file is told above.
    await context.config();
  } catch {
    return checks;
  }
  try {
    await settings.read();
  } catch (error) {
    checks.push(failed("its settings", error));
  }
  return checks;
}

async function inspectEndpoints(context: Context): Promise<Check[]> {
  const checks: Check[] = [];
  // A broken configuration would be the finding of every line.
  await context.config();
  for (const provider of PROVIDERS) {
    for (const region of provider.regions) {
      const name = provider.regions.length > 1 ? `${provider.id} (${region.id})` : provider.id;
      try {
        const { apiBaseUrl } = await context.endpoints(provider, region);
        const isOwn = apiBaseUrl === region.apiBaseUrl;
        checks.push({
          status: isOwn || context.usesSandbox ? "ok" : "warning",
          text: `${name}: ${apiBaseUrl}${isOwn ? "" : " (replaced)"}`,
        });
      } catch (error) {
        checks.push(failed(name, error));
      }
    }
  }
  checks.push(await inspectModels(context));
  return checks;
}

/** Where the list of models comes from. */
async function inspectModels(context: Context): Promise<Check> {
  try {
    const { modelsDevUrl } = await import("./models.ts");
    const { MODELS_DEV_URL } = await import("../providers/models_dev_request.ts");
    const url = modelsDevUrl(context);
    const isOwn = url === MODELS_DEV_URL;
    return {
      status: isOwn ? "ok" : "warning",
      text: `models: ${url}${isOwn ? "" : " (replaced)"}`,
    };
  } catch (error) {
    return failed("models", error);
  }
}

async function inspectProviders(context: Context): Promise<Check[]> {
  const checks: Check[] = [];
  try {
    await context.credentials.list();
  } catch {
    // Why is told above, and would be the finding of every line.
    return [{ status: "warning", text: "not known while auth.json cannot be read" }];
  }
  for (const provider of PROVIDERS) {
    try {
      const credentials = await credentialsOf(context, provider);
      const logins = credentials.filter(({ source }) => source === "login");
      const now = context.platform.now();
      for (const credential of logins) {
        const status = statusOf(credential, now);
        const command = loginCommand(context, provider);
        const place = provider.regions.length > 1 || provider.oauthVia !== undefined
          ? `, region=${credential.region}`
          : "";
        const label = `${place}${logins.length > 1 ? `, ${credential.label}` : ""}`;
        const name = `${provider.shortName} (logged in${label})`;
        switch (status.state) {
          case "valid":
            checks.push({ status: "ok", text: name });
            break;
          case "refreshable":
            checks.push({
              status: "ok",
              text: name,
              details: [
                `access token expired ${
                  durationText(status.expiredMs)
                } ago; the next use refreshes it`,
              ],
            });
            break;
          case "uncertain":
            checks.push({
              status: "warning",
              text: name,
              details: ["a refresh was sent and its answer is not known; the next use settles it"],
            });
            break;
          case "needs_login":
            checks.push({
              status: "warning",
              text: `${provider.shortName} (needs login${label})`,
              details: [status.reason],
              command,
            });
        }
      }
      if (logins.length > 0) continue;
      const key = await apiKeyName(context, provider.id);
      checks.push(
        key !== undefined ? { status: "ok", text: `${provider.shortName} (${key})` } : {
          status: "warning",
          text: `${provider.shortName} (${
            provider.oauth !== undefined
              ? "not logged in"
              : provider.oauthVia !== undefined
              ? "not logged in, no API key"
              : "no API key"
          })`,
          command: loginCommand(context, provider),
        },
      );
    } catch (error) {
      checks.push(failed(provider.shortName, error));
    }
  }
  return checks;
}

async function apiKeyName(context: Context, id: string): Promise<string | undefined> {
  const provider = PROVIDERS.find((provider) => provider.id === id)!;
  for (const name of provider.apiKey?.variables ?? []) {
    if (await context.variable(name) !== undefined) return `API key of ${name}`;
  }
  const stored = (await context.credentials.list(id)).find(({ source }) => source === "api_key");
  return stored === undefined ? undefined : `stored API key ${stored.label}`;
}
