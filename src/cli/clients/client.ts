/**
 * What a program needs to be told to work through the gateway. A new one is one file beside this and one
 * line in `mod.ts`.
 *
 * @module
 */

import type { Platform } from "../platform.ts";
import type { Setting, SettingsFormat } from "./settings_format.ts";

/** A model as clients name it. */
export interface GatewayModel {
  /** `provider/model`. */
  name: string;
  /** Size of its context window, tokens; undefined for a model that the catalog does not know. */
  contextTokens?: number | undefined;
  /** The most tokens of one answer. */
  maxOutputTokens?: number | undefined;
}

/** The gateway as clients see it. */
export interface GatewayAccess {
  /** Its base URL, without `/v1` and without a slash at the end. */
  url: string;
  /** The model to begin with; undefined where nobody is signed in. */
  model: GatewayModel | undefined;
  /** The model for titles and other side work. */
  auxiliary: GatewayModel | undefined;
  /** Every model of what is signed in, that of {@linkcode GatewayAccess.model} first. */
  models: readonly GatewayModel[];
}

/** The variable that printed set-ups take the key from. */
export const KEY_VARIABLE = "GRANTWAY_CLIENT_KEY";

/** Environment variables by name. */
export type Variables = Readonly<Record<string, string>>;

/** A configuration file of a client's that `connect --write` edits. */
export interface ClientFile {
  /** Loads what edits it. */
  format: () => Promise<SettingsFormat>;
  /** Where it is. */
  path(platform: Platform): string;
  /** What is set in it. */
  settings(access: GatewayAccess, key: string): Setting[];
}

/** How a client is started. */
export interface ClientProgram {
  /** Its name on the PATH. */
  command: string;
  /** What installs it. */
  install: string;
  /** Its own settings that go before the user's arguments. */
  args?: (access: GatewayAccess) => string[];
  /**
   * Settings of its own files win over variables: the option that takes a file of settings that win over
   * those, and where such files are.
   */
  override?: { option: string; files: (platform: Platform) => string[] };
}

/** A client. */
export interface Client {
  /** What `connect` and `run` call it. */
  id: string;
  /** For people. */
  name: string;
  /** Variables that it takes the key from. */
  keyVariables: readonly string[];
  /** Its other variables. */
  variables(access: GatewayAccess): Variables;
  /** Variables that would lead it elsewhere; `run` takes them away. */
  conflicts?: readonly string[];
  /** A piece of configuration that takes the key from a variable. */
  snippet?: (
    access: GatewayAccess,
    platform: Platform,
  ) => Promise<{ path: string; text: string }>;
  /** What else its user should know, one sentence each. */
  notes?: (access: GatewayAccess) => string[];
  /** The file that `--write` edits. */
  file?: ClientFile;
  /** The program; undefined for a library, which `run` starts a program of the user's with. */
  program?: ClientProgram;
}

/** A path below the user's home folder; one that only people understand where there is none. */
export function inUserHome({ userHome }: Platform, path: string): string {
  return `${userHome ?? "~"}/${path}`;
}
