// One answer on stdout, a conversation on a terminal, and how each ends.

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { recordBodies } from "../support/chat_bodies.ts";
import { jsonLines, TestMachine } from "../support/platform.ts";

async function signedIn(): Promise<TestMachine> {
  const machine = new TestMachine({ env: { NO_COLOR: "1" } });
  await machine.signIn();
  machine.requests.length = 0;
  return machine;
}

for (
  const { args, stdin, prompt } of [
    { args: ["chat", "Review", "-"], stdin: "the diff\n", prompt: "Review\n\nthe diff\n" },
    { args: ["chat", "-"], stdin: "the diff\n", prompt: "the diff\n" },
    { args: ["chat", "Before", "-", "after"], stdin: "it", prompt: "Before\n\nit\n\nafter" },
    { args: ["chat", "Alone"], stdin: "", prompt: "Alone" },
  ]
) {
  Deno.test(`${args.join(" ")} with ${JSON.stringify(stdin)} piped in asks both`, async () => {
    const machine = await signedIn();
    const bodies = recordBodies(machine);
    assertEquals((await machine.run(args, { stdin })).code, 0);
    assertEquals(bodies.map(({ messages }) => messages[0].content), [prompt]);
  });
}

Deno.test("chat prints the plain answer on stdout, and nothing else anywhere", async () => {
  const machine = await signedIn();
  const { code, stdout, stderr } = await machine.run(["chat", "Say this"]);
  assertEquals(code, 0);
  assertMatch(stdout, /^You wrote: “Say this” .*\n$/);
  assertEquals(stderr, "");
});

Deno.test("chat takes several words, standard input, and options", async () => {
  const machine = await signedIn();
  const bodies = recordBodies(machine);
  await machine.run("chat several words");
  await machine.run(["chat", "-", "--system", "Be brief", "--max-tokens", "7"], {
    stdin: "from a pipe\n",
  });
  await machine.run("", { stdin: "without a word" });
  await machine.run(["chat", "--", "--json"]);
  assertEquals(bodies.map(({ messages }) => messages[0].content), [
    "several words",
    "from a pipe\n",
    "without a word",
    "--json",
  ]);
  assertEquals(bodies[1].max_tokens, 7);
  assertStringIncludes(JSON.stringify(bodies[1].system), "Be brief");
});

const FAILURES = [
  { prompt: "[error:429]", code: 5, says: "error 429" },
  { prompt: "[error:1002]", code: 5, says: "" },
  { prompt: "[error:1008]", code: 5, says: "insufficient balance" },
  { prompt: "[error:1008,200]", code: 5, says: "insufficient balance" },
  { prompt: "[error:500]", code: 6, says: "" },
  { prompt: "[cut]", code: 6, says: "stopped before its end" },
  { prompt: "[cut:stop]", code: 6, says: "stopped before its end" },
  { prompt: "[midstream-error:1000]", code: 6, says: "" },
  { prompt: "[refusal]", code: 10, says: "declined to answer" },
];

for (const { prompt, code, says } of FAILURES) {
  Deno.test(`chat ${prompt} ends with ${code} and one line on stderr`, async () => {
    const machine = await signedIn();
    const result = await machine.run(["chat", `${prompt} please`]);
    assertEquals(result.code, code, result.stderr);
    assertMatch(result.stderr, /^(error|warning): [^\n]+\n$/);
    assertStringIncludes(result.stderr, says);
    // What came before the failure stays as it came.
    assertEquals(/\n/.test(result.stdout), false);
  });
}

Deno.test("an answer cut by the token limit is said to be cut", async () => {
  const machine = await signedIn();
  const { code, stdout, stderr } = await machine.run(["chat", "[max_tokens] please"]);
  assertEquals(code, 0);
  assert(stdout.endsWith("\n"));
  assertStringIncludes(stderr, "The answer is cut");
});

Deno.test("without a network it is 6, and the login is as it was", async () => {
  const machine = await signedIn();
  const before = machine.file("auth.json");
  machine.fetch = () => Promise.reject(new TypeError("error sending request"));
  const { code, stderr } = await machine.run("chat Hello");
  assertEquals(code, 6);
  assertMatch(stderr, /^error: [^\n]+\n$/);
  assertEquals(machine.file("auth.json"), before);
});

Deno.test("chat --json ends with usage and the reason", async () => {
  const machine = await signedIn();
  const { stdout } = await machine.run("chat --json Hello");
  const lines = jsonLines(stdout);
  const text = lines.filter(({ type }) => type === "text").map(({ text }) => text).join("");
  assertStringIncludes(text, "You wrote: “Hello”");
  const { type, stopReason, usage } = lines.at(-1);
  assertEquals([type, stopReason], ["end", "end_turn"]);
  assert(usage.inputTokens > 0 && usage.outputTokens > 0);
});

Deno.test("a reader that leaves ends the command: 1, one line, no stack", async () => {
  const machine = await signedIn();
  const { code, stderr } = await machine.run("chat [long:500]", { stdoutLimit: 20 });
  assertEquals(code, 1);
  assertEquals(stderr, "error: Cannot write the output: its reader is gone\n");
});

Deno.test("a terminal never obeys what a model wrote; a pipe gets it as it is", async () => {
  const machine = await signedIn();
  const prompt = "Say \x1b]0;title\x07 and \x1b[2J";
  const { stdout } = await machine.run(["chat", prompt], { lines: [] });
  assertStringIncludes(stdout, "Say ]0;title and [2J");
  assert(!stdout.includes("\x1b"));
  assertStringIncludes((await machine.run(["chat", prompt])).stdout, "\x1b]0;title");
});

Deno.test("a conversation sends what was said before, and Ctrl-D leaves", async () => {
  const machine = await signedIn();
  const bodies = recordBodies(machine);
  const { code, stdout, stderr } = await machine.run("", { lines: ["first", "", "second", null] });
  assertEquals(code, 0);
  assertEquals(bodies.map(({ messages }) => messages.length), [1, 3]);
  assertEquals(
    bodies[1].messages.map(({ role }: { role: string }) => role),
    ["user", "assistant", "user"],
  );
  assertEquals(stdout.split("\n").length, 3);
  assertStringIncludes(stderr, "MiniMax-M2.7  MiniMax OAuth, login minimax-oauth-1");
});

Deno.test("/new starts over, /help lists the commands, an unknown one is not sent", async () => {
  const machine = await signedIn();
  const bodies = recordBodies(machine);
  const { stderr } = await machine.run("", {
    lines: ["one", "/new", "/help", "/nonsense", "two", "/exit"],
  });
  assertEquals(bodies.map(({ messages }) => messages.length), [1, 1]);
  assertStringIncludes(stderr, "/new ");
  assertStringIncludes(stderr, "Unknown command /nonsense");
});

Deno.test("what was not answered leaves the history", async () => {
  const machine = await signedIn();
  const bodies = recordBodies(machine);
  const { code, stderr } = await machine.run("", { lines: ["one", "[cut] two", "three", null] });
  assertEquals(code, 0);
  assertEquals(bodies.map(({ messages }) => messages.length), [1, 3, 3]);
  assertStringIncludes(stderr, "\nerror: Cannot get an answer: the answer stopped");
});

Deno.test("Ctrl-C at the prompt leaves on the second press, and a line between starts again", async () => {
  const machine = await signedIn();
  const press = () => {
    machine.clock.mono += 1_000;
    machine.interrupt();
    return null;
  };
  const { code, stderr } = await machine.run("", { lines: [press, "one", press, press] });
  assertEquals(code, 0);
  assertEquals(stderr.match(/Press Ctrl-C again to leave/g)?.length, 2);
});

Deno.test("Ctrl-C cancels the answer that comes, not the conversation", async () => {
  const machine = await signedIn();
  const bodies = recordBodies(machine);
  let isPressed = false;
  const { code, stdout, stderr } = await machine.run("", {
    lines: ["[hang] one", "two", null],
    onStderr: (text) => {
      if (isPressed || !text.includes("sandbox")) return;
      isPressed = true;
      machine.interrupt();
    },
  });
  assertEquals(code, 0);
  assertStringIncludes(stderr, "\nCancelled\n");
  assertEquals(bodies.map(({ messages }) => messages.length), [1, 1]);
  assertStringIncludes(stdout, "You wrote: “two”");
});

for (
  const [model, isHinted] of [
    ["minimax-oauth/nope", true],
    ["xai-oauth/nope", true],
    ["minimax-oauth/MiniMax-M2.7", false],
  ] as const
) {
  Deno.test(`chat refused with ${model} ${isHinted ? "says" : "need not say"} where models are listed`, async () => {
    const machine = new TestMachine();
    await machine.signIn(`auth add ${model.split("/")[0]}`);
    const { code, stderr } = await machine.run(`chat --model ${model} [error:400]`);
    assertEquals([code, stderr.includes(`grantway models ${model.split("/")[0]}`)], [1, isHinted]);
  });
}
