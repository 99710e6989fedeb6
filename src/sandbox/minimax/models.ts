/**
 * The models that MiniMax's API knows, with what a request to them is checked against.
 *
 * @module
 */

/** A model, as its server sees it. */
export interface MinimaxModel {
  /** Case matters. */
  id: string;
  /** Size of the context window, tokens. */
  contextTokens: number;
  /** The most tokens of one answer. */
  maxOutputTokens: number;
  /** Whether image blocks are accepted. */
  takesImages: boolean;
  /** Whether it thinks whatever `thinking` says. */
  alwaysThinks: boolean;
}

function m2(id: string, contextTokens = 204_800, maxOutputTokens = 131_072): MinimaxModel {
  return { id, contextTokens, maxOutputTokens, takesImages: false, alwaysThinks: true };
}

/** Newest first. */
export const MINIMAX_MODELS: readonly MinimaxModel[] = [
  {
    id: "MiniMax-M3",
    contextTokens: 1_000_000,
    maxOutputTokens: 128_000,
    takesImages: true,
    alwaysThinks: false,
  },
  m2("MiniMax-M2.7"),
  m2("MiniMax-M2.7-highspeed"),
  m2("MiniMax-M2.5"),
  m2("MiniMax-M2.5-highspeed"),
  m2("MiniMax-M2.1"),
  m2("MiniMax-M2.1-highspeed"),
  m2("MiniMax-M2", 196_608, 128_000),
];
