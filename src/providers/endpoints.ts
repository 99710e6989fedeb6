/**
 * The URLs of a provider's region, after overrides: the vendor's own, those of a sandbox that plays
 * all vendors from one origin, or others that a user named for tests or for a vendor's move.
 *
 * Overrides are checked here and nowhere else. What is not allowed is an error, never a default.
 *
 * @module
 */

import { GrantwayError } from "../core/errors.ts";
import { isLoopbackUrl, isTrustedUrl, type TrustedHosts } from "../core/http.ts";
import type { OAuthEndpointsProfile, Provider, Region, Upstream } from "./provider.ts";

/** What the environment or the configuration replaces. All optional. */
export interface EndpointOverrides {
  /** Base URL of a running sandbox (loopback): every endpoint of every provider. */
  sandbox?: string | undefined;
  /** Whether the URLs below may be on loopback. */
  allowLoopback?: boolean | undefined;
  /**
   * Where the authorization server is: its origin, while its paths stay those of the profile; or its
   * issuer, where the paths are discovered.
   */
  oauthUrl?: string | undefined;
  /** Name of the endpoints profile to use for new logins. */
  profile?: string | undefined;
  /** Base URL of the API. */
  apiUrl?: string | undefined;
  /** Name of the upstream to use, where the provider has several. */
  upstream?: string | undefined;
  /** OAuth client id for new logins. */
  clientId?: string | undefined;
}

/** Where media are made, and where they lie then. */
export interface MediaEndpoints {
  /** Base URL of the API, without a trailing slash. */
  apiBaseUrl: string;
  /** Hosts that may receive the bearer. */
  apiHosts: TrustedHosts;
  /** Hosts that results may be downloaded from, without a bearer; each list will do. */
  resultHosts: readonly TrustedHosts[];
}

/** Where the requests of one provider and region go. */
export interface Endpoints {
  /** Base URL of the API, without a trailing slash. */
  apiBaseUrl: string;
  /** Hosts that may receive this provider's API bearer; with an override that origin alone. */
  apiHosts: TrustedHosts;
  /** Present where the provider makes media. */
  media?: MediaEndpoints | undefined;
  /** Headers that the API asks for, besides the protocol's. */
  apiHeaders: Readonly<Record<string, string>>;
  /** The issuer to discover the authorization server of, where the provider's is discovered. */
  issuer?: string | undefined;
  /** Hosts that may receive OAuth requests of this region, and that verification pages lie on. */
  oauthHosts: TrustedHosts;
  /** The authorization server's URLs under one profile, where they are known here. */
  oauth(profile: OAuthEndpointsProfile): { authorization: URL; token: URL };
}

/** The region of that id; the default one without an id; `undefined` for an unknown id. */
export function findRegion(provider: Provider, id?: string): Region | undefined {
  return id === undefined ? provider.regions[0] : provider.regions.find((r) => r.id === id);
}

/**
 * The upstream of that name; the default one without a name; `undefined` where there is only one API.
 *
 * @throws {GrantwayError} `invalid_configuration` for an unknown name.
 */
export function findUpstream(provider: Provider, id?: string): Upstream | undefined {
  const { upstreams = [] } = provider;
  const upstream = id === undefined ? upstreams[0] : upstreams.find((other) => other.id === id);
  if (id !== undefined && upstream === undefined) {
    throw new GrantwayError(
      "invalid_configuration",
      `Cannot use upstream ${JSON.stringify(id)} of ${provider.id}: ${
        upstreams.length === 0
          ? "it has no choice of upstreams"
          : `it is none of ${upstreams.map((other) => other.id).join(", ")}`
      }`,
    );
  }
  return upstream;
}

/**
 * Where the sandbox at `sandbox` plays `url`: the vendor's host becomes the first path segment, as
 * in `http://127.0.0.1:8700/api.minimax.io/oauth/token`.
 */
export function sandboxUrl(sandbox: string, url: string): string {
  const { host, pathname, search } = new URL(url);
  return `${sandbox.replace(/\/+$/, "")}/${host}${pathname}${search}`;
}

function parseUrl(name: string, text: string): URL {
  if (!URL.canParse(text)) {
    throw new GrantwayError("invalid_configuration", `Cannot use ${name}: it is not a URL`);
  }
  const url = new URL(text);
  if (url.username !== "" || url.password !== "" || url.search !== "" || url.hash !== "") {
    throw new GrantwayError(
      "invalid_configuration",
      `Cannot use ${name}: a user name, password, query or fragment has no place in it`,
    );
  }
  return url;
}

/**
 * Resolves the endpoints of `provider` in `region`.
 *
 * @throws {GrantwayError} `invalid_configuration` when an override is not allowed: for a provider
 * that signs in, https inside the vendor's hosts, or loopback with `allowLoopback`; for an API-key
 * provider any https host.
 */
export function resolveEndpoints(
  provider: Provider,
  region: Region,
  overrides: EndpointOverrides = {},
): Endpoints {
  const vendor: TrustedHosts = { hosts: region.hosts };
  const upstream = findUpstream(provider, overrides.upstream);
  const { apiBaseUrl, hosts: apiHosts } = upstream ?? region;
  const apiHeaders = upstream?.headers ?? {};
  const maker = provider.media && (findUpstream(provider, provider.media.upstream) ?? region);
  const issuer = provider.oauth?.kind === "oidc" ? provider.oauth.issuer : undefined;
  if (overrides.sandbox !== undefined) {
    const sandbox = parseUrl("the sandbox URL", overrides.sandbox);
    if (!isLoopbackUrl(sandbox)) {
      throw new GrantwayError(
        "invalid_configuration",
        `Cannot use ${sandbox.origin} as a sandbox: it is not on this machine`,
      );
    }
    const trusted: TrustedHosts = { origin: sandbox.origin };
    return {
      apiBaseUrl: sandboxUrl(sandbox.href, apiBaseUrl),
      apiHosts: trusted,
      ...withMedia(
        maker && {
          apiBaseUrl: sandboxUrl(sandbox.href, maker.apiBaseUrl),
          apiHosts: trusted,
          resultHosts: [trusted],
        },
      ),
      apiHeaders,
      issuer: issuer && sandboxUrl(sandbox.href, issuer).replace(/\/$/, ""),
      oauthHosts: trusted,
      oauth: (profile) => {
        const urls = profileUrls(profile, region);
        return {
          authorization: new URL(sandboxUrl(sandbox.href, urls.authorization)),
          token: new URL(sandboxUrl(sandbox.href, urls.token)),
        };
      },
    };
  }
  const check = (
    name: string,
    text: string | undefined,
    hosts: readonly string[],
  ): URL | undefined => {
    if (text === undefined) return undefined;
    const url = parseUrl(name, text);
    const isAllowed = (overrides.allowLoopback && isLoopbackUrl(url)) ||
      (provider.oauth === undefined ? url.protocol === "https:" : isTrustedUrl(url, { hosts }));
    if (isAllowed) return url;
    throw new GrantwayError(
      "invalid_configuration",
      `Cannot use ${url.origin} as ${name} of ${provider.id}: it is neither https${
        provider.oauth === undefined ? "" : ` on ${hosts.join(", ")}`
      } nor, with GRANTWAY_ALLOW_LOOPBACK=1, on this machine`,
    );
  };
  const api = check("the API URL", overrides.apiUrl, apiHosts);
  const oauth = check("the OAuth URL", overrides.oauthUrl, region.hosts);
  return {
    apiBaseUrl: (api?.href ?? apiBaseUrl).replace(/\/+$/, ""),
    apiHosts: api === undefined ? { hosts: apiHosts } : { origin: api.origin },
    ...withMedia(maker && mediaEndpoints(maker, region, api, maker.apiBaseUrl === apiBaseUrl)),
    apiHeaders,
    // As it was written: the server must name itself with the same characters.
    issuer: issuer && (overrides.oauthUrl ?? issuer),
    // The vendor may lead from one of its hosts to another, wherever the user starts.
    oauthHosts: oauth === undefined || isTrustedUrl(oauth, vendor)
      ? vendor
      : { origin: oauth.origin },
    oauth: (profile) => {
      const urls = profileUrls(profile, region);
      const move = (text: string): URL => {
        const url = new URL(text);
        return oauth === undefined ? url : new URL(url.pathname, oauth.origin);
      };
      return { authorization: move(urls.authorization), token: move(urls.token) };
    },
  };
}

function withMedia(media: MediaEndpoints | undefined): { media?: MediaEndpoints } {
  return media === undefined ? {} : { media };
}

/** Where media go when `api` replaces the API that chats go to, which may be another. */
function mediaEndpoints(
  maker: Region | Upstream,
  region: Region,
  api: URL | undefined,
  isShared: boolean,
): MediaEndpoints {
  const vendor: TrustedHosts = { hosts: region.hosts };
  const own = { apiBaseUrl: maker.apiBaseUrl, apiHosts: { hosts: maker.hosts } };
  if (api === undefined || !(isShared || isLoopbackUrl(api))) {
    return { ...own, resultHosts: [vendor] };
  }
  const origin: TrustedHosts = { origin: api.origin };
  return {
    apiBaseUrl: api.href.replace(/\/+$/, ""),
    apiHosts: origin,
    resultHosts: isLoopbackUrl(api) ? [origin] : [vendor, origin],
  };
}

function profileUrls(
  profile: OAuthEndpointsProfile,
  region: Region,
): { authorization: string; token: string } {
  const urls = profile.regions[region.id];
  if (urls === undefined) {
    throw new GrantwayError(
      "invalid_configuration",
      `Cannot sign in to region ${region.id}: endpoints profile ${profile.id} has none for it`,
    );
  }
  return urls;
}

/**
 * The API base URL of a grant for which the server named one, without a trailing slash. Only the
 * named origin counts, and only where the bearer may go there; the path stays ours.
 */
export function apiBaseUrlFor(
  { apiBaseUrl, apiHosts }: Pick<Endpoints, "apiBaseUrl" | "apiHosts">,
  resourceUrl: string | undefined,
): string {
  if (resourceUrl === undefined || !URL.canParse(resourceUrl)) return apiBaseUrl;
  const url = new URL(resourceUrl);
  if (!isTrustedUrl(url, apiHosts)) return apiBaseUrl;
  return `${url.origin}${new URL(apiBaseUrl).pathname}`.replace(/\/+$/, "");
}
