/**
 * Storing an API key, from standard input or a prompt; never from an argument.
 *
 * @module
 */

import type { Credential } from "../credentials/credential.ts";
import { newCredentialId } from "../credentials/credential_store.ts";
import type { Provider } from "../providers/mod.ts";
import { checkLabel, reportAdded } from "./added.ts";
import { type Context, requireRegion } from "./context.ts";
import { UsageError } from "./exit_code.ts";

const MAX_KEY_BYTES = 64 * 1024;

/** Stores an API key in place of the one with the same label. */
export async function addApiKey(
  context: Context,
  provider: Provider,
  options: { label?: string | undefined; region?: string | undefined },
): Promise<void> {
  const { platform, credentials } = context;
  checkLabel(options.label);
  const region = options.region === undefined
    ? provider.regions[0]!
    : requireRegion(provider, options.region);
  const key = unquoted((await readKey(context, provider)).trim());
  if (!/^[\x21-\x7e]{8,4096}$/.test(key)) {
    throw new UsageError(
      "That is no API key: it must be 8 or more printable characters on one line",
    );
  }
  const label = options.label ?? "api-key";
  const id = newCredentialId();
  const host = await context.hostId();
  const now = platform.now();
  let earlier: Credential | undefined;
  const credential = await credentials.add(provider.id, (stored) => {
    earlier = stored.find((other) => other.source === "api_key" && other.label === label);
    return {
      id: earlier?.id ?? id,
      provider: provider.id,
      region: region.id,
      label,
      source: "api_key",
      status: "active",
      tokens: { accessToken: key },
      expiresAt: null,
      issuedAt: now,
      generation: (earlier?.generation ?? 0) + 1,
      owner: { host, createdAt: now },
      createdAt: earlier?.createdAt ?? now,
    };
  });
  await reportAdded(context, provider, credential!, earlier !== undefined);
}

/** Without the quotes of the shell script or `.env` file that it was copied from; no key has any. */
function unquoted(key: string): string {
  return /^(["'])(.*)\1$/.exec(key)?.[2] ?? key;
}

async function readKey(context: Context, provider: Provider): Promise<string> {
  const { platform, interactive } = context;
  if (!platform.stdin.isTerminal) return await context.readInput(MAX_KEY_BYTES);
  if (!interactive) {
    throw new UsageError(
      "The API key is read from standard input",
      `Run: grantway auth add ${provider.id} --type api-key < key.txt`,
    );
  }
  const { askSecret } = await import("./prompts.ts");
  return await askSecret(`API key of ${provider.name}`);
}
