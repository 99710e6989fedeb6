// The MiniMax guide, continued: models, tools, other endpoints and keys.

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { recordBodies } from "../support/chat_bodies.ts";
import { PIXEL } from "../media/support.ts";
import { jsonLines, type TestMachine } from "../support/platform.ts";
import { assertOk, type Row, stored } from "./row.ts";

const TALK = "/anthropic/v1/messages";

/** URLs of the requests that were sent, without queries. */
function urls({ requests }: TestMachine): string[] {
  return requests.map(({ url }) => url.split("?")[0]!);
}

const SIGN_IN: Row[] = [
  {
    name: "--region global is the default by its name",
    run: async (machine) => {
      assertOk(await machine.run("auth add minimax-oauth --region global"));
      assertEquals(stored(machine).providers["minimax-oauth"][0].region, "global");
      assertOk(await machine.run("chat Hello"));
      assertEquals(machine.requests.at(-1)!.url, `https://api.minimax.io${TALK}`);
    },
  },
  ...[["global", "api.minimax.io"], ["cn", "api.minimaxi.com"]].map(([region, host]): Row => ({
    name: `region ${region}: {base_url}/oauth/code and /oauth/token, where they are served`,
    setUp: { quirks: { accountPaths: "not_found", legacyPaths: "serve" } },
    run: async (machine) => {
      assertOk(await machine.run(`auth add minimax-oauth --region ${region}`));
      assertEquals(urls(machine).slice(1), [
        `https://${host}/oauth/code`,
        `https://${host}/oauth/token`,
      ]);
    },
  })),
  {
    name: "a model is chosen without a terminal too",
    run: async (machine) => {
      await machine.signIn();
      const { stdout } = await machine.run("model minimax-oauth/MiniMax-M2.7-highspeed");
      assertEquals(stdout, "Using minimax-oauth/MiniMax-M2.7-highspeed\n");
      const answer = await machine.run("chat --json Hello");
      assertEquals(jsonLines(answer.stdout)[0].model, "MiniMax-M2.7-highspeed");
    },
  },
];

const KEYS: Row[] = [
  {
    name: "MINIMAX_BASE_URL moves minimax and no other provider",
    run: async (machine) => {
      await machine.signIn();
      machine.requests.length = 0;
      machine.fetch = () => Promise.reject(new TypeError("no network"));
      const env = {
        MINIMAX_API_KEY: "sandbox-key",
        MINIMAX_CN_API_KEY: "sandbox-of-china",
        MINIMAX_BASE_URL: "https://elsewhere.example/anthropic",
      };
      for (const provider of ["minimax", "minimax-cn", "minimax-oauth"]) {
        await machine.run(`chat --provider ${provider} Hello`, { env });
      }
      assertEquals([...new Set(machine.requests.map(({ url }) => new URL(url).host))], [
        "elsewhere.example",
        "api.minimaxi.com",
        "api.minimax.io",
      ]);
    },
  },
  ...[["MINIMAX_API_KEY", "minimax-cn"], ["MINIMAX_CN_API_KEY", "minimax"]].map((
    [variable, provider],
  ): Row => ({
    name: `${variable} is not for ${provider}`,
    run: async (machine) => {
      const env = { [variable!]: "sandbox-key" };
      const { code } = await machine.run(`chat --provider ${provider} Hello`, { env });
      assertEquals([code, machine.requests], [4, []]);
    },
  })),
];

const MODELS: Row[] = [
  {
    name: "models says what each is best for, the default on top",
    run: async (machine) => {
      await machine.signIn();
      const rows = (await machine.run("models")).stdout.split("\n").slice(2);
      assertMatch(rows[0]!, /^ {2}MiniMax-M2\.7 .*default;.* long-context reasoning, complex tool/);
      assertMatch(rows[1]!, /^ {2}MiniMax-M2\.7-highspeed .* lower latency, lighter and auxiliary/);
    },
  },
  {
    name: "tool calls work over Anthropic Messages, and their results go back",
    run: async (machine) => {
      await machine.signIn();
      machine.workspace.files.set("/project/notes.md", "the notes\n");
      const bodies = recordBodies(machine);
      const { code, stdout } = await machine.run([
        "chat",
        "--tools",
        '[tool:read_file {"path":"notes.md"}]',
      ]);
      assertEquals(code, 0);
      assertStringIncludes(stdout, "the notes");
      const [, , { content }] = bodies[1].messages;
      assertEquals(content[0].type, "tool_result");
      assert(bodies[0].tools.every(({ input_schema }: { input_schema?: unknown }) => input_schema));
    },
  },
  {
    name: "a delegated task goes to MiniMax-M2.7-highspeed with the same login",
    run: async (machine) => {
      await machine.signIn();
      const bodies = recordBodies(machine);
      const call = '[tool:delegate {"task":"Count the files"}]';
      assertOk(await machine.run(["chat", "--tools", call]));
      assertEquals(bodies.map(({ model }) => model), [
        "MiniMax-M2.7",
        "MiniMax-M2.7-highspeed",
        "MiniMax-M2.7",
      ]);
      assertEquals(
        new Set(machine.sent(TALK).map(({ headers }) => headers.get("authorization"))),
        new Set([`Bearer ${stored(machine).providers["minimax-oauth"][0].tokens.accessToken}`]),
      );
    },
  },
  {
    // The guide's auxiliary model is not known to see anything: another one of the plan's looks.
    name:
      "an image goes to the model of the list that sees, not to MiniMax-M2.7-highspeed, which does not",
    run: async (machine) => {
      await machine.signIn();
      machine.workspace.files.set("/project/a.png", PIXEL);
      const models: string[] = [];
      const { fetch } = machine;
      machine.fetch = async (input, init) => {
        const request = new Request(input, init);
        if (request.url.endsWith(TALK)) models.push((await request.clone().json()).model);
        return await fetch(input, init);
      };
      assertOk(await machine.run(["chat", "-a", "a.png", "What is this?"]));
      assertEquals(models, ["MiniMax-M3", "MiniMax-M2.7"]);
      const list = jsonLines((await machine.run("models --json")).stdout)[0].providers[0].models;
      assertEquals(
        list.filter(({ input }: { input: string[] }) => input.includes("image"))
          .map(({ id }: { id: string }) => id),
        ["MiniMax-M3"],
      );
    },
  },
];

/** More statements of the guide. */
export const MINIMAX_USE: readonly Row[] = [...SIGN_IN, ...KEYS, ...MODELS];
