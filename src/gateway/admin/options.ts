/**
 * What a program hands to the admin side of its gateway.
 *
 * @module
 */

import type { Secret } from "../../core/secret.ts";
import type { CredentialStore } from "../../credentials/credential_store.ts";
import type { KvStore } from "../../credentials/kv_store.ts";
import type { SweepPage, SweepRequest } from "../../credentials/seal_sweep.ts";
import type { SignIns } from "../../credentials/sign_in.ts";
import type { ClientKeyStore } from "../client_key_store.ts";
import type { SettingTexts } from "../settings_source.ts";
import type { UsageLedger } from "../usage.ts";

/** Where everything is. */
export const ADMIN = "/admin";

/** Whether a path, as it was sent, is the admin side's. */
export function isAdminPath(path: string): boolean {
  return path === ADMIN || path.startsWith(`${ADMIN}/`);
}

/** What the owner may do. */
export interface AdminOptions {
  /** Opens everything here. Without it nobody gets in. */
  token: Secret | undefined;
  /** The accounts; what it removes it has revoked, where that can be done. */
  credentials: CredentialStore;
  /** Whether refresh tokens are kept by somebody else, so that the store shows none. */
  keepsElsewhere?: boolean | undefined;
  /** Where the accounts' order and rests are, and which sessions have ended. */
  store: KvStore;
  /** API keys from outside the store: providers' ids and names of variables. */
  apiKeys: () => readonly ApiKeyVariable[] | Promise<readonly ApiKeyVariable[]>;
  /** Signs in. */
  signIns: SignIns;
  /** The client keys. */
  keys: ClientKeyStore;
  /** The settings. */
  settings: SettingsBook;
  /** The books. */
  usage?: UsageLedger | undefined;
  /**
   * Goes over what is sealed, page by page: what older keys have sealed is sealed anew, or counted.
   * Default: nothing here is sealed so.
   */
  sweep?: ((request: SweepRequest) => Promise<SweepPage>) | undefined;
  /** Looks at what the gateway runs on. */
  inspect: () => Promise<AdminSection[]>;
}

/** An API key in a variable. */
export interface ApiKeyVariable {
  /** Provider id. */
  provider: string;
  /** Name of the variable. */
  variable: string;
}

/** Settings that can be changed. */
export interface SettingsBook {
  /** What is set. */
  read(): Promise<SettingTexts>;
  /**
   * Sets one, or removes it; whether it was set. What others change at the same time stays.
   *
   * @throws {GrantwayError} `invalid_configuration` for one that cannot be used.
   */
  change(name: string, text: string | undefined): Promise<boolean>;
}

/** One thing that was looked at. */
export interface AdminCheck {
  /** The finding's weight. */
  status: "ok" | "warning" | "error";
  /** The finding, one line. */
  text: string;
  /** More lines. */
  details?: string[];
  /** What mends it. */
  command?: string;
}

/** One subject. */
export interface AdminSection {
  /** Its title. */
  name: string;
  /** Its findings. */
  checks: AdminCheck[];
}
