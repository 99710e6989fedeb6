// oauth.md 1.2 (legacy envelope), 1.4-1.6, 8.5.1.

import { assertEquals } from "@std/assert";
import type { JsonObject } from "../../../src/core/http.ts";
import {
  readMinimaxTokenAnswer,
  repairMinimaxVerificationUrl,
} from "../../../src/providers/minimax/quirks.ts";

const baseResp = (status_code: unknown, status_msg?: unknown) => ({
  base_resp: { status_code, status_msg },
});

const ANSWERS: [body: JsonObject, kind: string, error?: string, description?: string][] = [
  [{}, "unmarked"],
  [{ access_token: "at" }, "unmarked"],
  [{ status: "success" }, "success"],
  [{ status: "pending" }, "pending"],
  [{ status: "SUCCESS" }, "unmarked"],
  [{ status: "granted" }, "unmarked"],
  [{ status: 0 }, "unmarked"],
  [{ status: "error" }, "error"],
  [
    { status: "error", error: "access_denied", error_description: "no" },
    "error",
    "access_denied",
    "no",
  ],
  [{ status: "error", error: { code: "access_denied" } }, "error"],
  [{ error: "invalid_grant" }, "unmarked"],
  [{ error: "invalid_grant", status: "success" }, "success"],
  [baseResp(0, "success"), "unmarked"],
  [{ ...baseResp(0), status: "success" }, "success"],
  [baseResp(1004, "login fail"), "error", "login fail", "login fail"],
  [
    baseResp(2049, "invalid_refresh_token"),
    "error",
    "invalid_refresh_token",
    "invalid_refresh_token",
  ],
  [{ ...baseResp(1004, "login fail"), status: "success" }, "error", "login fail", "login fail"],
  [{ ...baseResp(1004, "text"), error: "invalid_grant" }, "error", "invalid_grant", "text"],
  [baseResp(1004), "error"],
  [baseResp("1004", "text"), "unmarked"],
  [{ base_resp: null }, "unmarked"],
  [{ base_resp: [1004] }, "unmarked"],
  [{ base_resp: "1004" }, "unmarked"],
];
for (const [body, kind, error, description] of ANSWERS) {
  Deno.test(`readMinimaxTokenAnswer() of ${JSON.stringify(body)} is ${kind}`, () => {
    const answer = readMinimaxTokenAnswer(body);
    assertEquals(answer.kind, kind as typeof answer.kind);
    if (answer.kind === "error") {
      assertEquals([answer.error, answer.description], [error, description]);
    }
  });
}

const REPAIRS: [url: string, expected: string][] = [
  ["https://www.minimax.io/oauth-authorize", "https://platform.minimax.io/oauth-authorize"],
  [
    "https://www.minimax.io/oauth-authorize?user_code=A-1&client=OpenClaw",
    "https://platform.minimax.io/oauth-authorize?user_code=A-1&client=OpenClaw",
  ],
  [
    "https://www.minimax.io:8443/oauth-authorize?a=b%20c",
    "https://platform.minimax.io:8443/oauth-authorize?a=b%20c",
  ],
  ["https://WWW.MiniMax.io/oauth-authorize/x", "https://platform.minimax.io/oauth-authorize/x"],
  ["https://www.minimaxi.com/oauth-authorize", "https://platform.minimaxi.com/oauth-authorize"],
  ["https://www.minimaxi.io/oauth-authorize", "https://platform.minimaxi.io/oauth-authorize"],
  ["https://www.minimax.cn/oauth-authorize", "https://platform.minimax.cn/oauth-authorize"],
];
for (const [url, expected] of REPAIRS) {
  Deno.test(`repairMinimaxVerificationUrl() mends ${url}`, () => {
    assertEquals(repairMinimaxVerificationUrl(url), expected);
  });
}

for (
  const url of [
    "https://platform.minimax.io/oauth-authorize?user_code=A",
    "https://account.minimax.io/oauth-authorize",
    "https://www.minimax.io/",
    "https://www.minimax.io/pricing?next=/oauth-authorize",
    "http://www.minimax.io/oauth-authorize",
    "https://www.example.com/oauth-authorize",
    "https://www.minimax.io.example/oauth-authorize",
    "https://www.notminimax.io/oauth-authorize",
    "https://www.evil.minimax.io/oauth-authorize",
    "https://minimax.io/oauth-authorize",
    "not a url",
    "https://",
    "",
  ]
) {
  Deno.test(`repairMinimaxVerificationUrl() leaves ${JSON.stringify(url)} as it is`, () => {
    assertEquals(repairMinimaxVerificationUrl(url), url);
  });
}
