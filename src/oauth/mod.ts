/**
 * OAuth grants by RFC, without provider names and without storage.
 *
 * @module
 */

export type { RefreshOutcome } from "./refresh_token.ts";
export type { TokenSet } from "./token_set.ts";
