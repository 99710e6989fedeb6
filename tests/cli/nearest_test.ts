import { assertEquals } from "@std/assert";
import { nearest } from "../../src/cli/nearest.ts";

const WORDS = ["auth", "chat", "config", "doctor", "minimax-oauth", "minimax-cn", "model"];

const CASES: [word: string, expected: string | undefined][] = [
  ["auht", "auth"],
  ["doctr", "doctor"],
  ["conf", "config"],
  ["minimax-oath", "minimax-oauth"],
  ["MINIMAX-OAUTH", "minimax-oauth"],
  ["minmax-cn", "minimax-cn"],
  ["frobnicate", undefined],
  ["", undefined],
  ["x".repeat(10_000), undefined],
];

for (const [word, expected] of CASES) {
  Deno.test(`nearest() of "${word.slice(0, 20)}" is ${expected}`, () => {
    assertEquals(nearest(word, WORDS), expected);
  });
}
