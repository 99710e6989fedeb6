/**
 * `grantway gateway status`: does a gateway run, could it answer a client, and as whom.
 *
 * @module
 */

import type { Command } from "commander";
import { GrantwayError } from "../../core/errors.ts";
import { LOCAL_GATEWAY, parseGatewayUrl } from "../clients/access.ts";
import type { Invocation } from "../command.ts";
import type { Context } from "../context.ts";
import { accountJson, statusText } from "../credential_view.ts";
import { EXIT, UsageError } from "../exit_code.ts";
import { probe } from "../gateway_probe.ts";
import { addRemoteOption, openRemote, type RemoteGateway } from "../remote/remote_gateway.ts";
import { recordsText, type Seals, sumPages } from "../remote/seals.ts";

/** Arguments and options. */
export function define(command: Command): void {
  addRemoteOption(command)
    .option("--port <port>", "port of the gateway on this machine", new URL(LOCAL_GATEWAY).port)
    .addHelpText(
      "after",
      `
Health and readiness need no key. With --remote it lists the accounts too, where
the admin token is known: of the gateway that was deployed from here, or in
GRANTWAY_ADMIN_TOKEN. The accounts of this machine: grantway auth status.

Exit code 0 when it is ready, 1 when something is missing, 6 when nothing answers.

Examples:
  grantway gateway status
  grantway gateway status --remote https://grantway.you.workers.dev
  grantway gateway status --json`,
    );
}

/** Runs it. */
export async function run(context: Context, command: Invocation): Promise<number> {
  const { output } = context;
  const { remote, port } = command.opts<{ remote?: string; port: string }>();
  if (!/^[1-9]\d{0,4}$/.test(port)) {
    throw new UsageError(`--port takes a whole number from 1 to 65535, not "${port}"`);
  }
  const url = remote === undefined
    ? `http://127.0.0.1:${port}`
    : parseGatewayUrl(remote).replace(/\/admin$/, "");
  const { version, problem, healthMs, missing } = await probe(context, url);
  const isReady = version !== undefined && missing.length === 0;
  const gateway = remote === undefined || version === undefined
    ? undefined
    : await openKnown(context, url);
  const [accounts, keys, seals] = gateway === undefined
    ? []
    : await Promise.all([gateway.accounts(), gateway.keys.list(), readSeals(gateway)]);
  output.json({
    type: "gateway_status",
    gateway: url,
    healthy: version !== undefined,
    ready: isReady,
    gatewayVersion: version ?? null,
    healthMs: Math.round(healthMs),
    missing,
    problem: problem ?? null,
    accounts: accounts?.accounts.map(accountJson) ?? null,
    clientKeys: keys?.length ?? null,
    seals: seals === undefined ? null : { keyId: seals.keyId, counts: seals.counts },
  });
  const row = (name: string, text: string) => output.line(`  ${name.padEnd(8)} ${text}`);
  output.line(`Gateway at ${url}`);
  if (version === undefined) {
    row("health", output.paint("red", problem ?? "no answer"));
    output.note(
      remote === undefined
        ? `To start it: grantway gateway serve${context.usesSandbox ? " --sandbox" : ""}`
        : "Check the address, and what is wrong: grantway gateway logs",
    );
    return EXIT.network;
  }
  row("health", `${output.paint("green", "ok")}, version ${version}, ${Math.round(healthMs)} ms`);
  row("ready", isReady ? output.paint("green", "yes") : output.paint("yellow", "no"));
  for (const text of missing) row("", text);
  for (const { credential, status } of accounts?.accounts ?? []) {
    const { provider, label } = credential;
    row("account", `${provider} ${label}: ${statusText(status, output.paint)}`);
  }
  for (const { provider, variable } of accounts?.variables ?? []) {
    row("account", `${provider}: API key of ${variable}`);
  }
  if (keys !== undefined) row("keys", keys.map(({ name }) => name).join(", ") || "none");
  for (const id of seals?.otherKeyIds ?? []) {
    const needed = seals!.counts[id] ?? 0;
    const rest = needed === 0 ? "no record needs" : `${recordsText(needed)} still need`;
    row("sealed", `with ${seals!.keyId}; ${rest} ${id}`);
    output.note(`To be rid of it: grantway gateway reseal --remote ${url}`);
  }
  return isReady ? EXIT.ok : EXIT.failure;
}

/** What is sealed with which key; undefined where there is one key, or nothing is sealed. */
async function readSeals(gateway: RemoteGateway): Promise<Seals | undefined> {
  try {
    const first = await gateway.sweep(false).next();
    if (first.done || first.value.otherKeyIds.length === 0) return undefined;
    return await sumPages(gateway.sweep(false));
  } catch (error) {
    // One of this machine, or of an earlier version.
    if (error instanceof GrantwayError && error.code === "not_found") return undefined;
    throw error;
  }
}

/** The gateway's admin side, where its token is known without asking. */
async function openKnown(
  context: Context,
  url: string,
): Promise<Awaited<ReturnType<typeof openRemote>> | undefined> {
  const { output } = context;
  const { findAdminToken } = await import("../deploy/deployments.ts");
  const { Secret } = await import("../../core/secret.ts");
  const variable = await context.variable("GRANTWAY_ADMIN_TOKEN");
  const token = variable === undefined
    ? await findAdminToken(context, url)
    : new Secret(variable.trim());
  if (token !== undefined) return await openRemote(context, url, token);
  output.note("Its accounts are shown to whoever has its admin token: set GRANTWAY_ADMIN_TOKEN");
  return undefined;
}
