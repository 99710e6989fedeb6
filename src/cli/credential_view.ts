/**
 * Credentials as people and scripts see them: state, numbers, and never a secret.
 *
 * @module
 */

import type { Credential } from "../credentials/credential.ts";
import {
  type CredentialStatus,
  type ShownCredential,
  statusOf,
} from "../credentials/credential_status.ts";
import type { CoolDown } from "../credentials/pool.ts";
import { UsageError } from "./exit_code.ts";
import type { Paint } from "./output.ts";

/** A duration in its two largest units: `2d 3h`, `14m 5s`. */
export function durationText(ms: number): string {
  const total = Math.max(0, Math.round(ms / 1000));
  const parts: [number, string][] = [
    [Math.floor(total / 86_400), "d"],
    [Math.floor(total / 3_600) % 24, "h"],
    [Math.floor(total / 60) % 60, "m"],
    [total % 60, "s"],
  ];
  const first = parts.findIndex(([value]) => value > 0);
  if (first === -1) return "0s";
  return parts.slice(first, first + 2).filter(([value]) => value > 0)
    .map(([value, unit]) => `${value}${unit}`).join(" ");
}

/** One phrase for a status. */
export function statusText(status: CredentialStatus, paint: Paint): string {
  switch (status.state) {
    case "valid":
      return paint(
        "green",
        status.expiresInMs === null ? "valid" : `valid for ${durationText(status.expiresInMs)}`,
      );
    case "refreshable":
      return paint("yellow", `refreshable (expired ${durationText(status.expiredMs)} ago)`);
    case "uncertain":
      return paint(
        "yellow",
        "uncertain (a refresh was sent without an answer; probed on next use)",
      );
    case "needs_login":
      return paint("red", `needs login (${status.reason})`);
  }
}

/** A rest in JSON output. */
export function coolDownJson(coolDown: CoolDown | undefined): Record<string, unknown> | null {
  return coolDown === undefined
    ? null
    : { ...coolDown, until: new Date(coolDown.until).toISOString() };
}

/** A credential in JSON output. */
export function credentialJson(
  credential: Credential,
  index: number,
  now: number,
): Record<string, unknown> {
  return accountJson({ credential, index, status: statusOf(credential, now) });
}

/** An account as it is listed. */
export interface ListedAccount {
  /** What is stored. */
  credential: ShownCredential;
  /** What it can do now. */
  status: CredentialStatus;
  /** Its number, from 1. */
  index: number;
}

/** The same for an account whose state is known. */
export function accountJson(
  { credential, status, index }: ListedAccount,
): Record<string, unknown> {
  const { provider, id, label, region, source, generation, expiresAt, createdAt } = credential;
  return {
    provider,
    index,
    id,
    label,
    region,
    source,
    status: status.state,
    generation,
    expiresAt: expiresAt === null ? null : new Date(expiresAt).toISOString(),
    createdAt: new Date(createdAt).toISOString(),
    refreshedAt: credential.refreshedAt === undefined
      ? null
      : new Date(credential.refreshedAt).toISOString(),
    lastError: credential.lastError ?? null,
  };
}

/** A credential with its number within the provider it is stored under. */
export interface Numbered<Stored extends ShownCredential = ShownCredential> {
  /** The credential. */
  credential: Stored;
  /** Its number, from 1. */
  index: number;
}

/**
 * The one that `target` names: number, id or label; without a target the only one there is. A number
 * counts what is stored under `provider` itself, as `auth list` shows it; what the name stands for
 * besides has its numbers elsewhere, and goes by id or label.
 *
 * @throws {UsageError} When it names none, or several, or a choice is needed.
 */
export function findTarget<T extends Numbered>(
  members: readonly T[],
  target: string | undefined,
  { provider, command }: { provider: string; command: string },
): T {
  const isNumbered = ({ credential }: T) => credential.provider === provider;
  const choices = members.map((member) => {
    const { label, id } = member.credential;
    return `${isNumbered(member) ? `#${member.index} ` : ""}${label} (${id})`;
  }).join(", ");
  if (target === undefined) {
    if (members.length === 1) return members[0]!;
    throw new UsageError(`Which one? ${choices}`, `Run: ${command} <number|id|label>`);
  }
  const number = /^(#?)(\d{1,4})$/.exec(target);
  const meant = members.filter((member) => {
    const { id, label } = member.credential;
    return (number !== null && isNumbered(member) && member.index === Number(number[2])) ||
      (number?.[1] !== "#" && (id === target || label === target));
  });
  if (meant.length === 1) return meant[0]!;
  throw meant.length > 1
    ? new UsageError(`"${target}" means several credentials`, `Name one by id: ${choices}`)
    : new UsageError(`No credential is called "${target}"`, `Stored: ${choices}`);
}
