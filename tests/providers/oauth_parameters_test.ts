import { assertEquals, assertThrows } from "@std/assert";
import { GrantwayError } from "../../src/core/errors.ts";
import {
  findProvider,
  type OAuthParameters,
  type OidcSettings,
  withOAuthParameters,
} from "../../src/providers/mod.ts";

const SETTINGS = findProvider("xai-oauth")!.oauth as OidcSettings;

const TAKES: { name: string; parameters: OAuthParameters; change: Partial<OidcSettings> }[] = [
  { name: "nothing", parameters: {}, change: {} },
  {
    name: "scopes",
    parameters: { scopes: ["openid", "a:b"] },
    change: { scopes: ["openid", "a:b"] },
  },
  {
    name: "another parameter",
    parameters: { authorization: { referrer: "grok-build" } },
    change: { authorizationParameters: { plan: "generic", referrer: "grok-build" } },
  },
  {
    name: "no parameter",
    parameters: { authorization: { plan: null } },
    change: { authorizationParameters: { referrer: "grantway" } },
  },
  {
    name: "no challenge",
    parameters: { echoesChallenge: false },
    change: { echoesChallenge: false },
  },
  {
    name: "any port",
    parameters: { redirectPort: 0 },
    change: { redirect: { port: 0, path: "/callback" } },
  },
];

for (const { name, parameters, change } of TAKES) {
  Deno.test(`withOAuthParameters() takes ${name}, and leaves the rest`, () => {
    const before = structuredClone({ ...SETTINGS, completeVerificationUrl: 0, readAccount: 0 });
    assertEquals(withOAuthParameters(SETTINGS, parameters), { ...SETTINGS, ...change });
    const after = { ...SETTINGS, completeVerificationUrl: 0, readAccount: 0 };
    assertEquals(after as unknown, before as unknown);
  });
}

const REFUSES: { name: string; parameters: OAuthParameters }[] = [
  { name: "no scope at all", parameters: { scopes: [] } },
  { name: "a scope with a space", parameters: { scopes: ["a b"] } },
  { name: "a scope with a quote", parameters: { scopes: ['a"'] } },
  { name: "a scope beyond ASCII", parameters: { scopes: ["é"] } },
  { name: "too many scopes", parameters: { scopes: Array(51).fill("a") } },
  { name: "an unknown parameter", parameters: { authorization: { redirect_uri: "x" } } },
  { name: "an inherited parameter", parameters: { authorization: { toString: "x" } } },
  { name: "an empty parameter", parameters: { authorization: { plan: "" } } },
  { name: "a parameter of two lines", parameters: { authorization: { plan: "a\nb" } } },
  { name: "a port out of range", parameters: { redirectPort: 65_536 } },
  { name: "a negative port", parameters: { redirectPort: -1 } },
  { name: "half a port", parameters: { redirectPort: 1.5 } },
  { name: "no number", parameters: { redirectPort: NaN } },
];

for (const { name, parameters } of REFUSES) {
  Deno.test(`withOAuthParameters() refuses ${name}`, () => {
    const error = assertThrows(() => withOAuthParameters(SETTINGS, parameters), GrantwayError);
    assertEquals(error.code, "invalid_configuration");
  });
}
