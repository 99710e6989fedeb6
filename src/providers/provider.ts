/**
 * What differs between subscriptions, as data: hosts, endpoints, client ids, models.
 *
 * No code outside this folder compares a provider's id. A difference is a field here, or a small
 * pure hook in the provider's `quirks.ts`.
 *
 * @module
 */

import type { JsonObject } from "../core/http.ts";
import type { TokenAnswer } from "../oauth/client.ts";
import type { ClassifyFailure } from "../protocols/codec.ts";
import type { GenerateRequest } from "../protocols/event.ts";

/** A model of a provider. */
export interface Model {
  /** The id that the provider's API takes. */
  id: string;
  /** Size of the context window, tokens. */
  contextTokens: number;
  /** The most tokens of one answer. */
  maxOutputTokens: number;
  /** Kinds of input the model reads. */
  input: readonly ("text" | "image" | "video" | "pdf")[];
  /** Whether it thinks before it answers. */
  reasoning: boolean;
  /** What it is best for, a few words for a picker. */
  summary?: string | undefined;
}

/** One region of a provider. An account of one region is unknown in the others. */
export interface Region {
  /** `global`, `cn`. */
  id: string;
  /** For people: `minimax.io`. */
  name: string;
  /** Base URL of the API, without a trailing slash. */
  apiBaseUrl: string;
  /** Every host that may receive a bearer or a refresh token of this region; `*.` prefix allowed. */
  hosts: readonly string[];
}

/** Paths and origins of one generation of a vendor's authorization server. */
export interface OAuthEndpointsProfile {
  /** Its name, stored with a credential. */
  id: string;
  /** Region id -> endpoints. */
  regions: Readonly<Record<string, { authorization: string; token: string }>>;
}

/** How a provider signs in. */
export interface OAuthSettings {
  /** The grant: PKCE user code (MiniMax). */
  flow: "user_code";
  /** A public client id of the vendor's. */
  clientId: string;
  /** The name that the consent page shows for that id. */
  clientName: string;
  /** Scopes to ask for. */
  scopes: readonly string[];
  /** `grant_type` of the poll. */
  grantType: string;
  /** In the order to try; the first is the default. */
  profiles: readonly OAuthEndpointsProfile[];
  /** Poll interval where the server names none, ms. */
  defaultIntervalMs: number;
  /** Error codes that prove a refresh token dead, besides `invalid_grant`. */
  deadErrors: readonly string[];
  /** Environment variables that replace parts of these settings; see `EndpointOverrides`. */
  variables: {
    /** The OAuth client id. */
    clientId: string;
    /** Origin of the authorization server. */
    oauthUrl: string;
    /** Name of the endpoints profile. */
    profile: string;
    /** Base URL of the API. */
    apiUrl: string;
  };
  /** Reads the vendor's own success and failure marks in a token endpoint's answer. */
  readTokenAnswer: (body: JsonObject) => TokenAnswer;
  /** Mends a verification URL that is known to lead nowhere; anything else comes back as it was. */
  repairVerificationUrl: (url: string) => string;
}

/** How a provider takes an API key. */
export interface ApiKeySettings {
  /** Environment variables and `.env` names, first match wins. */
  variables: readonly string[];
  /** Variable that replaces the base URL (https, any host). */
  baseUrlVariable: string;
}

/** A request made fit for a provider's API. */
export interface PreparedRequest {
  /** The request to send. */
  request: GenerateRequest;
  /** What was changed that its author should know, one sentence each. */
  notes: readonly string[];
}

/** A provider as users name it. */
export interface Provider {
  /** Its id, as users write it. */
  id: string;
  /** Its name in pickers. */
  name: string;
  /** Its name in status lines: "Not logged into MiniMax OAuth". */
  shortName: string;
  /** Other names that mean it. */
  aliases: readonly string[];
  /** Wire protocol of its API. */
  protocol: "messages" | "responses";
  /** Provider family. A thinking block that one family sealed means nothing to another. */
  family: string;
  /** Makes a request fit for this API: what it refuses or does not know is changed or left out. */
  prepareRequest?: ((request: GenerateRequest) => PreparedRequest) | undefined;
  /** Judges failures by the vendor's own codes. */
  classifyError?: ClassifyFailure | undefined;
  /** Whether the API ignores stop sequences, so that the transport looks for them itself. */
  ignoresStopSequences?: boolean | undefined;
  /** The first is the default. */
  regions: readonly Region[];
  /** Present where one can sign in. */
  oauth?: OAuthSettings | undefined;
  /** Present where it takes an API key. */
  apiKey?: ApiKeySettings | undefined;
  /**
   * Where `--type oauth` on this provider leads: the same credential as that provider's in that
   * region (`minimax-cn` is `minimax-oauth` in `cn`).
   */
  oauthVia?: { provider: string; region: string } | undefined;
  /** The default model's id; it stands first in `models`. */
  defaultModel: string;
  /** Model for titles, compaction and delegated tasks. */
  auxiliaryModel: string;
  /** The curated models. */
  models: readonly Model[];
  /** Ids of the same vendor's providers in the models.dev catalog. */
  catalogId: string;
}
