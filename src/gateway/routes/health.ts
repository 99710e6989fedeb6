/**
 * `GET /healthz`: the process runs and answers. `GET /readyz`: it could answer a client.
 *
 * They need no key and name no account, key or provider.
 *
 * @module
 */

import type { ClientKeys } from "../client_keys.ts";
import type { Upstreams } from "../upstreams.ts";

/** Answers `{ "status": "ok", "version": "…" }`. It touches no store. */
export function health(version: string): Response {
  return Response.json({ status: "ok", version });
}

/** Answers `{ "status": "ready" }`, or 503 with what is missing and the command that mends it. */
export async function readiness(keys: ClientKeys, upstreams: Upstreams): Promise<Response> {
  const missing: string[] = [];
  const check = async (isThere: () => Promise<boolean>, otherwise: string) => {
    if (!await isThere().catch(() => false)) missing.push(otherwise);
  };
  await check(
    () => keys.isConfigured(),
    "There is no client key. Run: grantway gateway keys create <name>",
  );
  await check(
    async () => (await upstreams.list()).length > 0,
    "Nobody is signed in. Run: grantway auth add minimax-oauth (or xai-oauth)",
  );
  return missing.length === 0
    ? Response.json({ status: "ready" })
    : Response.json({ status: "not_ready", missing }, { status: 503 });
}
