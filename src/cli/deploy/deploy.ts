/**
 * Puts the gateway on Cloudflare Workers, step by step. Each step first looks whether its work is done
 * already, so that a run that failed, or a second one, goes on where the last one ended:
 *
 * - The Worker's KV namespace, its sealing keys and its admin token are never made anew while they are
 *   there: without the old ones every login would be lost.
 * - Secrets are kept in the home folder before Cloudflare gets them, so that no answer that is lost on
 *   the way loses one.
 *
 * @module
 */

import { encodeBase64Url } from "../../core/base64url.ts";
import { GrantwayError } from "../../core/errors.ts";
import { Secret } from "../../core/secret.ts";
import type { CreatedClientKey } from "../../gateway/client_key_store.ts";
import type { Context } from "../context.ts";
import { UsageError } from "../exit_code.ts";
import { rootHome } from "../home.ts";
import { bundleWorker } from "./bundle.ts";
import { type BundleModules, type BundleSize, measureModules } from "./bundle_modules.ts";
import { type Deployment, openDeployments } from "./deployments.ts";
import { awaitWorker, makeFirstKey } from "./first_contact.ts";
import { workerConfig, type WorkerConfigOptions } from "./worker_config.ts";
import { type Account, CONFIG_FILE, createWrangler, type Wrangler } from "./wrangler.ts";

/** The secrets that a Worker needs. */
export const SECRETS = ["GRANTWAY_KEYS", "GRANTWAY_ADMIN_TOKEN"] as const;

/** What was done. */
export interface DeployResult {
  /** The deployment as it is now. */
  deployment: Deployment & { url: string };
  /** Sizes of what was uploaded. */
  bundle: BundleSize;
  /** What was made now; everything else was there. */
  made: string[];
  /** The first client key, when it was made now. */
  key: CreatedClientKey | undefined;
}

/** The folder of a deployment's bundle and configuration; nothing in it is secret. */
export async function openFolder(context: Context, name: string): Promise<string> {
  const { platform } = context;
  const folder = `${rootHome(platform)}/deploy/${name}`;
  await platform.fileSystem.ensureFolder(folder);
  return folder;
}

/** The title of a Worker's KV namespace; wrangler's own choice, too. */
export function kvTitle(name: string): string {
  return `${name}-kv`;
}

/** Makes the files that are uploaded. */
export async function prepare(
  context: Context,
  name: string,
  folder: string,
): Promise<BundleModules> {
  const modules = await bundleWorker(context, folder);
  await configure(context, folder, { name, modules: [...modules.keys()] });
  return modules;
}

async function configure(
  { files }: Context,
  folder: string,
  options: WorkerConfigOptions,
): Promise<void> {
  const config = JSON.stringify(workerConfig(options), null, 2);
  await files.write(`${folder}/${CONFIG_FILE}`, `${config}\n`);
}

/**
 * Deploys under that name.
 *
 * @param say Told of each step that is done: its name, and the outcome.
 * @param wants Whether a first client key can be shown or written, and whether the Worker shall seal
 * with a new key.
 */
export async function deploy(
  context: Context,
  name: string,
  say: (step: string, outcome: string) => void,
  wants: { key: boolean; rotation: boolean },
): Promise<DeployResult> {
  const { platform, output } = context;
  const deployments = openDeployments(context);
  const before = await deployments.read(name);
  const folder = await openFolder(context, name);

  output.progress("Asking Cloudflare for the account…");
  const account = await chooseAccount(context, createWrangler(context, folder), before);
  say("account", account.name === account.id ? account.id : `${account.name} (${account.id})`);
  const wrangler = createWrangler(context, folder, account.id);
  const present = await wrangler.secrets(name);
  if (before === null && present !== null && !present.includes("GRANTWAY_KEYS")) {
    await agreeToReplace(context, name, account);
  }

  output.progress("Bundling…");
  const modules = await prepare(context, name, folder);
  const bundle = await measureModules(modules);
  say("bundle", sizeText(bundle));

  const made: string[] = [];
  if (present === null) {
    output.progress("Looking for the KV namespace…");
    const title = kvTitle(name);
    const found = await wrangler.findKv(title);
    const kvId = found ?? await wrangler.createKv(title);
    if (found === undefined) made.push("kv_namespace");
    say("KV", `${title}, ${found === undefined ? "made" : "kept"}`);
    await configure(context, folder, { name, kvId, modules: [...modules.keys()] });
    made.push("worker");
  }

  output.progress("Uploading…");
  let deployment: Deployment = before ?? { name, account };
  // Before the upload: a Worker without secrets whose answer was lost is known again as one's own.
  await deployments.write(deployment);
  const { url } = await wrangler.upload();
  if (url === undefined) {
    throw new GrantwayError("upstream", `The Worker ${name} was uploaded, but has no address`, {
      hint: "Enable its workers.dev address in Cloudflare's dashboard",
    });
  }
  deployment = { ...deployment, url, version: platform.version, deployedAt: platform.now() };
  await deployments.write(deployment);
  say("upload", url);

  // Asked once more where there was none: what is there is never set anew.
  const set = present ?? await wrangler.secrets(name) ?? [];
  const missing = SECRETS.filter((secret) => !set.includes(secret));
  if (missing.length > 0) {
    output.progress("Setting the secrets…");
    deployment = await withSecrets(context, deployment, missing);
    await deployments.write(deployment);
    const values = { GRANTWAY_KEYS: deployment.keys, GRANTWAY_ADMIN_TOKEN: deployment.adminToken };
    await wrangler.setSecrets(
      name,
      Object.fromEntries(missing.map((secret) => [secret, values[secret]!.expose()])),
    );
    made.push(...missing);
  }
  const kept = SECRETS.filter((secret) => !missing.includes(secret));
  say("secrets", [...missing, ...kept.map((secret) => `${secret} (kept)`)].join(", "));

  output.progress("Waiting for it to answer…");
  await awaitWorker(context, url);
  say("health", "it answers");
  const first = await makeFirstKey(context, deployment, wants.key);
  if (first.adminToken !== undefined) {
    deployment = { ...deployment, adminToken: first.adminToken };
    await deployments.write(deployment);
  }
  if (first.key !== undefined) made.push("client_key");
  say("keys", first.told);
  if (wants.rotation) {
    output.progress("Sealing anew…");
    const { rotateKeys } = await import("./rotate_keys.ts");
    const told = await rotateKeys(context, deployment, {
      keep: deployments.write,
      setKeys: (keys) => wrangler.setSecrets(name, { GRANTWAY_KEYS: keys.expose() }),
    });
    made.push("sealing_key");
    say("sealing", told);
  }
  output.progress("");
  return { deployment: { ...deployment, url }, bundle, made, key: first.key };
}

/** The account of the last time, the variable's, the only one, or the one that is picked. */
async function chooseAccount(
  context: Context,
  wrangler: Wrangler,
  before: Deployment | null,
): Promise<Account> {
  const named = context.platform.env("CLOUDFLARE_ACCOUNT_ID");
  if (before !== null) {
    if (named === undefined || named === before.account.id) return before.account;
    throw new UsageError(
      `${before.name} was deployed to the account ${before.account.id}, not to CLOUDFLARE_ACCOUNT_ID`,
      "Choose another --name for that account, or unset the variable",
    );
  }
  if (named !== undefined) return { id: named, name: named };
  const accounts = await wrangler.accounts();
  const [only, ...others] = accounts;
  if (only === undefined) {
    throw new GrantwayError("not_entitled", "This sign-in to Cloudflare has no account", {
      hint: "Set CLOUDFLARE_ACCOUNT_ID, or sign in with an account that may edit Workers",
    });
  }
  if (others.length === 0) return only;
  if (!context.interactive) {
    throw new UsageError(
      "This sign-in to Cloudflare has several accounts",
      `Set CLOUDFLARE_ACCOUNT_ID to one of: ${
        accounts.map(({ id, name }) => `${id} (${name})`).join(", ")
      }`,
    );
  }
  context.output.progress("");
  const { pick } = await import("../prompts.ts");
  const rows = accounts.map(({ id, name }) => ({ value: id, label: name, hint: id }));
  const id = await pick("Which account?", rows);
  return accounts.find((account) => account.id === id)!;
}

async function agreeToReplace(
  { globals, interactive, output }: Context,
  name: string,
  account: Account,
): Promise<void> {
  const state = `There is a Worker "${name}" on ${account.name} that this command did not make`;
  if (globals.has("--yes")) return;
  if (!interactive) {
    throw new UsageError(state, "Choose another --name, or replace it with --yes");
  }
  output.progress("");
  const { confirm } = await import("../prompts.ts");
  if (await confirm(`${state}. Replace it?`)) return;
  throw new UsageError("Nothing was changed", "Choose another --name");
}

/** The deployment with what is missing on the Worker: what was made for it before, else new. */
async function withSecrets(
  context: Context,
  deployment: Deployment,
  missing: readonly (typeof SECRETS)[number][],
): Promise<Deployment> {
  const { keys, adminToken } = deployment;
  const random = () => encodeBase64Url(crypto.getRandomValues(new Uint8Array(32)));
  const day = new Date(context.platform.now()).toISOString().slice(0, 10).replaceAll("-", "");
  const given = await context.variable("GRANTWAY_ADMIN_TOKEN");
  return {
    ...deployment,
    keys: missing.includes("GRANTWAY_KEYS") ? keys ?? new Secret(`k${day}:${random()}`) : keys,
    adminToken: missing.includes("GRANTWAY_ADMIN_TOKEN")
      ? adminToken ?? new Secret(given ?? random())
      : adminToken,
  };
}

/** A bundle's size in words. */
export function sizeText({ bytes, gzipBytes }: BundleSize): string {
  return `${Math.ceil(bytes / 1024)} KiB, ${Math.ceil(gzipBytes / 1024)} KiB compressed`;
}
