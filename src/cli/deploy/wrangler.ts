/**
 * Cloudflare, by way of its own tool: wrangler signs in, knows the account, and speaks the API.
 *
 * It runs under this program's Deno, so nothing has to be installed; the first run downloads it.
 *
 * @module
 */

import { GrantwayError } from "../../core/errors.ts";
import { isJsonObject, type JsonObject } from "../../core/http.ts";
import { displayText } from "../../core/redact.ts";
import type { Context } from "../context.ts";
import { type ChildOptions, type ChildResult, runDeno } from "./child.ts";

/** The version that is tested with this one. */
const VERSION = "4.116.0";

/** How users run wrangler themselves, in a message. */
export const WRANGLER_COMMAND: string = `deno run -A npm:wrangler@${VERSION}`;

/** The API's code for a Worker that is not there. */
const NO_SUCH_WORKER = /\[code: (?:10007|10090)\]|(?:Worker|script) .*not (?:found|exist)/i;

/** An account of Cloudflare's. */
export interface Account {
  /** Its id. */
  id: string;
  /** What its owner calls it. */
  name: string;
}

/** An upload that went through. */
export interface Upload {
  /** Where the Worker answers; undefined where it has no address. */
  url: string | undefined;
}

/** Wrangler in one folder. */
export interface Wrangler {
  /**
   * The accounts that may be used.
   *
   * @throws {GrantwayError} `login_required`, with the ways to sign in to Cloudflare.
   */
  accounts(): Promise<Account[]>;
  /** The names of the Worker's secrets; null where there is no such Worker. */
  secrets(name: string): Promise<string[] | null>;
  /** Sets secrets, all at once. */
  setSecrets(name: string, secrets: Readonly<Record<string, string>>): Promise<void>;
  /** The id of the KV namespace with that title; undefined when there is none. */
  findKv(title: string): Promise<string | undefined>;
  /** Makes one; its id. */
  createKv(title: string): Promise<string>;
  /** Uploads what the folder's configuration describes. */
  upload(): Promise<Upload>;
  /** Does all of that but the sending. Needs no account. */
  rehearse(): Promise<void>;
  /** Follows the Worker's log, and tells each line of JSON, until the run is interrupted. */
  tail(name: string, onLine: (line: string) => void): Promise<void>;
}

/** Wrangler's report of what it did. */
const OUTPUT_FILE = "wrangler-output.ndjson";
/** Its configuration. */
export const CONFIG_FILE = "wrangler.json";

type RunOptions = Pick<ChildOptions, "input" | "onLine" | "env">;

/** Creates it for a folder and, where that is known, an account. */
export function createWrangler(context: Context, folder: string, accountId?: string): Wrangler {
  const { files } = context;

  const run = (
    args: readonly string[],
    { env, ...options }: RunOptions = {},
  ) =>
    runDeno(context, [
      "run",
      "--quiet",
      "--allow-all",
      "--no-config",
      "--no-lock",
      `npm:wrangler@${VERSION}`,
      ...args,
    ], {
      cwd: folder,
      ...options,
      env: {
        WRANGLER_SEND_METRICS: "false",
        WRANGLER_HIDE_BANNER: "true",
        // A request's body, in a file that stays, may hold a secret.
        WRANGLER_WRITE_LOGS: "false",
        ...env,
        ...(accountId === undefined ? {} : { CLOUDFLARE_ACCOUNT_ID: accountId }),
      },
    });

  const succeed = async (
    action: string,
    args: readonly string[],
    options: RunOptions = {},
  ) => {
    const result = await run(args, options);
    if (result.code !== 0) throw failed(action, result);
    return result.stdout;
  };

  return {
    accounts: async () => {
      const result = await run(["whoami", "--json"]);
      const answer = jsonIn(result.stdout);
      if (isJsonObject(answer)) {
        if (answer["loggedIn"] === false) throw notSignedIn();
        const { accounts } = answer;
        if (Array.isArray(accounts)) return accounts.filter(isAccount);
      }
      throw failed("ask Cloudflare for its accounts", result);
    },

    secrets: async (name) => {
      const result = await run(["secret", "list", "--name", name, "--format", "json"]);
      if (result.code !== 0) {
        if (NO_SUCH_WORKER.test(result.stdout + result.stderr)) return null;
        throw failed("list the Worker's secrets", result);
      }
      const list = jsonIn(result.stdout);
      if (!Array.isArray(list)) throw failed("list the Worker's secrets", result);
      return list.filter(isJsonObject).map(({ name }) => String(name));
    },

    setSecrets: async (name, secrets) => {
      const input = JSON.stringify(secrets);
      await succeed("set the Worker's secrets", ["secret", "bulk", "--name", name], { input });
    },

    findKv: async (title) => {
      const list = jsonIn(await succeed("list the KV namespaces", ["kv", "namespace", "list"]));
      const found = Array.isArray(list)
        ? list.filter(isJsonObject).find((namespace) => namespace["title"] === title)
        : undefined;
      return found === undefined ? undefined : String(found["id"]);
    },

    createKv: async (title) => {
      const action = `make the KV namespace ${title}`;
      const result = await run(["kv", "namespace", "create", title]);
      const id = result.code === 0 ? /"id": "([0-9a-f]{32})"/.exec(result.stdout)?.[1] : undefined;
      if (id === undefined) throw failed(action, result);
      return id;
    },

    upload: async () => {
      const report = `${folder}/${OUTPUT_FILE}`;
      await files.write(report, "");
      const env = { WRANGLER_OUTPUT_FILE_PATH: report };
      await succeed("upload the Worker", ["deploy", "--config", CONFIG_FILE], { env });
      // Wrangler gives it a mode of its own.
      const written = await context.platform.userFiles.read(report);
      return { url: findUrl(new TextDecoder().decode(written?.bytes)) };
    },

    rehearse: async () => {
      await succeed("check the Worker", ["deploy", "--config", CONFIG_FILE, "--dry-run"]);
    },

    tail: async (name, onLine) => {
      const result = await run(["tail", name, "--format", "json"], { onLine });
      throw failed("follow the Worker's log", result);
    },
  };
}

/** The address among what a deployment reports: `name.subdomain.workers.dev`. */
function findUrl(report: string): string | undefined {
  for (const line of report.split("\n")) {
    const entry = jsonIn(line);
    if (!isJsonObject(entry) || entry["type"] !== "deploy") continue;
    const { targets } = entry;
    const urls = Array.isArray(targets) ? targets.map(String) : [];
    const url = urls.find((target) => /^(https:\/\/)?[\w-]+(\.[\w-]+)+$/.test(target));
    if (url !== undefined) return `https://${url.replace(/^https:\/\//, "")}`;
  }
  return undefined;
}

function isAccount(value: unknown): value is Account & JsonObject {
  return isJsonObject(value) && typeof value["id"] === "string" &&
    typeof value["name"] === "string";
}

/** Other lines may stand around the JSON. */
function jsonIn(text: string): unknown {
  const start = text.search(/[[{]/);
  try {
    return start === -1 ? undefined : JSON.parse(text.slice(start));
  } catch {
    return undefined;
  }
}

function notSignedIn(): GrantwayError {
  return new GrantwayError("login_required", "Nobody is signed in to Cloudflare on this machine", {
    hint: `Run: ${WRANGLER_COMMAND} login; or set CLOUDFLARE_API_TOKEN to an API token made from ` +
      'the template "Edit Cloudflare Workers"',
  });
}

/** What wrangler says went wrong, without its decoration. */
function failed(action: string, { code, stdout, stderr }: ChildResult): GrantwayError {
  const text = `${stderr}\n${stdout}`;
  if (/CLOUDFLARE_API_TOKEN environment variable for wrangler to work/.test(text)) {
    return notSignedIn();
  }
  const lines = text.split("\n").map((line) => line.replace(/^\s*✘?\s*\[ERROR\]\s*/, "").trim());
  const start = text.split("\n").findIndex((line) => line.includes("[ERROR]"));
  const said = lines.slice(Math.max(start, 0)).filter((line) => line !== "").slice(0, 3).join(" ");
  const reason = displayText(said, 400) || `wrangler ended with ${code}`;
  return new GrantwayError("upstream", `Cannot ${action}: ${reason}`);
}
