/**
 * A gateway elsewhere, such as one's Worker, by its admin API: what `--remote` leads to.
 *
 * The admin token goes to that gateway alone: over https, or on this machine, and behind no redirect.
 *
 * @module
 */

import type { Command } from "commander";
import { GrantwayError } from "../../core/errors.ts";
import { isJsonObject, isLoopbackUrl, type JsonObject, readBoundedText } from "../../core/http.ts";
import { displayText } from "../../core/redact.ts";
import { Secret } from "../../core/secret.ts";
import type { SignIns } from "../../credentials/sign_in.ts";
import type { SignInView } from "../../credentials/sign_in_record.ts";
import type { AdminAccount } from "../../gateway/admin/accounts.ts";
import type { SweepPage } from "../../credentials/seal_sweep.ts";
import type { AdminSection, ApiKeyVariable } from "../../gateway/admin/options.ts";
import type { ClientKeyStore } from "../../gateway/client_key_store.ts";
import type { ClientKey } from "../../gateway/client_keys.ts";
import type { SettingTexts } from "../../gateway/settings_source.ts";
import type { UsageQuery, UsageRow } from "../../gateway/usage.ts";
import type { Context } from "../context.ts";
import { findAdminToken } from "../deploy/deployments.ts";
import { isErrorCode, UsageError } from "../exit_code.ts";

/** A gateway elsewhere. Every method rejects with what that gateway says. */
export interface RemoteGateway {
  /** `https://gateway.example`. */
  origin: string;
  /** Its accounts, and its API keys from variables. */
  accounts(): Promise<{ accounts: AdminAccount[]; variables: ApiKeyVariable[] }>;
  /** Signs out; false when there is no such account. */
  removeAccount(provider: string, id: string): Promise<boolean>;
  /** Signs in. */
  signIns: SignIns;
  /** Its client keys. */
  keys: ClientKeyStore;
  /** Its settings. */
  settings: RemoteSettings;
  /**
   * Goes over what is sealed there, page by page: what older keys have sealed is sealed anew, or only
   * counted. Rejects with `not_found` where the gateway is not on a Worker.
   */
  sweep(isChanging: boolean): AsyncGenerator<SweepPage>;
  /** Its books, from that day on. */
  usage(query?: Pick<UsageQuery, "from">): Promise<UsageRow[]>;
  /** What is in order there, and what is not. */
  doctor(): Promise<AdminSection[]>;
}

/** The settings of a gateway elsewhere. */
export interface RemoteSettings {
  /** What is set. */
  read(): Promise<SettingTexts>;
  /** Sets one. */
  set(name: string, value: string): Promise<void>;
  /** Removes one; whether it was set. */
  unset(name: string): Promise<boolean>;
}

/** Adds `--remote` to a command. */
export function addRemoteOption(command: Command): Command {
  return command.option("--remote <url>", "ask the gateway there, such as your Worker");
}

const TOKEN_VARIABLE = "GRANTWAY_ADMIN_TOKEN";
const MAX_TOKEN_BYTES = 4_096;
const MAX_ANSWER_BYTES = 8 * 1024 * 1024;
const MAX_TEXT = 4_096;
const TIMEOUT_MS = 30_000;
/** A login is stored meanwhile. */
const LONG_TIMEOUT_MS = 120_000;

/**
 * Opens the gateway at `url`; nothing is sent yet. Without `known`, the admin token is the variable's,
 * else that of the gateway which was deployed from this home, else it is asked for.
 *
 * @throws {UsageError} For an address that the admin token must not go to, or without a token.
 */
export async function openRemote(
  context: Context,
  url: string,
  known?: Secret,
): Promise<RemoteGateway> {
  const { platform, interrupts, runtime } = context;
  const origin = parseOrigin(url);
  const token = known ?? await readToken(context, origin);

  async function send(
    method: string,
    path: string,
    body: JsonObject | undefined,
    timeoutMs: number,
  ): Promise<Response> {
    const end = new AbortController();
    const late = new AbortController();
    // What cancels is sent when the user has already interrupted.
    const signals = method === "DELETE" ? [late.signal] : [late.signal, interrupts.signal];
    platform.sleep(timeoutMs, end.signal).then(() => late.abort(), () => {});
    try {
      const response = await runtime.fetch!(`${origin}/admin/api/${path}`, {
        method,
        redirect: "manual",
        signal: AbortSignal.any(signals),
        headers: {
          authorization: `Bearer ${token.expose()}`,
          accept: "application/json",
          ...(body === undefined ? {} : { "content-type": "application/json" }),
        },
        body: body === undefined ? null : JSON.stringify(body),
      });
      const text = await readBoundedText(response.body, MAX_ANSWER_BYTES);
      return new Response(text, { status: response.status || 302 });
    } catch (cause) {
      if (interrupts.signal.aborted) throw interrupts.signal.reason;
      if (late.signal.aborted) {
        throw new GrantwayError("timeout", `Cannot ask ${origin}: no answer in time`, { cause });
      }
      throw new GrantwayError("network", `Cannot reach the gateway at ${origin}`, {
        cause,
        retryable: true,
        hint: "Check the address, and that the gateway runs",
      });
    } finally {
      end.abort();
    }
  }

  async function call<T>(
    method: string,
    parts: readonly string[],
    body?: JsonObject,
    timeoutMs = TIMEOUT_MS,
    query = "",
  ): Promise<T> {
    const path = parts.map((part) => encodeURIComponent(part)).join("/");
    const response = await send(method, `${path}${query}`, body, timeoutMs);
    let answer: unknown;
    try {
      answer = printable(await response.json());
    } catch {
      answer = undefined;
    }
    if (response.ok && isJsonObject(answer)) return answer as T;
    throw toError(origin, response.status, answer);
  }

  /** Null where the gateway says that there is none. */
  const orNull = <T>(asked: Promise<T>): Promise<T | null> =>
    asked.catch((error) => {
      if (error instanceof GrantwayError && error.code === "not_found") return null;
      throw error;
    });

  return {
    origin,

    accounts: () => call("GET", ["accounts"]),

    removeAccount: async (provider, id) =>
      await orNull(call("DELETE", ["accounts", provider, id], undefined, LONG_TIMEOUT_MS)) !== null,

    signIns: {
      start: async (request) => {
        const { signIn } = await call<{ signIn: SignInView }>("POST", ["sign-ins"], { ...request });
        return signIn;
      },
      read: async (id) => {
        const found = await orNull(call<{ signIn: SignInView }>("GET", ["sign-ins", id]));
        return found && found.signIn;
      },
      confirm: async (id, account) => {
        const path = ["sign-ins", id, "confirm"];
        const body = account === undefined ? {} : { account };
        const { signIn } = await call<{ signIn: SignInView }>("POST", path, body, LONG_TIMEOUT_MS);
        return signIn;
      },
      cancel: async (id) => await orNull(call("DELETE", ["sign-ins", id])) !== null,
    },

    keys: {
      create: async ({ name, scope, expiresAt, limits }) => {
        const wanted = { name, scope, expiresAt, limits };
        const { key, secret } = await call<{ key: ClientKey; secret: string }>(
          "POST",
          ["keys"],
          wanted,
        );
        return { key, secret: new Secret(secret) };
      },
      list: async () => (await call<{ keys: ClientKey[] }>("GET", ["keys"])).keys,
      revoke: async (target) => (await call<{ key: ClientKey }>("DELETE", ["keys", target])).key,
    },

    settings: {
      read: async () => {
        const { settings } = await call<{ settings: Record<string, string> }>("GET", ["settings"]);
        return Object.entries(settings);
      },
      set: async (name, value) => {
        await call("PUT", ["settings", name], { value });
      },
      unset: async (name) => (await call<{ wasSet: boolean }>("DELETE", ["settings", name])).wasSet,
    },

    sweep: async function* (isChanging) {
      let cursor: string | undefined;
      do {
        const query = cursor === undefined ? "" : `?cursor=${encodeURIComponent(cursor)}`;
        const method = isChanging ? "POST" : "GET";
        const page: SweepPage = await call(method, ["seals"], undefined, LONG_TIMEOUT_MS, query);
        cursor = page.cursor;
        yield page;
      } while (cursor !== undefined);
    },

    usage: async ({ from } = {}) => {
      const query = from === undefined ? "" : `?from=${from}`;
      const path = ["usage"];
      return (await call<{ rows: UsageRow[] }>("GET", path, undefined, TIMEOUT_MS, query)).rows;
    },

    doctor: async () => (await call<{ sections: AdminSection[] }>("GET", ["doctor"])).sections,
  };
}

function parseOrigin(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const shown = displayText(text, 100);
  if (url === undefined || (url.protocol !== "https:" && url.protocol !== "http:")) {
    throw new UsageError(`--remote takes the address of a gateway, not "${shown}"`, EXAMPLE);
  }
  if (url.protocol === "http:" && !isLoopbackUrl(url)) {
    throw new UsageError("--remote takes https: the admin token would be readable on its way");
  }
  const isBare = url.username === "" && url.password === "" && url.search === "" &&
    url.hash === "" && /^\/(admin\/?)?$/.test(url.pathname);
  if (!isBare) {
    throw new UsageError("--remote takes a scheme and a host, and nothing behind", EXAMPLE);
  }
  return url.origin;
}

const EXAMPLE = "Such as: --remote https://grantway.example.workers.dev";

async function readToken(context: Context, origin: string): Promise<Secret> {
  const { platform, interactive } = context;
  let text = await context.variable(TOKEN_VARIABLE) ??
    (await findAdminToken(context, origin))?.expose();
  if (text === undefined && interactive) {
    const { askSecret } = await import("../prompts.ts");
    text = await askSecret(`Admin token of ${origin}`);
  } else if (text === undefined && !platform.stdin.isTerminal) {
    text = await context.readInput(MAX_TOKEN_BYTES);
  }
  const token = text?.trim() ?? "";
  if (/^[\x21-\x7e]+$/.test(token)) return new Secret(token);
  throw new UsageError(
    token === "" ? `--remote needs the admin token of ${origin}` : "That is no admin token",
    `Set ${TOKEN_VARIABLE}, or write it to standard input`,
  );
}

/** Nothing that a gateway says may do more to a terminal than be read. */
export function printable(value: unknown): unknown {
  if (typeof value === "string") return displayText(value, MAX_TEXT);
  if (Array.isArray(value)) return value.map(printable);
  if (!isJsonObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [displayText(name, MAX_TEXT), printable(member)]),
  );
}

function toError(origin: string, status: number, answer: unknown): GrantwayError {
  const error = isJsonObject(answer) && isJsonObject(answer["error"]) ? answer["error"] : {};
  const { code, message, hint, retryable } = error;
  if (typeof code === "string" && isErrorCode(code) && typeof message === "string") {
    return new GrantwayError(code, message, {
      status,
      retryable: retryable === true,
      hint: typeof hint === "string" ? hint : undefined,
    });
  }
  if (status >= 300 && status <= 399) {
    return new GrantwayError("invalid_response", `${origin} leads elsewhere`, {
      status,
      hint: "Give --remote the address that it leads to: a token follows no redirect",
    });
  }
  return new GrantwayError(
    status >= 500 ? "upstream" : "invalid_response",
    `${origin} answered ${status}, and not as a gateway with an admin side does`,
    { status, hint: "Check the address, and that the newest version is deployed there" },
  );
}
