/**
 * `grantway gateway keys revoke`: ends a client key.
 *
 * @module
 */

import type { Command } from "commander";
import { GrantwayError } from "../../core/errors.ts";
import { clientKeyJson } from "../client_key_view.ts";
import type { Invocation } from "../command.ts";
import type { Context } from "../context.ts";
import { CHANGE_SEEN_MS, openBooks } from "../gateway_books.ts";
import { nearest } from "../nearest.ts";
import { addRemoteOption, openRemote } from "../remote/remote_gateway.ts";

/** Arguments and options. */
export function define(command: Command): void {
  addRemoteOption(command.argument("<key>", "its name or id, never the key itself")).addHelpText(
    "after",
    `
Examples:
  grantway gateway keys list
  grantway gateway keys revoke laptop`,
  );
}

/** Runs it. */
export async function run(context: Context, command: Invocation): Promise<void> {
  const { output, platform } = context;
  const { remote } = command.opts<{ remote?: string }>();
  const owner = remote === undefined
    ? openBooks(context).owner
    : (await openRemote(context, remote)).keys;
  const target = command.args[0]!;
  try {
    const key = await owner.revoke(target);
    output.json({ type: "gateway_keys_revoke", key: clientKeyJson(key, platform.now()) });
    output.line(`Revoked "${key.name}" (${key.id})`);
    output.note(
      remote === undefined
        ? `A running gateway refuses it within ${CHANGE_SEEN_MS / 1_000} s`
        : "It is refused everywhere within two minutes",
    );
  } catch (error) {
    if (!(error instanceof GrantwayError) || error.code !== "not_found") throw error;
    const near = nearest(target, (await owner.list()).map(({ name }) => name));
    throw new GrantwayError(error.code, error.message, {
      cause: error,
      hint: near === undefined
        ? "Run: grantway gateway keys list"
        : `Did you mean: grantway gateway keys revoke ${
          /^[\w.@-]+$/.test(near) ? near : `"${near}"`
        }`,
    });
  }
}
