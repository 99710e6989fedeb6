/**
 * What differs between subscriptions, as data: hosts, endpoints, client ids, models.
 *
 * No code outside this folder compares a provider's id. A difference is a field here, or a small
 * pure hook in the provider's `quirks.ts`.
 *
 * @module
 */

import type { JsonObject } from "../core/http.ts";
import type { EntitlementRefusal, TokenAnswer } from "../oauth/client.ts";
import type { ClassifyFailure } from "../protocols/codec.ts";
import type { GenerateRequest, StreamError } from "../protocols/event.ts";

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
  /**
   * Names of reasoning effort that its API takes, weakest first; where it takes none (empty or
   * absent), the parameter is to be left out.
   */
  efforts?: readonly string[] | undefined;
  /** False where it takes no functions of the client's. Default: true. */
  tools?: boolean | undefined;
  /** What it is best for, a few words for a picker. */
  summary?: string | undefined;
  /** What requests with an API key cost; a subscription has limits of its own instead. */
  price?: ModelPrice | undefined;
  /** Whether its vendor is about to switch it off. Default: false. */
  isDeprecated?: boolean | undefined;
}

/** US dollars per million tokens. */
export interface ModelPrice {
  /** Of the prompt. */
  input: number;
  /** Of the answer. */
  output: number;
  /** Of what the prompt shares with an earlier one. Default: like the rest of the prompt. */
  cacheRead?: number | undefined;
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

/** One of several APIs that a provider's bearer is good for. */
export interface Upstream {
  /** Its name, as the configuration has it. */
  id: string;
  /** Base URL, without a trailing slash. */
  apiBaseUrl: string;
  /** Every host that may receive the bearer there; `*.` prefix allowed. */
  hosts: readonly string[];
  /** Headers it asks for, besides the protocol's. */
  headers: Readonly<Record<string, string>>;
  /** Scopes that a login for it asks for, besides the usual ones. */
  scopes: readonly string[];
}

/** What a provider's bearer makes besides text. */
export interface MediaSettings {
  /** Of several upstreams the one that makes media, whichever answers chats. */
  upstream?: string | undefined;
  /** Voices that everyone may use; the default first. */
  voices: readonly string[];
  /** Models that draw; the default first. */
  imageModels: readonly string[];
  /** Models that film; the default first. */
  videoModels: readonly string[];
}

/** What every way of signing in has. */
export interface SignInSettings {
  /** A public client id of the vendor's. */
  clientId: string;
  /** The name that the consent page shows for that id. */
  clientName: string;
  /** Scopes to ask for. */
  scopes: readonly string[];
  /** Environment variables that replace parts of these settings; see `EndpointOverrides`. */
  variables: {
    /** The OAuth client id. */
    clientId: string;
    /** Origin or issuer of the authorization server. */
    oauthUrl: string;
    /** Name of the endpoints profile, where there are several. */
    profile?: string | undefined;
    /** Base URL of the API. */
    apiUrl: string;
  };
}

/** Signs in with a PKCE user code, at endpoints that are known here. */
export interface UserCodeSettings extends SignInSettings {
  /** Tells the kinds of settings apart. */
  kind: "user_code";
  /** `grant_type` of the poll. */
  grantType: string;
  /** In the order to try; the first is the default. */
  profiles: readonly OAuthEndpointsProfile[];
  /** Poll interval where the server names none, ms. */
  defaultIntervalMs: number;
  /** Error codes that prove a refresh token dead, besides `invalid_grant`. */
  deadErrors: readonly string[];
  /** Reads the vendor's own success and failure marks in a token endpoint's answer. */
  readTokenAnswer: (body: JsonObject) => TokenAnswer;
  /** Mends a verification URL that is known to lead nowhere; anything else comes back as it was. */
  repairVerificationUrl: (url: string) => string;
}

/** A way to sign in at an OpenID provider. */
export type OidcFlow = "device" | "loopback";

/** Signs in at an OpenID provider whose endpoints are discovered. */
export interface OidcSettings extends SignInSettings {
  /** Tells the kinds of settings apart. */
  kind: "oidc";
  /** The issuer, as its discovery document must name it. */
  issuer: string;
  /** In the order to try. */
  flows: readonly OidcFlow[];
  /** Parameters of the authorization URL, besides the RFCs'. */
  authorizationParameters: Readonly<Record<string, string>>;
  /** Whether the code exchange repeats the challenge, which some servers check again. */
  echoesChallenge: boolean;
  /** Where the browser brings the code, on 127.0.0.1; another port where this one is taken. */
  redirect: { port: number; path: string };
  /** Origins whose pages may deliver the code by a cross-origin `fetch`. */
  consentOrigins: readonly string[];
  /** How the server says that the account or its plan is not let in. */
  entitlement: EntitlementRefusal;
  /** The page with the code filled in, for a server that names only the page. */
  completeVerificationUrl: (url: string, userCode: string) => string;
  /** Whose login it is, by the claims of its tokens; display and comparison only. */
  readAccount: (claims: TokenClaims) => AccountIdentity | undefined;
}

/** How a provider signs in. */
export type OAuthSettings = UserCodeSettings | OidcSettings;

/** The unverified claims of a login's tokens; `undefined` for a token that is absent or no JWT. */
export interface TokenClaims {
  /** Of the id token. */
  idToken: JsonObject | undefined;
  /** Of the access token. */
  accessToken: JsonObject | undefined;
}

/** Whose login it is. */
export interface AccountIdentity {
  /** The same for every login of one account. */
  id: string;
  /** For people: an e-mail address, else the id. */
  label: string;
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
  /** Tools that go by another name, or in another form, to the API: that name -> the caller's tool. */
  tools?: ReadonlyMap<string, CallersTool> | undefined;
}

/** A tool as the caller knows it. */
export interface CallersTool {
  /** Its name. */
  name: string;
  /** It takes free text; the API was told that it takes an object with that text as `input`. */
  custom: boolean;
}

/**
 * What mends a request that the API refused: tried once per request, before anything was answered.
 */
export interface Recovery {
  /** Found in the words of the refusal. */
  pattern: RegExp;
  /** Whether later requests to the same model are mended before they are sent. */
  isLasting?: boolean | undefined;
  /** The request without what was refused; `undefined` where it has nothing of the kind. */
  mend: (request: GenerateRequest, match: RegExpExecArray) => GenerateRequest | undefined;
}

/** What a provider's API asks of those who send it requests, beyond its protocol. All optional. */
export interface ApiRules {
  /** Makes a request fit for this API: what it refuses or does not know is changed or left out. */
  prepareRequest?: ((request: GenerateRequest) => PreparedRequest) | undefined;
  /** Judges failures by the vendor's own codes. */
  classifyError?: ClassifyFailure | undefined;
  /** What to do about a failure, for the person who sees it. */
  explainError?: ((error: StreamError) => string | undefined) | undefined;
  /** The same for a request for media, which other upstreams do not take. Default: `explainError`. */
  explainMediaError?: ((error: StreamError) => string | undefined) | undefined;
  /** What may mend a refused request. */
  recoveries?: readonly Recovery[] | undefined;
}

/** A provider as users name it. */
export interface Provider {
  /** Its id, as users write it. */
  id: string;
  /** Its name in pickers. */
  name: string;
  /** Its name in status lines: "Not logged into MiniMax OAuth". */
  shortName: string;
  /** What to say when nothing is stored for it. Default: `Not logged into <shortName>`. */
  noCredentials?: string | undefined;
  /** Another provider of the same vendor's, for those who have an API key. */
  apiKeyProvider?: string | undefined;
  /** Other names that mean it. */
  aliases: readonly string[];
  /** Wire protocol of its API. */
  protocol: "messages" | "responses";
  /** Provider family. A thinking block that one family sealed means nothing to another. */
  family: string;
  /**
   * Loads the rules of its API: code, where all else here is data. Who uses one provider does not wait
   * for the code of the others.
   */
  loadRules: () => Promise<ApiRules>;
  /** Tools that its API runs itself, by the type that its dialect gives them. */
  serverTools?: readonly string[] | undefined;
  /** Header that repeats the request's `promptCacheKey`. */
  conversationHeader?: string | undefined;
  /** Whether the API ignores stop sequences, so that the transport looks for them itself. */
  ignoresStopSequences?: boolean | undefined;
  /** The first is the default. */
  regions: readonly Region[];
  /** Present where the bearer is good for several APIs; the first is the default. */
  upstreams?: readonly Upstream[] | undefined;
  /** Present where its bearer is good for speech and pictures. */
  media?: MediaSettings | undefined;
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
  /** The vendor's id in models.dev's list. */
  catalogId: string;
}
