// oauth.md 3.2, 4.7.

import { assertEquals } from "@std/assert";
import { completeXaiVerificationUrl, readXaiAccount } from "../../../src/providers/xai/quirks.ts";

const ACCOUNTS: {
  name: string;
  idToken?: Record<string, unknown>;
  accessToken?: Record<string, unknown>;
  account: { id: string; label: string } | undefined;
}[] = [
  {
    name: "e-mail address of the id token",
    idToken: { sub: "user-1", email: "a@example.com" },
    accessToken: { sub: "user-1", principal_type: "User", principal_id: "user-1" },
    account: { id: "user-1", label: "a@example.com" },
  },
  { name: "subject alone", idToken: { sub: "user-1" }, account: { id: "user-1", label: "user-1" } },
  {
    name: "access token alone",
    accessToken: { sub: "user-2", preferred_username: "bee" },
    account: { id: "user-2", label: "bee" },
  },
  {
    name: "a team, which has no e-mail address",
    idToken: { sub: "user-1", email: "a@example.com" },
    accessToken: { sub: "user-1", principal_type: "Team", principal_id: "team-9" },
    account: { id: "team-9", label: "team-9" },
  },
  {
    name: "a team in camel case",
    accessToken: { principalType: "Team", principalId: "team-9" },
    account: { id: "team-9", label: "team-9" },
  },
  {
    name: "an id token of somebody else",
    idToken: { sub: "user-9", email: "other@example.com" },
    accessToken: { sub: "user-1" },
    account: { id: "user-1", label: "user-1" },
  },
  { name: "no claims", account: undefined },
  { name: "claims of other types", idToken: { sub: 7, email: ["a"] }, account: undefined },
  { name: "empty claims", idToken: { sub: " ", email: "" }, account: undefined },
];
for (const { name, idToken, accessToken, account } of ACCOUNTS) {
  Deno.test(`readXaiAccount() of ${name}`, () => {
    assertEquals(readXaiAccount({ idToken, accessToken }), account);
  });
}

Deno.test("completeXaiVerificationUrl() adds the code to the page", () => {
  assertEquals(
    completeXaiVerificationUrl("https://accounts.x.ai/oauth2/device?lang=en", "ABCD-EFGH"),
    "https://accounts.x.ai/oauth2/device?lang=en&user_code=ABCD-EFGH",
  );
});
