/**
 * Client keys: who may use the gateway, for what, and how much.
 *
 * @module
 */

/** What a key may be used for. */
export type KeyRoute =
  | "messages" // /v1/messages and /v1/messages/count_tokens
  | "chat" // /v1/chat/completions
  | "responses" // /v1/responses and /v1/responses/input_tokens
  | "models" // /v1/models
  | "usage" // /v1/usage
  | "audio" // /v1/audio/…
  | "images" // /v1/images/…
  | "videos"; // /v1/videos…

/** Every {@linkcode KeyRoute}. */
export const KEY_ROUTES: readonly KeyRoute[] = [
  "messages",
  "chat",
  "responses",
  "models",
  "usage",
  "audio",
  "images",
  "videos",
];

/** Where a key is good. What is absent is not restricted. */
export interface KeyScope {
  /** Ids of providers. */
  providers?: readonly string[] | undefined;
  /** `provider/model`, or a model's id with any provider; a trailing `*` matches a prefix. */
  models?: readonly string[] | undefined;
  /** Routes. */
  routes?: readonly KeyRoute[] | undefined;
}

/** How much one key may ask. What is absent is the settings' to say. */
export interface KeyLimits {
  /** Requests that may begin in any 60 s. */
  requestsPerMinute?: number | undefined;
  /** Requests under way at once. */
  concurrent?: number | undefined;
}

/** A key as the gateway knows it: never its secret. */
export interface ClientKey {
  /** Unique, and safe to log. */
  id: string;
  /** What the user calls it. */
  name: string;
  /** Where it is good. */
  scope: KeyScope;
  /** When it was made, ms since the epoch. */
  createdAt: number;
  /** When it ends, ms since the epoch. Default: never. */
  expiresAt?: number | undefined;
  /** How much it may ask. */
  limits?: KeyLimits | undefined;
}

/** The keys of one gateway. Both methods are asked on every request, so they answer from memory. */
export interface ClientKeys {
  /** Whether there is any key that is good now. Without one the gateway serves nobody. */
  isConfigured(): Promise<boolean>;
  /**
   * The key whose secret is `presented`, compared in constant time; `undefined` for one that is
   * unknown, revoked or expired, which is seen at the latest after the implementation's own bound.
   */
  verify(presented: string): Promise<ClientKey | undefined>;
}
