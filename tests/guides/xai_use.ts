// The xAI guide, continued: models, tools, caching.

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { PIXEL } from "../media/support.ts";
import { recordBodies } from "../support/chat_bodies.ts";
import { jsonLines, type TestMachine } from "../support/platform.ts";
import { assertOk, type Row } from "./row.ts";

const HOUR = 3_600_000;

/** The ids of the chat models that `models` lists. */
async function listed(machine: TestMachine): Promise<string[]> {
  const { stdout } = await machine.run("models xai-oauth --json");
  return jsonLines(stdout)[0].providers[0].models.map(({ id }: { id: string }) => id);
}

const MODELS: Row[] = [
  {
    name: "models lists the chat models with grok-4.3 on top, and what each is",
    run: async (machine) => {
      await machine.signIn("auth add xai-oauth");
      const rows = (await machine.run("models")).stdout.split("\n").slice(2);
      const table: [RegExp, RegExp][] = [
        [/^ {2}grok-4\.3 /, /default/],
        [/^ {2}grok-4\.20-0309-reasoning /, /reason/],
        [/^ {2}grok-4\.20-0309-non-reasoning /, /answers at once/],
        [/^ {2}grok-4\.20-multi-agent-0309 /, /several agents/],
      ];
      table.forEach(([id, kind], index) => {
        assertMatch(rows[index]!, id);
        assertMatch(rows[index]!, kind);
      });
    },
  },
  {
    name: "a new release appears by itself once the list is refreshed, below grok-4.3",
    run: async (machine) => {
      await machine.signIn("auth add xai-oauth");
      await machine.run("models");
      assert(!(await listed(machine)).includes("grok-4.6"));
      machine.sandbox.setQuirks({ catalog: "newer" });
      machine.clock.mono += 4 * HOUR;
      await machine.run("models");
      const ids = await listed(machine);
      assertEquals([ids[0], ids.includes("grok-4.6")], ["grok-4.3", true]);
      const picked = jsonLines((await machine.run("model --json")).stdout)[0].choices
        .find(({ provider }: { provider: string }) => provider === "xai-oauth");
      assertEquals(picked.models.map(({ id }: { id: string }) => id), ids);
      const answer = await machine.run("chat --json -m grok-4.6 Hello");
      assertEquals(jsonLines(answer.stdout)[0].model, "grok-4.6");
    },
  },
  {
    name: "grok-4.3 is on top although the list has forgotten it",
    run: async (machine) => {
      const row = { limit: { context: 1_000, output: 100 }, release_date: "2027-01" };
      const vendors = { xai: { models: { "grok-9": row } } };
      const url = "https://models.dev/api.json";
      const checkedAt = machine.clock.now();
      await machine.write("models.json", JSON.stringify({ version: 1, url, checkedAt, vendors }));
      const ids = await listed(machine);
      assertEquals([ids[0], ids.at(-1)], ["grok-4.3", "grok-9"]);
    },
  },
  {
    name: "models that draw and film are in no list of chat models",
    run: async (machine) => {
      await machine.run("models --refresh");
      assert(machine.file("models.json")!.includes("grok-imagine-video"));
      assertEquals((await listed(machine)).filter((id) => id.includes("imagine")), []);
    },
  },
];

const TRANSPORT: Row[] = [
  {
    name: "tool calls work over the Responses API, and their results go back",
    run: async (machine) => {
      await machine.signIn("auth add xai-oauth");
      machine.workspace.files.set("/project/notes.md", "the notes\n");
      const bodies = recordBodies(machine);
      const call = '[tool:read_file {"path":"notes.md"}]';
      const { code, stdout } = await machine.run(["chat", "--tools", call]);
      assertEquals(code, 0);
      assertStringIncludes(stdout, "the notes");
      const types = bodies[1].input.map(({ type }: { type: string }) => type);
      assert(types.includes("function_call") && types.includes("function_call_output"), types);
    },
  },
  {
    name: "a conversation that goes on reads its beginning from the prompt cache",
    run: async (machine) => {
      await machine.signIn("auth add xai-oauth");
      const words = "A long beginning that stays as it is. ".repeat(200);
      assertOk(await machine.run(["chat", "--tools", words]));
      const { stdout } = await machine.run(["chat", "--continue", "--json", "And now?"]);
      const { usage } = jsonLines(stdout).at(-1);
      assert(usage.cacheReadTokens > usage.inputTokens, JSON.stringify(usage));
      const keys = machine.sent("/responses").map(({ headers }) => headers.get("x-grok-conv-id"));
      assert(keys[0] !== null);
      assertEquals(new Set(keys).size, 1);
    },
  },
];

const TOOLS: [id: string, name: string, backend: string][] = [
  ["tts", "Text-to-Speech", "xAI TTS"],
  ["image_gen", "Image Generation", "xAI Grok Imagine (image)"],
  ["video_gen", "Video Generation", "xAI Grok Imagine"],
];

// The picker itself, with its three choices where there is neither login nor key: cli/tools_test.ts.
const PICKER: Row[] = [
  ...TOOLS.map(([id, name, backend]): Row => ({
    name: `tools: ${name} is ${backend}, with the stored login and no further credential`,
    setUp: { env: { XAI_API_KEY: "xai-sandbox-key" } },
    run: async (machine) => {
      await machine.signIn("auth add xai-oauth");
      const [{ tools }] = jsonLines((await machine.run("tools list --json")).stdout);
      const tool = tools.find((tool: { id: string }) => tool.id === id);
      assertEquals([tool.name, tool.backend, tool.provider], [name, backend, "xai-oauth"]);
    },
  })),
  {
    name: "video generation is off until it is switched on: before, there is no video_generate",
    run: async (machine) => {
      await machine.signIn("auth add xai-oauth");
      const bodies = recordBodies(machine);
      const offered = async () => {
        await machine.run(["chat", "--tools", "Hello"]);
        return bodies.at(-1).tools.map(({ name }: { name?: string }) => name);
      };
      const before = await offered();
      assert(before.includes("image_generate") && !before.includes("video_generate"));
      assertOk(await machine.run("tools enable video_gen"));
      assert((await offered()).includes("video_generate"));
      assertOk(await machine.run("tools disable video_gen"));
      assert(!(await offered()).includes("video_generate"));
    },
  },
  {
    name: "grok-imagine-image draws where no model is named",
    run: async (machine) => {
      await machine.signIn("auth add xai-oauth");
      const { stdout } = await machine.run(["image", "A cat", "--json"]);
      assertEquals(jsonLines(stdout)[0].model, "grok-imagine-image");
    },
  },
  {
    name: "an eighth reference image is refused before anything is sent",
    run: async (machine) => {
      await machine.signIn("auth add xai-oauth");
      machine.workspace.files.set("/project/a.png", PIXEL);
      machine.requests.length = 0;
      const { code, stderr } = await machine.run([
        "video",
        "Waves",
        ...Array(8).fill("--reference=a.png"),
      ]);
      assertEquals([code !== 0, machine.requests], [true, []]);
      assertStringIncludes(stderr, "7");
    },
  },
];

/** More statements of the guide. */
export const XAI_USE: readonly Row[] = [...MODELS, ...TRANSPORT, ...PICKER];
