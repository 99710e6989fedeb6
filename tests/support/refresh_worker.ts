/**
 * A process that keeps one xAI login of a file store fresh. It says `ready`, waits for a line, then
 * says which access token it has.
 *
 *     refresh_worker.ts <folder> <issuer> <credential id> <clock offset ms>
 *
 * @module
 */

import { openFileStore } from "../../src/adapters/deno/file_store.ts";
import { fingerprint } from "../../src/core/redact.ts";
import { sleep } from "../../src/core/runtime.ts";
import { createAccessTokenSource, createProviderRefresh } from "../../src/credentials/mod.ts";
import { findProvider } from "../../src/providers/mod.ts";

const [folder, issuer, id, offset] = Deno.args as [string, string, string, string];
const provider = findProvider("xai-oauth")!;
const now = () => Date.now() + Number(offset);
const store = openFileStore(folder, { now });
const keeper = createAccessTokenSource({
  store,
  lease: store,
  provider: provider.id,
  id,
  name: provider.shortName,
  loginHint: "sign in again",
  refresh: createProviderRefresh(provider, {
    now,
    overrides: { oauthUrl: issuer, allowLoopback: true },
  }),
  now,
  monotonicNow: () => performance.now(),
  sleep,
  random: () => 0,
  digest: async (bytes) => new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)),
  onWarning: (message) => console.error(message),
});
console.log("ready");
await Deno.stdin.read(new Uint8Array(8));
const token = await keeper.get();
await keeper.settled();
console.log(`${token.generation} ${await fingerprint(token.value)}`);
