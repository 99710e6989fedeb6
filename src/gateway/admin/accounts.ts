/**
 * The accounts as their owner sees them: no secret.
 *
 * @module
 */

import {
  type CredentialStatus,
  type ShownCredential,
  statusOf,
  withoutSecrets,
} from "../../credentials/credential_status.ts";
import { type CoolDown, createPool } from "../../credentials/pool.ts";
import { PROVIDERS } from "../../providers/catalog.ts";
import type { AdminOptions, AdminSection } from "./options.ts";

/** One account. */
export interface AdminAccount {
  /** Its number within its provider, by priority, from 1. */
  index: number;
  /** What is stored. */
  credential: ShownCredential;
  /** What it can do now. */
  status: CredentialStatus;
  /** Set while it rests. */
  coolDown?: CoolDown | undefined;
}

/** Every account, provider by provider. */
export async function listAccounts(
  { credentials, store, keepsElsewhere }: AdminOptions,
  now: () => number,
): Promise<AdminAccount[]> {
  const lists = await Promise.all(PROVIDERS.map(async ({ id }) => {
    const members = await createPool({ kv: store, credentials, provider: id, now }).members();
    return members.map(({ credential, coolDown }, place) => ({
      index: place + 1,
      credential: withoutSecrets(credential),
      status: statusOf(credential, now(), keepsElsewhere),
      coolDown,
    }));
  }));
  return lists.flat();
}

/** The accounts among what is looked at. */
export async function inspectAccounts(
  options: AdminOptions,
  now: () => number,
): Promise<AdminSection> {
  const variables = await options.apiKeys();
  const accounts = await listAccounts(options, now);
  const checks = accounts.map(({ credential, status }): AdminSection["checks"][number] => {
    const text = `${credential.provider} ${credential.label}, region ${credential.region}`;
    switch (status.state) {
      case "valid":
      case "refreshable":
        return { status: "ok", text };
      case "uncertain":
        return { status: "warning", text, details: ["a refresh has no known outcome yet"] };
      case "needs_login":
        return {
          status: "warning",
          text: `${text}: needs login`,
          details: [status.reason],
          command: `grantway auth add ${credential.provider} --remote <this gateway's URL>`,
        };
    }
  });
  for (const { provider, variable } of variables) {
    checks.push({ status: "ok", text: `${provider}: API key of ${variable}` });
  }
  if (checks.length === 0) {
    checks.push({
      status: "warning",
      text: "nobody is signed in",
      command: "grantway auth add minimax-oauth --remote <this gateway's URL>",
    });
  }
  return { name: "Accounts", checks };
}
