/**
 * Reads models.dev's list: the chat models of the vendors that are here.
 *
 * It is community data, so each row is checked and what is odd in one costs that row, or that field of
 * it, and no other.
 *
 * @see {@link https://models.dev | models.dev}
 * @module
 */

import { isJsonObject, type JsonObject } from "../core/http.ts";
import { PROVIDERS } from "./catalog.ts";
import type { Model, ModelPrice } from "./provider.ts";

/** A vendor's id in the list -> its chat models, the newest first. */
export type VendorModels = Readonly<Record<string, readonly Model[]>>;

/** Vendors whose rows are read. */
const VENDORS: ReadonlySet<string> = new Set(PROVIDERS.map(({ catalogId }) => catalogId));

/** More than any vendor has. */
const MAX_MODELS = 200;
/** More than any model has. */
const MAX_TOKENS = 1e9;

/** What an id may hold; it is shown, and sent. */
const MODEL_ID = /^[\w.:@+/-]{1,100}$/;

/** Names of effort, weakest first. */
const EFFORTS: readonly string[] = ["none", "minimal", "low", "medium", "high", "xhigh", "max"];

const INPUTS = ["text", "image", "video", "pdf"] as const;

/** Of a document only what is read here: a few kilobytes of some megabytes. */
export function pickVendors(document: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(document).filter(([id]) => VENDORS.has(id)));
}

/** The chat models of each vendor that has any in `document`. */
export function parseModelsDev(document: JsonObject): VendorModels {
  const vendors: Record<string, readonly Model[]> = {};
  for (const id of VENDORS) {
    const vendor = document[id];
    const rows = isJsonObject(vendor) ? vendor["models"] : undefined;
    if (!isJsonObject(rows)) continue;
    const models = Object.entries(rows)
      .map(([id, row]) => ({ model: parseModel(id, row), releasedOn: releaseOf(row) }))
      .filter((entry): entry is { model: Model; releasedOn: string } => entry.model !== undefined)
      // The order of the document means nothing.
      .sort((a, b) =>
        Number(a.model.isDeprecated ?? false) - Number(b.model.isDeprecated ?? false) ||
        compare(b.releasedOn, a.releasedOn) || compare(a.model.id, b.model.id)
      )
      .map(({ model }) => model);
    if (models.length > 0) vendors[id] = models.slice(0, MAX_MODELS);
  }
  return vendors;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Dates of days and of months compare as they are. */
function releaseOf(row: unknown): string {
  const date = isJsonObject(row) ? row["release_date"] : undefined;
  return typeof date === "string" && /^\d{4}-\d{2}(-\d{2})?$/.test(date) ? date : "";
}

/** The model of a row; undefined for a row that is none, or whose model does not chat. */
function parseModel(id: string, row: unknown): Model | undefined {
  if (!MODEL_ID.test(id) || !isJsonObject(row)) return undefined;
  const limit = isJsonObject(row["limit"]) ? row["limit"] : {};
  const contextTokens = readTokens(limit["context"]);
  const maxOutputTokens = readTokens(limit["output"]);
  const modalities = isJsonObject(row["modalities"]) ? row["modalities"] : {};
  const output = Array.isArray(modalities["output"]) ? modalities["output"] : ["text"];
  const isChat = output.length === 1 && output[0] === "text";
  if (contextTokens === undefined || maxOutputTokens === undefined || !isChat) return undefined;
  const named = Array.isArray(modalities["input"]) ? modalities["input"] : [];
  const price = readPrice(row["cost"]);
  return {
    id,
    contextTokens,
    maxOutputTokens,
    input: INPUTS.filter((kind) => kind === "text" || named.includes(kind)),
    reasoning: row["reasoning"] === true,
    efforts: readEfforts(row["reasoning_options"]),
    ...(row["tool_call"] === false ? { tools: false } : {}),
    ...(price === undefined ? {} : { price }),
    ...(row["status"] === "deprecated" ? { isDeprecated: true } : {}),
  };
}

function readTokens(value: unknown): number | undefined {
  return Number.isSafeInteger(value) && (value as number) > 0 && (value as number) <= MAX_TOKENS
    ? value as number
    : undefined;
}

function readEfforts(options: unknown): string[] {
  if (!Array.isArray(options)) return [];
  const option = options.find((option) => isJsonObject(option) && option["type"] === "effort");
  const values: unknown = option?.values;
  return Array.isArray(values) ? EFFORTS.filter((effort) => values.includes(effort)) : [];
}

function readPrice(cost: unknown): ModelPrice | undefined {
  if (!isJsonObject(cost)) return undefined;
  const read = (value: unknown) =>
    typeof value === "number" && Number.isFinite(value) && value >= 0 ? value : undefined;
  const input = read(cost["input"]);
  const output = read(cost["output"]);
  const cacheRead = read(cost["cache_read"]);
  return input === undefined || output === undefined
    ? undefined
    : { input, output, ...(cacheRead === undefined ? {} : { cacheRead }) };
}
