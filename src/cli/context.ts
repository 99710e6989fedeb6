/**
 * What a command works with: home, configuration, store, endpoints, and an orderly end.
 *
 * @module
 */

import { CredentialError } from "../core/errors.ts";
import type { RuntimeOptions } from "../core/runtime.ts";
import type { CredentialStore } from "../credentials/credential_store.ts";
import type { Lease } from "../credentials/kv_store.ts";
import type { SealedStore } from "../credentials/sealed_store.ts";
import type { Sealer } from "../credentials/sealing.ts";
import { findProvider, PROVIDERS } from "../providers/catalog.ts";
import type { CatalogSource } from "../providers/catalog_source.ts";
import type { EndpointOverrides, Endpoints } from "../providers/endpoints.ts";
import type { Provider, Region } from "../providers/provider.ts";
import type { Config } from "./config.ts";
import { UsageError } from "./exit_code.ts";
import type { Globals } from "./global_flags.ts";
import type { Home } from "./home.ts";
import type { Interrupts } from "./interrupts.ts";
import { nearest } from "./nearest.ts";
import type { Output } from "./output.ts";
import type { Platform } from "./platform.ts";
import type { TextFiles } from "./text_files.ts";

/** What a command works with. */
export interface Context {
  /** The machine. */
  platform: Platform;
  /** What the user sees. */
  output: Output;
  /** Global flags. */
  globals: Globals;
  /** Ctrl-C and its kin; `interrupts.signal` cancels the command. */
  interrupts: Interrupts;
  /** Whether questions may be asked: a terminal on every side, and not forbidden. */
  interactive: boolean;
  /** Paths of this run's home. */
  home: Home;
  /** Small files of the home. */
  files: TextFiles;
  /** Whether this run uses a sandbox, its own or a running one. */
  usesSandbox: boolean;
  /** Whether this run's own sandbox approves sign-ins by itself. */
  approvesItself: boolean;
  /** `fetch`, clock, wait and cancellation for everything below. */
  runtime: RuntimeOptions;
  /** The configuration, read once. */
  config(): Promise<Config>;
  /** A variable from the environment, else from `.env` of the home folder. */
  variable(name: string): Promise<string | undefined>;
  /** The store behind the credentials. */
  kv: SealedStore & Lease;
  /** Seals what is stored; undefined when there is no key to seal with. */
  sealer: Sealer | undefined;
  /** The credentials. */
  credentials: CredentialStore;
  /** Random id of this home, made on first use: tells a login made here from one copied here. */
  hostId(): Promise<string>;
  /** What the environment and the configuration replace for a provider. */
  overrides(provider: Provider): Promise<EndpointOverrides>;
  /** Base URL of this run's sandbox, which is started where none runs; undefined without one. */
  sandbox(): Promise<string | undefined>;
  /** What is known of models. No command waits for it to be refreshed. */
  models(): Promise<CatalogSource>;
  /** The endpoints of a provider's region. */
  endpoints(provider: Provider, region: Region): Promise<Endpoints>;
  /**
   * Standard input as text.
   *
   * @throws {UsageError} When it is larger than `limitBytes`.
   */
  readInput(limitBytes: number): Promise<string>;
  /** Runs at the end, whatever the outcome. */
  defer(run: () => Promise<void>): void;
  /** Runs what was deferred, last first. */
  close(): Promise<void>;
}

/** The id of the provider that `name` means; the nearest one is suggested for an unknown name. */
export function requireProvider(name: string): Provider {
  const provider = findProvider(name);
  if (provider !== undefined) return provider;
  const names = PROVIDERS.flatMap(({ id, aliases }) => [id, ...aliases]);
  const near = nearest(name, names);
  throw new UsageError(
    `Unknown provider "${name}"`,
    near === undefined
      ? `Providers: ${PROVIDERS.map(({ id }) => id).join(", ")}`
      : `Did you mean: ${near}`,
  );
}

/** The region of that id. */
export function requireRegion(provider: Provider, id: string): Region {
  const region = provider.regions.find((region) => region.id === id);
  if (region !== undefined) return region;
  throw new UsageError(
    `Unknown region "${id}" of ${provider.id}`,
    `Regions: ${provider.regions.map(({ id }) => id).join(", ")}`,
  );
}

/** A login that is missing or dead, with the command that mends it. */
export function loginRequired(message: string, command: string): CredentialError {
  return new CredentialError("login_required", message, { hint: `Run: ${command}` });
}
