/**
 * The models.dev document: what its service said of these vendors in July 2026, and one vendor that
 * nobody here has.
 *
 * @module
 */

import type { SandboxCatalog } from "../quirks.ts";

/** A model in the service's words. */
type Row = Record<string, unknown>;

/** What a model's row says beyond its name. */
interface Facts {
  released: string;
  limit: [context: number, output: number];
  /** US dollars per million tokens: input, output, cache read, cache write. */
  cost?: [number, number, number?, number?];
  input?: string[];
  output?: string[];
  /** Absent: it does not reason. */
  reasoning?: Row[];
  takesTools?: boolean;
}

const GROK_INPUT = ["text", "image", "pdf"];

function row(id: string, facts: Facts): [string, Row] {
  const { released, limit, cost, input = ["text"], output = ["text"], reasoning } = facts;
  return [id, {
    id,
    name: id,
    attachment: input.length > 1,
    reasoning: reasoning !== undefined,
    ...(reasoning === undefined ? {} : { reasoning_options: reasoning }),
    tool_call: facts.takesTools ?? true,
    release_date: released,
    last_updated: released,
    modalities: { input, output },
    open_weights: false,
    limit: { context: limit[0], output: limit[1] },
    ...(cost === undefined ? {} : {
      cost: {
        input: cost[0],
        output: cost[1],
        ...(cost[2] === undefined ? {} : { cache_read: cost[2] }),
        ...(cost[3] === undefined ? {} : { cache_write: cost[3] }),
      },
    }),
  }];
}

const effort = (...values: string[]) => [{ type: "effort", values }];

function grok(id: string, released: string, facts: Partial<Facts>): [string, Row] {
  return row(id, {
    released,
    limit: [1_000_000, 30_000],
    cost: [1.25, 2.5, 0.2],
    input: GROK_INPUT,
    ...facts,
  });
}

/** In no order that means anything, as the service has them. */
const XAI: [string, Row][] = [
  grok("grok-build-0.1", "2026-06", {
    limit: [256_000, 256_000],
    cost: [1, 2, 0.2],
    reasoning: [],
  }),
  grok("grok-4.20-0309-non-reasoning", "2026-03-09", {}),
  row("grok-imagine-image", {
    released: "2026-01",
    limit: [8_000, 0],
    input: ["text", "image"],
    output: ["image"],
    takesTools: false,
  }),
  grok("grok-4.20-multi-agent-0309", "2026-03-09", {
    reasoning: effort("low", "medium", "high", "xhigh"),
    takesTools: false,
  }),
  row("grok-imagine-video", {
    released: "2026-01",
    limit: [1_024, 0],
    input: ["text", "image", "video"],
    output: ["video"],
    takesTools: false,
  }),
  grok("grok-4.3", "2026-05", { reasoning: effort("none", "low", "medium", "high") }),
  grok("grok-4.20-0309-reasoning", "2026-03-09", { reasoning: [] }),
];

function m2(id: string, released: string, isFast = false, facts: Partial<Facts> = {}) {
  return row(id, {
    released,
    limit: [204_800, 131_072],
    cost: isFast ? [0.6, 2.4, 0.06, 0.375] : [0.3, 1.2, 0.06, 0.375],
    reasoning: [],
    ...facts,
  });
}

const MINIMAX: [string, Row][] = [
  m2("MiniMax-M2", "2025-10", false, { limit: [196_608, 128_000], cost: [0.3, 1.2] }),
  m2("MiniMax-M2.5-highspeed", "2026-02", true, { cost: [0.6, 2.4] }),
  m2("MiniMax-M2.7", "2026-03"),
  m2("MiniMax-M2.1", "2025-12", false, { cost: [0.3, 1.2] }),
  m2("MiniMax-M2.7-highspeed", "2026-03", true),
  row("MiniMax-M3", {
    released: "2026-06",
    limit: [1_000_000, 128_000],
    cost: [0.3, 1.2, 0.06],
    input: ["text", "image", "video"],
    reasoning: [{ type: "toggle" }],
  }),
  m2("MiniMax-M2.5", "2026-02", false, { cost: [0.3, 1.2] }),
];

function vendor(id: string, fields: Row, models: [string, Row][]): [string, Row] {
  return [id, { id, name: id, ...fields, models: Object.fromEntries(models) }];
}

/** What came out since, where `catalog` is `newer`. */
const NEWER = grok("grok-4.6", "2026-08-14", {
  limit: [500_000, 30_000],
  reasoning: effort("low", "medium", "high", "xhigh"),
});

/** Rows that community data might hold; the one that is whole, `grok-whole`, is the last. */
const STRANGE: [string, unknown][] = [
  ["grok-null", null],
  ["grok-list", []],
  ["grok-without-limits", { id: "grok-without-limits" }],
  grok("grok-word-for-limit", "2026-07", { limit: ["1M" as unknown as number, 30_000] }),
  grok("grok-negative", "2026-07", { limit: [-1, 30_000] }),
  grok("grok-\u001b[31mred", "2026-07", {}),
  ["grok-bare", { limit: { context: 1_000, output: 100 } }],
  ["grok-odd", {
    limit: { context: 2_000, output: 200, input: "?" },
    modalities: "all",
    reasoning: "yes",
    reasoning_options: [null, { type: "effort", values: [null, "high", 7, "low", "strange"] }],
    cost: { input: "free", output: null },
    release_date: 2026,
    status: ["x"],
  }],
  grok("grok-whole", "2026-07", {}),
];

/** Enough to be refused, bytes. */
const HUGE_BYTES = 24 * 1024 * 1024;

/** The document's text. */
export function modelsDevDocument(kind: SandboxCatalog): string {
  const xai = kind === "newer"
    ? [...XAI, NEWER]
    : kind === "strange_rows"
    ? [...XAI, ...STRANGE]
    : XAI;
  const minimax = (id: string, api: string) =>
    vendor(id, { env: ["MINIMAX_API_KEY"], npm: "@ai-sdk/anthropic", api }, MINIMAX);
  const vendors = [
    vendor("elsewhere", { env: ["ELSEWHERE_API_KEY"], npm: "@ai-sdk/elsewhere" }, [
      row("elsewhere-1", { released: "2026-01", limit: [8_000, 1_000] }),
    ]),
    minimax("minimax-cn", "https://api.minimaxi.com/anthropic/v1"),
    ...(kind === "missing_vendor"
      ? []
      : [vendor("xai", { env: ["XAI_API_KEY"], npm: "@ai-sdk/xai" }, xai as [string, Row][])]),
    minimax("minimax", "https://api.minimax.io/anthropic/v1"),
  ];
  const document = Object.fromEntries(vendors);
  return JSON.stringify(
    kind === "huge" ? { padding: "x".repeat(HUGE_BYTES), ...document } : document,
  );
}
