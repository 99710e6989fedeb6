/**
 * Keys of the gateway on this machine that are made for one client.
 *
 * @module
 */

import { GrantwayError } from "../../core/errors.ts";
import type { ClientKeyStore } from "../../gateway/client_key_store.ts";
import type { Context } from "../context.ts";
import { openBooks } from "../gateway_books.ts";
import { homePaths, rootHome } from "../home.ts";
import type { KeyNote } from "./written_file.ts";

/** The keys of the user's gateway, or of the sandbox's. */
function keysOf(context: Context, isSandbox: boolean): ClientKeyStore {
  return openBooks(context, homePaths(rootHome(context.platform), isSandbox)).owner;
}

/** Makes a key of that name, or of one like it where that is taken. */
export async function createClientKey(
  context: Context,
  name: string,
): Promise<{ note: KeyNote; name: string; secret: string }> {
  const keys = keysOf(context, context.usesSandbox);
  const taken = new Set((await keys.list()).map((key) => key.name));
  let free = name;
  for (let number = 2; taken.has(free); number++) free = `${name}-${number}`;
  const { key, secret } = await keys.create({ name: free });
  return {
    note: { id: key.id, isSandbox: context.usesSandbox },
    name: key.name,
    secret: secret.expose(),
  };
}

/** Whether it is still there. */
export async function hasClientKey(context: Context, { id, isSandbox }: KeyNote): Promise<boolean> {
  return (await keysOf(context, isSandbox).list()).some((key) => key.id === id);
}

/** Revokes it; false when somebody has already. */
export async function revokeClientKey(
  context: Context,
  { id, isSandbox }: KeyNote,
): Promise<boolean> {
  try {
    await keysOf(context, isSandbox).revoke(id);
    return true;
  } catch (error) {
    if (error instanceof GrantwayError && error.code === "not_found") return false;
    throw error;
  }
}
