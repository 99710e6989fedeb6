/**
 * The public client ids that MiniMax knows, and what each of them may ask for.
 *
 * @module
 */

/** A client of the authorization server. */
export interface MinimaxClient {
  /** The name on the approval page. */
  name: string;
  /** Scopes it may ask for. */
  scopes: readonly string[];
  /** `grant_type` of its polls. */
  grantType: string;
  /** Whether it must send `response_type=code`. */
  needsResponseType: boolean;
}

const PORTAL = {
  scopes: ["group_id", "profile", "model.completion"],
  grantType: "urn:ietf:params:oauth:grant-type:user_code",
  needsResponseType: true,
};
const CODING_PLAN = {
  scopes: ["openid", "profile", "coding_plan"],
  grantType: "urn:ietf:params:oauth:grant-type:device_code",
  needsResponseType: false,
};

/** Client id -> client. */
export const MINIMAX_CLIENTS: ReadonlyMap<string, MinimaxClient> = new Map([
  ["78257093-7e40-4613-99e0-527b14b39113", { name: "OpenClaw", ...PORTAL }],
  ["659cf4c1-615c-45f6-a5f6-4bf15eb476e5", { name: "MiniMax CLI", ...CODING_PLAN }],
  ["62a38dcb-17d9-4303-a71e-aa694efa20fd", { name: "Hermes", ...CODING_PLAN }],
]);
