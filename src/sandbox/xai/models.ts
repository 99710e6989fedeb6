/**
 * The models that xAI's API knows, with what a request to them is checked against.
 *
 * @module
 */

/** A level of `reasoning.effort`. */
export type Effort = "none" | "low" | "medium" | "high" | "xhigh";

/** A model, as its server sees it. */
export interface XaiModel {
  id: string;
  /** Size of the context window, tokens. */
  contextTokens: number;
  /** `reasoning.effort` it takes; empty: it refuses the parameter. */
  efforts: readonly Effort[];
  /** Effort without one in the request. */
  defaultEffort: Effort | null;
  /** Whether it reasons at all. */
  reasons: boolean;
  /** Whether its reasoning comes as a finished item only. */
  reasonsSilently: boolean;
  /** Whether it takes the client's own functions. */
  takesFunctions: boolean;
  /** Whether it takes WebP images, `service_tier: priority` and image generation. */
  isNewest: boolean;
  /** Whether it is in the catalogue of access tokens alone. */
  oauthOnly: boolean;
  /** US dollars per million tokens: input, output, cached input. */
  price: readonly [number, number, number];
}

const GROK: Omit<XaiModel, "id"> = {
  contextTokens: 1_000_000,
  efforts: [],
  defaultEffort: null,
  reasons: true,
  reasonsSilently: false,
  takesFunctions: true,
  isNewest: false,
  oauthOnly: false,
  price: [1.25, 2.5, 0.2],
};

/** Newest first. */
export const XAI_MODELS: readonly XaiModel[] = [
  {
    ...GROK,
    id: "grok-4.6",
    contextTokens: 500_000,
    efforts: ["low", "medium", "high", "xhigh"],
    defaultEffort: "high",
    isNewest: true,
  },
  {
    ...GROK,
    id: "grok-4.5",
    contextTokens: 500_000,
    efforts: ["low", "medium", "high"],
    defaultEffort: "high",
  },
  {
    ...GROK,
    id: "grok-4.3",
    efforts: ["none", "low", "medium", "high"],
    defaultEffort: "low",
  },
  { ...GROK, id: "grok-4.20-0309-reasoning" },
  { ...GROK, id: "grok-4.20-0309-non-reasoning", reasons: false },
  {
    ...GROK,
    id: "grok-4.20-multi-agent-0309",
    efforts: ["low", "medium", "high", "xhigh"],
    defaultEffort: "low",
    takesFunctions: false,
  },
  { ...GROK, id: "grok-build-0.1", contextTokens: 256_000, price: [1, 2, 0.2] },
  {
    ...GROK,
    id: "grok-composer-2.5-fast",
    contextTokens: 200_000,
    reasonsSilently: true,
    oauthOnly: true,
  },
  {
    ...GROK,
    id: "grok-3-mini",
    contextTokens: 131_072,
    efforts: ["low", "high"],
    defaultEffort: "low",
  },
];

/** Where the ids lead that were retired on 2026-05-15. */
const RETIRED_TO = "grok-4.3";
/** Retired id -> the effort that it now runs with. */
const RETIRED: ReadonlyMap<string, Effort> = new Map([
  ["grok-4-1-fast-reasoning", "low"],
  ["grok-4-1-fast-non-reasoning", "none"],
  ["grok-4-fast-reasoning", "low"],
  ["grok-4-fast-non-reasoning", "none"],
  ["grok-4-0709", "low"],
  ["grok-code-fast-1", "low"],
  ["grok-3", "none"],
]);

/** The model behind an id, retired ones included; `undefined` for an unknown id. */
export function findXaiModel(id: unknown): XaiModel | undefined {
  const retired = typeof id === "string" ? RETIRED.get(id) : undefined;
  const model = XAI_MODELS.find((candidate) =>
    candidate.id === (retired === undefined ? id : RETIRED_TO)
  );
  return model === undefined || retired === undefined
    ? model
    // A retired model never took the parameter.
    : { ...model, efforts: [], defaultEffort: retired, reasons: retired !== "none" };
}
