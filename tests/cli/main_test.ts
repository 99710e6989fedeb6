import { assertEquals, assertThrows } from "@std/assert";
import { UsageError } from "../../src/cli/exit_code.ts";
import { route, splitGlobals } from "../../src/cli/main.ts";

const GLOBALS = [
  { args: ["chat", "--json", "hi"], globals: ["--json"], words: ["chat", "hi"] },
  { args: ["-q", "auth", "list", "-y"], globals: ["--quiet", "--yes"], words: ["auth", "list"] },
  { args: ["chat", "--", "--json"], globals: [], words: ["chat", "--", "--json"] },
  { args: ["--sandbox"], globals: ["--sandbox"], words: [] },
];

for (const { args, globals, words } of GLOBALS) {
  Deno.test(`splitGlobals() of ${JSON.stringify(args)}`, () => {
    const split = splitGlobals(args);
    assertEquals([...split.globals], globals);
    assertEquals(split.words, words);
  });
}

const ROUTES = [
  { words: [], path: ["chat"], rest: [] },
  {
    words: ["--provider", "minimax-portal"],
    path: ["chat"],
    rest: ["--provider", "minimax-portal"],
  },
  { words: ["auth", "add", "minimax-oauth"], path: ["auth", "add"], rest: ["minimax-oauth"] },
  { words: ["config", "set", "a", "b"], path: ["config", "set"], rest: ["a", "b"] },
  { words: ["help", "auth", "add"], path: ["auth", "add"], rest: ["--help"] },
  { words: ["doctor", "--fix"], path: ["doctor"], rest: ["--fix"] },
];

for (const { words, path, rest } of ROUTES) {
  Deno.test(`route() of ${JSON.stringify(words)} is ${path.join(" ")}`, () => {
    const target = route(words);
    assertEquals(target.kind, "command");
    if (target.kind === "command") {
      assertEquals([...target.entry.path], path);
      assertEquals(target.rest, rest);
    }
  });
}

const UNKNOWN = [
  {
    words: ["auht", "add"],
    message: 'Unknown command "auht"',
    hint: "Did you mean: grantway auth",
  },
  {
    words: ["auth", "ad"],
    message: 'Unknown command "auth ad"',
    hint: "Did you mean: grantway auth add",
  },
  { words: ["frobnicate"], message: 'Unknown command "frobnicate"', hint: "See: grantway --help" },
  {
    words: ["auth", "xyzzy"],
    message: 'Unknown command "auth xyzzy"',
    hint: "See: grantway auth --help",
  },
];

for (const { words, message, hint } of UNKNOWN) {
  Deno.test(`route() of ${JSON.stringify(words)} suggests what was meant`, () => {
    const error = assertThrows(() => route(words), UsageError);
    assertEquals(error.message, message);
    assertEquals(error.hint, hint);
  });
}

for (const words of [["auth"], ["config", "--help"], ["--help"], ["help"], ["help", "auth"]]) {
  Deno.test(`route() of ${JSON.stringify(words)} is help`, () => {
    assertEquals(route(words).kind, "help");
  });
}
