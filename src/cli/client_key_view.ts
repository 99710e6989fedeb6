/**
 * Client keys as people and scripts see them.
 *
 * @module
 */

import type { ClientKey } from "../gateway/client_keys.ts";
import { dayText } from "./time_words.ts";

/** Where a key is good, in a few words. */
export function scopeText({ scope: { providers, models, routes } }: ClientKey): string {
  const parts = [providers, models, routes?.map((name) => `/${name}`)].flatMap((names) =>
    names === undefined ? [] : [names.join(", ")]
  );
  return parts.length === 0 ? "everything" : parts.join("; ");
}

/** How much a key may ask, in a few words. */
export function limitsText({ limits }: ClientKey): string {
  const { requestsPerMinute, concurrent } = limits ?? {};
  const parts = [
    ...(requestsPerMinute === undefined ? [] : [`${requestsPerMinute}/min`]),
    ...(concurrent === undefined ? [] : [`${concurrent} at once`]),
  ];
  return parts.length === 0 ? "-" : parts.join(", ");
}

/** Until when a key is good. */
export function expiryText({ expiresAt }: ClientKey, now: number): string {
  if (expiresAt === undefined) return "never";
  return expiresAt <= now ? `expired ${dayText(expiresAt)}` : dayText(expiresAt);
}

/** A key in JSON output. */
export function clientKeyJson(key: ClientKey, now: number): Record<string, unknown> {
  const { id, name, scope, limits = {}, createdAt, expiresAt } = key;
  return {
    id,
    name,
    scope,
    limits,
    createdAt: new Date(createdAt).toISOString(),
    expiresAt: expiresAt === undefined ? null : new Date(expiresAt).toISOString(),
    expired: expiresAt !== undefined && expiresAt <= now,
  };
}
