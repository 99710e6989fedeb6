/**
 * A credential that was added: the name that the user gave it, and what they are told.
 *
 * @module
 */

import type { Credential } from "../credentials/credential.ts";
import type { Provider } from "../providers/mod.ts";
import type { Context } from "./context.ts";
import { credentialJson } from "./credential_view.ts";
import { UsageError } from "./exit_code.ts";
import { selectIfNone } from "./selection.ts";

const MAX_LABEL_LENGTH = 64;

/**
 * Checks the user's name for a credential.
 *
 * @throws {UsageError} When it is empty, too long or not printable.
 */
export function checkLabel(label: string | undefined): void {
  if (label === undefined) return;
  if (label.trim() === "" || label.length > MAX_LABEL_LENGTH || /[\p{C}]/u.test(label)) {
    throw new UsageError(`--label takes 1 to ${MAX_LABEL_LENGTH} printable characters`);
  }
}

/** Tells of a new credential, and makes its provider the configured one if there is none. */
export async function reportAdded(
  context: Context,
  provider: Provider,
  credential: Credential,
  isReplacement: boolean,
): Promise<void> {
  const { output } = context;
  const stored = await context.credentials.list(provider.id);
  const index = stored.findIndex(({ id }) => id === credential.id) + 1;
  const isSelected = await selectIfNone(context, provider);
  output.json({
    type: "auth_add",
    credential: credentialJson(credential, index, context.platform.now()),
    replaced: isReplacement,
    selected: isSelected,
  });
  const what = credential.source === "login" ? "Signed in to" : "Stored the API key of";
  output.line(
    `${what} ${provider.shortName} as ${credential.label}${
      provider.regions.length > 1 ? `, region ${credential.region}` : ""
    }${isReplacement ? " (in place of the earlier one)" : ""}`,
  );
  const configured = (await context.config()).get("model.provider");
  output.note(
    configured === provider.id
      ? `Try: grantway chat${context.approvesItself ? " --sandbox" : ""} "Hello"`
      : `Chat uses ${configured}; change that with: grantway model ${provider.id}/${provider.defaultModel}`,
  );
}
