/**
 * The hosts of MiniMax, per region.
 *
 * @module
 */

/** One of MiniMax's two separate services. */
export interface MinimaxRegion {
  /** `global` or `cn`. */
  id: string;
  /** Key of its grants in the state. */
  realm: string;
  /** Authorization server. */
  accountHost: string;
  /** Inference, and the authorization server's older paths. */
  apiHost: string;
  /** Approval page. */
  platformHost: string;
  /** Marketing page; the server was seen to name it in place of the approval page. */
  wwwHost: string;
}

function region(id: string, domain: string): MinimaxRegion {
  return {
    id,
    realm: `minimax/${id}`,
    accountHost: `account.${domain}`,
    apiHost: `api.${domain}`,
    platformHost: `platform.${domain}`,
    wwwHost: `www.${domain}`,
  };
}

/** Global first. */
export const MINIMAX_REGIONS: readonly [MinimaxRegion, MinimaxRegion] = [
  region("global", "minimax.io"),
  region("cn", "minimaxi.com"),
];
