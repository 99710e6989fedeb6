import { assertEquals } from "@std/assert";
import { flagAnswer, withSandboxFlag } from "../../src/cli/sandbox_flag.ts";

const CASES: { message: string; flagged?: string }[] = [
  {
    message: "Run: grantway auth add xai-oauth",
    flagged: "Run: grantway auth add xai-oauth --sandbox",
  },
  {
    message: "Run: grantway auth add minimax-oauth (or xai-oauth)",
    flagged: "Run: grantway auth add minimax-oauth --sandbox (or xai-oauth)",
  },
  {
    message: "Start one: grantway gateway serve. Its log is elsewhere",
    flagged: "Start one: grantway gateway serve --sandbox. Its log is elsewhere",
  },
  {
    message: "Which: grantway models minimax-oauth; or: grantway doctor",
    flagged: "Which: grantway models minimax-oauth --sandbox; or: grantway doctor --sandbox",
  },
  {
    message: "A model: grantway model xai-oauth/grok-4.3",
    flagged: "A model: grantway model xai-oauth/grok-4.3 --sandbox",
  },
  { message: "Run: grantway chat --sandbox Hello" },
  { message: "See: grantway chat --help" },
  { message: "Any program: grantway run -- ls" },
  { message: "Deploy one: grantway gateway deploy. Its log is elsewhere" },
];
for (const { message, flagged = message } of CASES) {
  Deno.test(`withSandboxFlag() ${message}`, () => assertEquals(withSandboxFlag(message), flagged));
}

Deno.test("flagAnswer() changes the texts of a failure, and nothing else", async () => {
  const error = (hint: string) => ({ error: { code: 4, hints: [hint], none: null } });
  const failed = Response.json(error("Run: grantway doctor"), {
    status: 503,
    headers: { "x-request-id": "req_1" },
  });
  const answer = await flagAnswer(failed);
  assertEquals([answer.status, answer.headers.get("x-request-id")], [503, "req_1"]);
  assertEquals(await answer.json(), error("Run: grantway doctor --sandbox"));
  for (
    const untouched of [
      Response.json(error("grantway doctor")),
      new Response("grantway doctor", { status: 500 }),
    ]
  ) {
    assertEquals(await flagAnswer(untouched), untouched);
  }
});
