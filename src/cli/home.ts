/**
 * The home folder and what lies in it.
 *
 * @module
 */

import { GrantwayError } from "../core/errors.ts";
import type { Platform } from "./platform.ts";

/** Apart from the credentials, which must not be written again with every request that is counted. */
export const GATEWAY_DOCUMENT = "gateway.json";

/** Videos that are being made. */
export const MEDIA_DOCUMENT = "media.json";

/** Paths of one home. The sandbox's is a folder inside the user's. */
export interface Home {
  /** The folder. */
  path: string;
  /** Credentials. */
  auth: string;
  /** Client keys of the gateway, and what they have used. */
  gateway: string;
  /** Configuration. */
  config: string;
  /** API keys of providers. */
  env: string;
  /** What models.dev lists, as it was fetched last. */
  models: string;
  /** What was said in chats. */
  conversations: string;
  /** Redacted transcripts of `--trace`. */
  traces: string;
}

/** `$GRANTWAY_HOME`, else `~/.grantway`. */
export function rootHome(platform: Platform): string {
  const explicit = platform.env("GRANTWAY_HOME");
  if (explicit !== undefined) {
    // Elsewhere it would be another folder, and the logins would seem to be gone.
    if (!/^(\/|[A-Za-z]:[\\/])/.test(explicit)) {
      throw new GrantwayError(
        "invalid_configuration",
        "Cannot use GRANTWAY_HOME: it is not an absolute path",
      );
    }
    return explicit.replace(/(?<=.)\/+$/, "");
  }
  if (platform.userHome === undefined) {
    throw new GrantwayError(
      "invalid_configuration",
      "Cannot find the home folder: neither GRANTWAY_HOME nor HOME is set",
    );
  }
  return `${platform.userHome}/.grantway`;
}

/** The paths of the user's home, or of the sandbox's inside it. */
export function homePaths(root: string, isSandbox: boolean): Home {
  const path = isSandbox ? `${root}/sandbox` : root;
  return {
    path,
    auth: `${path}/auth.json`,
    gateway: `${path}/${GATEWAY_DOCUMENT}`,
    config: `${path}/config.yaml`,
    env: `${path}/.env`,
    models: `${path}/models.json`,
    conversations: `${path}/conversations`,
    traces: `${path}/traces`,
  };
}

/** The variables of a `.env` file: `NAME=value` lines, quotes, `export` and comments. */
export function parseEnvFile(text: string): Map<string, string> {
  const variables = new Map<string, string>();
  for (const line of text.replace(/^\ufeff/, "").split(/\r?\n/)) {
    const match = /^\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*?)\s*$/.exec(line);
    if (!match) continue;
    const [, name, raw] = match;
    const quoted = /^(["'])(.*)\1(?:\s+#.*)?$/.exec(raw!);
    variables.set(name!, quoted ? quoted[2]! : raw!.replace(/(^|\s+)#.*$/, ""));
  }
  return variables;
}
