/**
 * Gives a deployed gateway a new sealing key, and has everything there sealed anew with it.
 *
 * The ring has two keys: the old one stays behind the new one until the next rotation. Each step first
 * looks how far an earlier run came, and goes on from there; the new key is kept in the home folder
 * before Cloudflare gets it.
 *
 * @module
 */

import { encodeBase64Url } from "../../core/base64url.ts";
import { GrantwayError } from "../../core/errors.ts";
import { Secret } from "../../core/secret.ts";
import { parseSealingKeys } from "../../credentials/sealing.ts";
import type { Context } from "../context.ts";
import { openRemote } from "../remote/remote_gateway.ts";
import { isDone, type Seals, sumPages } from "../remote/seals.ts";
import type { Deployment } from "./deployments.ts";

/** A secret takes some seconds to be known everywhere. */
const PATIENCE_MS = 90_000;
const ASK_AGAIN_MS = 2_000;

/** What rotating needs besides the deployment. */
export interface RotateOptions {
  /** Keeps the deployment in the home folder. */
  keep: (deployment: Deployment) => Promise<void>;
  /** Sets the secret. */
  setKeys: (keys: Secret) => Promise<void>;
}

/** Rotates; what to say of it. */
export async function rotateKeys(
  context: Context,
  deployment: Deployment,
  { keep, setKeys }: RotateOptions,
): Promise<string> {
  const { platform, interrupts } = context;
  const { name, url, keys, adminToken } = deployment;
  if (keys === undefined || url === undefined || adminToken === undefined) {
    throw new GrantwayError(
      "invalid_configuration",
      `Cannot rotate the sealing keys of ${name}: they are not kept on this machine`,
      { hint: "Set GRANTWAY_KEYS with wrangler, then run: grantway gateway reseal --remote <url>" },
    );
  }
  const gateway = await openRemote(context, url, adminToken);
  const count = () => sumPages(gateway.sweep(false));
  const reseal = () => sumPages(gateway.sweep(true));
  const [first, second] = keys.expose().split(",") as [string, string | undefined];
  let ring = keys;
  let seals = await count();
  if (seals.keyId === idOf(first)) {
    // Else an earlier run has not come to its end yet.
    if (isDone(seals)) {
      requireRest(seals, platform.now());
      ring = new Secret(`${newKey(platform.now())},${first}`);
      await keep({ ...deployment, keys: ring });
    }
  } else if (second === undefined || seals.keyId !== idOf(second)) {
    throw new GrantwayError(
      "invalid_configuration",
      `Cannot rotate the sealing keys of ${name}: it has other ones than this machine knows of`,
      { hint: "Somebody set GRANTWAY_KEYS with wrangler; rotate them there" },
    );
  }

  const id = idOf(ring.expose());
  if (seals.keyId !== id) await setKeys(ring);
  const giveUpAt = platform.now() + PATIENCE_MS;
  let changed = 0;
  for (;;) {
    try {
      // Only what knows the new key seals with it.
      seals = await count();
      if (seals.keyId === id) {
        seals = await reseal();
        changed += seals.changed;
        if (isDone(seals)) return `${id} seals now, ${changed} records sealed anew`;
      }
    } catch (error) {
      // A Worker that changes its secret is replaced: calls break off, and pages are of two rings.
      const passes = error instanceof GrantwayError && error.retryable;
      if (!passes || platform.now() >= giveUpAt) throw error;
    }
    if (platform.now() >= giveUpAt) {
      const [problem = "the Worker does not know the new key yet"] = seals.problems;
      throw new GrantwayError("upstream", `Not everything is sealed anew: ${problem}`, {
        retryable: true,
      });
    }
    await platform.sleep(ASK_AGAIN_MS, interrupts.signal);
  }
}

/** The id of a ring's first key. */
function idOf(ring: string): string {
  return parseSealingKeys(ring)[0]!.id;
}

/** The next rotation drops the old key: what KV may still show must not need it. */
function requireRest({ otherKeyIds, droppableAt = Infinity }: Seals, now: number): void {
  if (otherKeyIds.length === 0 || now >= droppableAt) return;
  const when = droppableAt === Infinity
    ? "run: grantway gateway reseal --remote <url>, and try again ten minutes later"
    : `try again at ${new Date(droppableAt).toISOString()}`;
  throw new GrantwayError(
    "invalid_request",
    "Cannot rotate the sealing keys yet: KV may still show records of the key before",
    { hint: `To be safe, ${when}` },
  );
}

function newKey(now: number): string {
  const day = new Date(now).toISOString().slice(0, 10).replaceAll("-", "");
  const [suffix, key] = [3, 32].map((bytes) =>
    encodeBase64Url(crypto.getRandomValues(new Uint8Array(bytes)))
  );
  return `k${day}${suffix}:${key}`;
}
