/**
 * A sign-in as it is kept, and as it is shown.
 *
 * @module
 */

import { CredentialError, GrantwayError } from "../core/errors.ts";
import { parseJsonObject } from "../core/http.ts";
import type { AccountIdentity } from "../providers/provider.ts";
import type { ShownCredential } from "./credential_status.ts";
import type { LoginGrant } from "./login_options.ts";
import type { PendingLogin } from "./pending_login.ts";

/** What an administrator asks for. */
export interface SignInRequest {
  /** Provider id. */
  provider: string;
  /** Region id. */
  region: string;
  /** Name of the upstream to ask scopes for, where the provider has several. */
  upstream?: string | undefined;
  /** What to call the login. Default: as {@linkcode storeLogin} does. */
  label?: string | undefined;
}

/** A failure as it is shown. */
export interface SignInFailure {
  /** The stable code. */
  code: string;
  /** For a person. */
  message: string;
  /** What mends it. */
  hint?: string | undefined;
}

/** A sign-in as it is shown: no secret. */
export interface SignInView extends SignInRequest {
  /** Its id. */
  id: string;
  /** How far it is. */
  state:
    | "waiting" // for the user to approve the code
    | "approved" // for the administrator to confirm the account
    | "storing" // confirmed, and not stored yet
    | "stored"
    | "failed";
  /** Until it is confirmed: what is to be approved, or was. */
  code?: PendingLogin["shown"] | undefined;
  /** Whose account it brings, where the provider says. */
  account?: AccountIdentity | undefined;
  /** A word of the provider's; printable. */
  notification?: string | undefined;
  /** Until when it can be confirmed, ms since the epoch. */
  confirmBy?: number | undefined;
  /** What was stored. */
  credential?: ShownCredential | undefined;
  /** Whether that took the place of an earlier login. */
  isReplacement?: boolean | undefined;
  /** Why it failed, or why it could not be stored so far. */
  error?: SignInFailure | undefined;
}

/** A stage of a sign-in. Secret. */
export type Stage =
  | { kind: "waiting"; pending: PendingLogin }
  | { kind: "approved"; grant: LoginGrant; code: PendingLogin["shown"] }
  | { kind: "storing"; grant: LoginGrant; target?: string; tries: number; error?: SignInFailure }
  | { kind: "stored"; credential: ShownCredential; isReplacement: boolean }
  | { kind: "failed"; error: SignInFailure };

/** A sign-in as it is kept. Secret. */
export interface SignInRecord {
  /** Counts up with every change that an earlier version does not know. */
  version: typeof RECORD_VERSION;
  /** What was asked for. */
  request: SignInRequest;
  /** A word of the provider's. */
  notification?: string | undefined;
  /** How far it is. */
  stage: Stage;
  /** When it is due, ms since the epoch. */
  wakeAt: number;
}

const RECORD_VERSION = 1;
/**
 * Parses a record.
 *
 * @throws {CredentialError} `storage_read` for one of another version.
 */
export function parseSignInRecord(text: string): SignInRecord {
  const record = parseJsonObject(text) as SignInRecord | undefined;
  if (record?.version === RECORD_VERSION) return record;
  throw new CredentialError("storage_read", "Cannot read this sign-in: another version wrote it");
}

/** A new record. */
export function createSignInRecord(
  request: SignInRequest,
  stage: Stage,
  wakeAt: number,
): SignInRecord {
  return { version: RECORD_VERSION, request, stage, wakeAt };
}

/** A failure as it is shown. */
export function describe(error: unknown): SignInFailure {
  if (!(error instanceof GrantwayError)) {
    return { code: "internal", message: "Cannot finish this sign-in: unexpected failure" };
  }
  const { code, message, hint } = error;
  return { code, message, hint };
}

/** A record without its secrets. */
export function viewOf(
  id: string,
  { request, stage, wakeAt, notification }: SignInRecord,
): SignInView {
  const shown: SignInView = { id, ...request, state: stage.kind, notification };
  switch (stage.kind) {
    case "waiting":
      return { ...shown, code: stage.pending.shown };
    case "approved":
      return { ...shown, code: stage.code, account: stage.grant.account, confirmBy: wakeAt };
    case "storing":
      return { ...shown, account: stage.grant.account, error: stage.error };
    case "stored": {
      const { credential, isReplacement } = stage;
      return { ...shown, account: credential.account, credential, isReplacement };
    }
    case "failed":
      return { ...shown, error: stage.error };
  }
}
