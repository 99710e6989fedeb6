/**
 * The first words with a Worker that was just deployed: does it run, has it all it needs, and may a
 * client use it.
 *
 * @module
 */

import { GrantwayError } from "../../core/errors.ts";
import { Secret } from "../../core/secret.ts";
import type { CreatedClientKey } from "../../gateway/client_key_store.ts";
import type { AdminSection } from "../../gateway/admin/options.ts";
import type { Context } from "../context.ts";
import { probe } from "../gateway_probe.ts";
import { openRemote, type RemoteGateway } from "../remote/remote_gateway.ts";
import type { Deployment } from "./deployments.ts";

/** The name of the first client key. */
export const FIRST_KEY = "first";
/** A new address, and secrets, take some seconds to be known everywhere. */
const PATIENCE_MS = 90_000;
const ASK_AGAIN_MS = 2_000;

/** Waits until the Worker at `url` answers with this version. */
export async function awaitWorker(context: Context, url: string): Promise<void> {
  const { platform, interrupts } = context;
  const giveUpAt = platform.now() + PATIENCE_MS;
  for (;;) {
    const { version } = await probe(context, url);
    if (version === platform.version) return;
    if (platform.now() >= giveUpAt) {
      throw new GrantwayError(
        "upstream",
        version === undefined
          ? `The Worker does not answer at ${url}`
          : `The Worker at ${url} still answers as version ${version}`,
        { retryable: true },
      );
    }
    await platform.sleep(ASK_AGAIN_MS, interrupts.signal);
  }
}

/** The outcome of {@linkcode makeFirstKey}. */
export interface FirstKey {
  /** The key; undefined when none was made. */
  key: CreatedClientKey | undefined;
  /** The admin token that works. */
  adminToken: Secret | undefined;
  /** What to say of it. */
  told: string;
}

/** Makes the first client key, unless there is one; first sees to it that the Worker has all it needs. */
export async function makeFirstKey(
  context: Context,
  deployment: Deployment,
  wantsKey: boolean,
): Promise<FirstKey> {
  const url = deployment.url!;
  const entered = await enter(context, url, deployment.adminToken);
  if (entered === undefined) {
    return {
      key: undefined,
      adminToken: undefined,
      told: "not looked at: the admin token was made elsewhere. Set GRANTWAY_ADMIN_TOKEN to it",
    };
  }
  const { gateway, sections, adminToken } = entered;
  const problem = sections.flatMap(({ checks }) => checks).find(({ status }) => status === "error");
  if (problem !== undefined) {
    throw new GrantwayError("upstream", `The Worker runs, but not well: ${problem.text}`, {
      hint: problem.command ?? problem.details?.[0],
    });
  }
  const keys = await gateway.keys.list();
  if (keys.length > 0) {
    const told = `${keys.map(({ name }) => name).join(", ")} (kept)`;
    return { key: undefined, adminToken, told };
  }
  if (!wantsKey) {
    const told = `none yet. Run: grantway gateway keys create <name> --remote ${url}`;
    return { key: undefined, adminToken, told };
  }
  const key = await gateway.keys.create({ name: FIRST_KEY });
  return { key, adminToken, told: `${FIRST_KEY}, made` };
}

/** What opens the gateway's admin side. */
interface Entered {
  gateway: RemoteGateway;
  sections: AdminSection[];
  adminToken: Secret;
}

/** Tries the token that is known of the deployment, then the variable's; undefined without any. */
async function enter(
  context: Context,
  url: string,
  known: Secret | undefined,
): Promise<Entered | undefined> {
  const variable = await context.variable("GRANTWAY_ADMIN_TOKEN");
  const given = variable === undefined ? undefined : new Secret(variable.trim());
  let refusal: unknown;
  for (const adminToken of [known, given]) {
    if (adminToken === undefined) continue;
    try {
      const gateway = await openRemote(context, url, adminToken);
      return { gateway, adminToken, sections: await inspectWorker(context, gateway) };
    } catch (error) {
      // Somebody changed it with wrangler.
      if (!(error instanceof GrantwayError) || error.code !== "unauthorized") throw error;
      refusal = error;
    }
  }
  if (refusal !== undefined) throw refusal;
  return undefined;
}

/** What the Worker says of itself, once it knows its admin token. */
async function inspectWorker(
  { platform, interrupts }: Context,
  gateway: RemoteGateway,
): Promise<AdminSection[]> {
  const giveUpAt = platform.now() + PATIENCE_MS;
  for (;;) {
    try {
      return await gateway.doctor();
    } catch (error) {
      const isEarly = error instanceof GrantwayError && platform.now() < giveUpAt &&
        (error.code === "invalid_configuration" || error.retryable);
      if (!isEarly) throw error;
    }
    await platform.sleep(ASK_AGAIN_MS, interrupts.signal);
  }
}
