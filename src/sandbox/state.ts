/**
 * What the sandbox remembers, as plain JSON: logins that wait for approval, grants, and its keys.
 *
 * Tokens are held as SHA-256 digests. A user code is shown to people anyway and stands in the clear.
 * So do the keys: they protect nothing but play money.
 *
 * @module
 */

/** A user code, from its request until a while after its end. */
export interface StoredAuthorization {
  /** The authorization server: `minimax/global`. A code of one is unknown in the others. */
  realm: string;
  /** The code people see. */
  userCode: string;
  /** Client that asked for it. */
  clientId: string;
  /** Name of that client on the approval page. */
  clientName: string;
  /** Scopes asked for, separated by spaces. */
  scope: string;
  /** PKCE S256 challenge; empty in a flow without PKCE. */
  challenge: string;
  /** Digest of the device code, RFC 8628. */
  deviceHash?: string | undefined;
  /** Where the answer goes in the authorization code flow. */
  redirect?: StoredRedirect | undefined;
  /** Account that answers. */
  account?: string | undefined;
  /** Grant that came of it. */
  grantId?: string | undefined;
  /** Approval page without a scheme: `platform.minimax.io/oauth-authorize?user_code=…`. */
  page: string;
  /** What the approval form must send back. */
  formToken: string;
  /** End of the code, ms since the epoch. */
  expiresAt: number;
  /** How long a client is to wait between polls, ms. */
  intervalMs: number;
  /** The last poll, ms since the epoch. */
  lastPolledAt: number | null;
  /** What the user said; `spent` once its tokens were issued. */
  outcome: "pending" | "approved" | "denied" | "spent";
}

/** The return leg of the authorization code flow. */
export interface StoredRedirect {
  /** Redirect URI, as the client wrote it. */
  uri: string;
  /** State, to be returned as it is. */
  state: string;
  /** Nonce for the id token. */
  nonce: string | null;
  /** Digest of the authorization code. */
  codeHash: string | null;
}

/** A grant: the family of all tokens that go back to one login. */
export interface StoredGrant {
  /** Its id. */
  id: string;
  /** The authorization server; see {@linkcode StoredAuthorization}. */
  realm: string;
  /** Client it was issued to. */
  clientId: string;
  /** Scopes, separated by spaces. */
  scope: string;
  /** Account that gave it: an e-mail address. */
  account?: string | undefined;
  /** When it was made, ms since the epoch. */
  createdAt: number;
  /** Whether all of its tokens are dead. */
  revoked: boolean;
  /** Access tokens that have not expired. */
  access: { hash: string; expiresAt: number }[];
  /** Refresh tokens, oldest first; `spentAt` is ms since the epoch. */
  refresh: { hash: string; spentAt: number | null }[];
}

/** A video that was asked for. */
export interface StoredVideo {
  /** Request id. */
  id: string;
  /** Whose it is: digest of the grant or of the key. */
  owner: string;
  /** Digest of the idempotency key it was asked for with. */
  keyHash: string | null;
  /** When it was asked for, ms since the epoch. */
  createdAt: number;
  /** How it ends. */
  outcome: "done" | "failed" | "expired" | "moderated" | "odd";
  /** What it is drawn from. */
  seed: string;
  /** Model. */
  model: string;
  /** Pixels. */
  width: number;
  /** Pixels. */
  height: number;
  /** Length, s. */
  seconds: number;
}

/** Everything that must outlive the process for credentials to stay valid. Plain JSON. */
export interface SandboxState {
  /** Of this layout. */
  version: 1;
  /** Logins under way. */
  authorizations: StoredAuthorization[];
  /** Grants, revoked ones included. */
  grants: StoredGrant[];
  /** Videos that were asked for, oldest first. */
  videos?: StoredVideo[] | undefined;
  /** Private keys by use, made when first needed. */
  keys?: Record<string, JsonWebKey> | undefined;
}

/** What happened since the sandbox was created. */
export interface SandboxCounters {
  /** User codes handed out. */
  authorizations: number;
  /** Logins that ended in a token set. */
  grants: number;
  /** Refreshes that issued tokens. */
  refreshes: number;
  /** Refreshes within the grace period of a spent token. */
  graceRefreshes: number;
  /** Spent refresh tokens presented again, outside any grace period. */
  reuses: number;
  /** Grants revoked for that. */
  revocations: number;
  /** Answers lost after the request was processed. */
  lostAnswers: number;
  /** Videos that were begun. */
  videos: number;
  /** Streams the client closed before their end. */
  cancelledStreams: number;
  /** Vendor requests by method, host and path: `POST account.minimax.io/oauth2/token`. */
  requests: Record<string, number>;
}

/** A sandbox that nobody has used. */
export function emptyState(): SandboxState {
  return { version: 1, authorizations: [], grants: [] };
}

/** All zero. */
export function zeroCounters(): SandboxCounters {
  return {
    authorizations: 0,
    grants: 0,
    refreshes: 0,
    graceRefreshes: 0,
    reuses: 0,
    revocations: 0,
    lostAnswers: 0,
    videos: 0,
    cancelledStreams: 0,
    requests: {},
  };
}
