/**
 * The catalog of models as it is now: kept in memory and in one small file, compared with models.dev
 * every four hours, and never waited for.
 *
 * What is known is served at once, however old; a refresh runs beside it. Where nothing was fetched
 * yet, or of a vendor, it is what came with this version.
 *
 * @module
 */

import { GrantwayError } from "../core/errors.ts";
import { isJsonObject, type JsonObject, parseJsonObject } from "../core/http.ts";
import { resolveRuntime, type RuntimeOptions } from "../core/runtime.ts";
import { mergeModels, type ModelCatalog } from "./model_catalog.ts";
import { parseModelsDev, type VendorModels } from "./models_dev.ts";
import { MAX_VENDORS_LENGTH, MODELS_DEV_URL, requestModelsDev } from "./models_dev_request.ts";

/** How long a list that was fetched or confirmed is not asked for again, ms. */
const FRESH_MS = 4 * 3_600_000;
/** How long after a failure nobody tries again by himself, ms. */
const BACK_OFF_MS = 5 * 60_000;

/** The one file behind a {@linkcode CatalogSource}. */
export interface CatalogFile {
  /** The first `limit` bytes of it as text, or null when there is none. */
  read(limit: number): Promise<string | null>;
  /** Replaces it whole. */
  write(text: string): Promise<void>;
  /** Moves it out of the way; resolves to its new name. */
  setAside(): Promise<string>;
}

/** How a {@linkcode CatalogSource} is set up. */
export interface CatalogSourceOptions extends RuntimeOptions {
  /** Where the list is. Default: {@linkcode MODELS_DEV_URL}. */
  url?: string | undefined;
  /** Where it is kept. Default: in memory. */
  file?: CatalogFile | undefined;
  /** Told what is wrong with the file, one sentence. */
  onWarning?: ((message: string) => void) | undefined;
}

/** What is known of models now. */
export interface KnownModels {
  /** The models. */
  catalog: ModelCatalog;
  /** Where the list was fetched from; undefined while it is the one that came with this version. */
  url: string | undefined;
  /** When it was last fetched or confirmed, or the day it was bundled; ms since the epoch. */
  asOf: number;
  /** Whether it is older than a list should be. */
  isStale: boolean;
  /** Whether it is, and no refresh has failed just now. */
  isDue: boolean;
}

/** The catalog as it is now. */
export interface CatalogSource {
  /** What is known without the network. Rejects never. */
  load(): Promise<KnownModels>;
  /**
   * Fetches the list, or sees that it has not changed. Several calls share one request.
   *
   * @throws {GrantwayError} As `requestModelsDev` does; what is known stays.
   */
  refresh(): Promise<KnownModels>;
  /** Refreshes if it is due and did not fail just now. Rejects never. */
  refreshIfStale(): Promise<void>;
}

/** The content of the file. */
interface Stored {
  version: 1;
  url: string;
  etag?: string | undefined;
  /** When `vendors` was last fetched or confirmed, ms since the epoch; 0 for never. */
  checkedAt: number;
  /** When a refresh failed after that, ms since the epoch. */
  failedAt?: number | undefined;
  /** The vendors' part of the document, as it was fetched. */
  vendors: JsonObject;
}

/** Creates a source. Nothing is read or fetched before it is asked. */
export function createCatalogSource(options: CatalogSourceOptions = {}): CatalogSource {
  return new Source(options);
}

class Source implements CatalogSource {
  readonly #options: CatalogSourceOptions;
  readonly #url: string;
  readonly #now: () => number;
  #stored: Stored | undefined;
  #catalog: { of: Stored | undefined; asOf: number; catalog: ModelCatalog } | undefined;
  #reading: Promise<void> | undefined;
  #refreshing: Promise<KnownModels> | undefined;

  constructor(options: CatalogSourceOptions) {
    this.#options = options;
    this.#url = options.url ?? MODELS_DEV_URL;
    this.#now = resolveRuntime(options).now;
  }

  async load(): Promise<KnownModels> {
    await (this.#reading ??= this.#read());
    const { catalog, asOf } = await this.#merged();
    const url = this.#stored?.checkedAt ? this.#stored.url : undefined;
    return { catalog, url, asOf, isStale: this.#isStale(), isDue: this.#isDue() };
  }

  refresh(): Promise<KnownModels> {
    return this.#refreshing ??= this.#refresh().finally(() => this.#refreshing = undefined);
  }

  async refreshIfStale(): Promise<void> {
    try {
      await this.load();
      if (this.#refreshing !== undefined) await this.#refreshing;
      if (!this.#isDue()) return;
      // Another process may have been here meanwhile.
      await this.#read();
      if (this.#isDue()) await this.refresh();
    } catch {
      // What is known serves on.
    }
  }

  /** A time to come says that the clock was wrong then, or is now. */
  #isWithin(ms: number, at: number | undefined): boolean {
    const age = this.#now() - (at ?? 0);
    return age >= 0 && age < ms;
  }

  #isStale(): boolean {
    return this.#stored?.url !== this.#url || !this.#isWithin(FRESH_MS, this.#stored.checkedAt);
  }

  #isDue(): boolean {
    const hasFailed = this.#stored?.url === this.#url &&
      this.#isWithin(BACK_OFF_MS, this.#stored.failedAt);
    return this.#isStale() && !hasFailed;
  }

  async #merged(): Promise<{ asOf: number; catalog: ModelCatalog }> {
    const stored = this.#stored;
    if (this.#catalog === undefined || this.#catalog.of !== stored) {
      const { BUNDLED_MODELS, BUNDLED_ON } = await import("./models.generated.ts");
      const fetched: VendorModels = stored === undefined ? {} : parseModelsDev(stored.vendors);
      this.#catalog = {
        of: stored,
        asOf: stored?.checkedAt || Date.parse(BUNDLED_ON),
        catalog: mergeModels({ ...BUNDLED_MODELS, ...fetched }),
      };
    }
    return this.#catalog;
  }

  async #read(): Promise<void> {
    const { file, onWarning = () => {} } = this.#options;
    if (file === undefined) return;
    let text: string | null;
    try {
      text = await file.read(2 * MAX_VENDORS_LENGTH);
    } catch (error) {
      return onWarning(`The list of models that was kept cannot be read: ${messageOf(error)}`);
    }
    if (text === null) return;
    const stored = parseStored(text);
    if (stored !== undefined) {
      this.#stored = stored;
      return;
    }
    const moved = await file.setAside().catch(() => undefined);
    onWarning(
      "The list of models that was kept is broken" +
        (moved === undefined ? "" : ` and is now ${moved}`),
    );
  }

  async #refresh(): Promise<KnownModels> {
    await (this.#reading ??= this.#read());
    const { file: _file, ...options } = this.#options;
    const known = this.#stored?.url === this.#url ? this.#stored : undefined;
    const base = known ?? { version: 1, url: this.#url, checkedAt: 0, vendors: {} };
    try {
      const etag = known?.checkedAt ? known.etag : undefined;
      const answer = await requestModelsDev(this.#url, { ...options, etag });
      const checkedAt = this.#now();
      await this.#keep(
        answer.kind === "unchanged" ? { ...base, checkedAt, failedAt: undefined } : {
          version: 1,
          url: this.#url,
          etag: answer.etag,
          checkedAt,
          vendors: { ...base.vendors, ...answer.vendors },
        },
      );
    } catch (error) {
      if (error instanceof GrantwayError) await this.#keep({ ...base, failedAt: this.#now() });
      throw error;
    }
    return await this.load();
  }

  async #keep(stored: Stored): Promise<void> {
    const { file, onWarning } = this.#options;
    this.#stored = stored;
    try {
      await file?.write(`${JSON.stringify(stored)}\n`);
    } catch (error) {
      onWarning?.(`The list of models cannot be kept: ${messageOf(error)}`);
    }
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** What a text holds; undefined for what was not written by this. */
function parseStored(text: string): Stored | undefined {
  const stored = parseJsonObject(text);
  if (stored === undefined) return undefined;
  const { version, url, etag, checkedAt, failedAt, vendors } = stored;
  const isWhole = version === 1 && typeof url === "string" && typeof checkedAt === "number" &&
    isJsonObject(vendors) && (etag === undefined || typeof etag === "string") &&
    (failedAt === undefined || typeof failedAt === "number");
  return isWhole ? stored as unknown as Stored : undefined;
}
