// Conversations on disk: what comes back, what a crash may tear, who may have one open.

import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { createConversationFiles } from "../../src/adapters/deno/conversation_files.ts";
import type { ConversationFiles } from "../../src/agent/conversation_files.ts";
import {
  type ConversationStore,
  createConversationId,
  createConversationStore,
} from "../../src/agent/conversation_store.ts";
import { GrantwayError } from "../../src/core/errors.ts";
import type { Message } from "../../src/protocols/event.ts";
import { createMemoryConversations } from "../support/memory_conversations.ts";
import { MemoryDisk } from "../support/memory_files.ts";
import { assertPaired, call, text } from "./support.ts";

const FOLDER = "/home/conversations";
const HEAD = {
  provider: "minimax-oauth",
  model: "MiniMax-M2.7",
  folder: "/project",
  system: "Be brief",
};

function says(words: string): Message {
  return { role: "user", content: [text(words)] };
}

interface World {
  store: ConversationStore;
  files: ConversationFiles;
  folder: string;
  warnings: string[];
  clock: { now: number };
}

const WORLDS: { name: string; open: (run: (world: World) => Promise<void>) => Promise<void> }[] = [
  {
    name: "memory",
    open: async (run) => {
      const disk = new MemoryDisk();
      const clock = { now: Date.UTC(2026, 10, 21) };
      const warnings: string[] = [];
      const files = createMemoryConversations(disk, () => clock.now);
      const store = createConversationStore({
        folder: FOLDER,
        files,
        now: () => clock.now,
        onWarning: (message) => warnings.push(message),
      });
      await run({ store, files, folder: FOLDER, warnings, clock });
    },
  },
  {
    name: "disk",
    open: async (run) => {
      const folder = `${await Deno.makeTempDir()}/home/conversations`;
      const clock = { now: Date.UTC(2026, 10, 21) };
      const warnings: string[] = [];
      const files = createConversationFiles((message) => warnings.push(message));
      const store = createConversationStore({
        folder,
        files,
        now: () => clock.now,
        onWarning: (message) => warnings.push(message),
      });
      try {
        await run({ store, files, folder, warnings, clock });
      } finally {
        await Deno.remove(folder.replace("/home/conversations", ""), { recursive: true });
      }
    },
  },
];

const CASES: { name: string; run: (world: World) => Promise<void> }[] = [
  {
    name: "gives back what was said, with its title and system prompt",
    run: async ({ store, warnings }) => {
      const made = store.create(HEAD);
      made.conversation.append(says("Why is the\n sky blue?"));
      made.conversation.append({ role: "assistant", content: [text("Scattering.")] });
      made.setTitle("Blue sky");
      await made.close();
      const again = await store.open(made.head.id);
      assertEquals(again.conversation.messages.length, 2);
      assertEquals([again.title, again.head.system], ["Blue sky", "Be brief"]);
      assertEquals(again.head.preview, "Why is the sky blue?");
      again.conversation.append(says("Go on"));
      await again.close();
      assertEquals((await store.read(made.head.id)).messages.length, 3);
      assertEquals(warnings, []);
    },
  },
  {
    name: "makes no file before anything was said",
    run: async ({ store }) => {
      await store.create(HEAD).close();
      assertEquals(await Array.fromAsync(store.list()), []);
    },
  },
  {
    name: "knows only what replaced the turns",
    run: async ({ store }) => {
      const made = store.create(HEAD);
      made.conversation.append(says("one"), says("two"));
      made.conversation.replace([says("in short")]);
      made.conversation.append(says("three"));
      await made.close();
      const { messages } = await store.read(made.head.id);
      assertEquals(messages, [says("in short"), says("three")]);
    },
  },
  {
    name: "drops a last line that a crash has torn, with a word, and goes on after it",
    run: async ({ store, files, folder, warnings }) => {
      const made = store.create(HEAD);
      made.conversation.append(says("one"));
      await made.close();
      const path = `${folder}/${made.head.id}.jsonl`;
      const file = await files.open(path);
      await file!.append(new TextEncoder().encode('{"type":"message","mess'));
      file!.close();
      const again = await store.open(made.head.id);
      assertEquals(again.conversation.messages, [says("one")]);
      again.conversation.append(says("two"));
      await again.close();
      assertEquals(warnings.length, 1);
      assertStringIncludes(warnings[0]!, "was cut by a crash");
      assertEquals((await store.read(made.head.id)).messages, [says("one"), says("two")]);
      assertEquals(warnings.length, 1);
    },
  },
  {
    name: "refuses a file that is broken elsewhere",
    run: async ({ store, files, folder }) => {
      const made = store.create(HEAD);
      made.conversation.append(says("one"));
      await made.close();
      const file = await files.open(`${folder}/${made.head.id}.jsonl`);
      await file!.append(new TextEncoder().encode('nonsense\n{"type":"title","title":"x"}\n'));
      file!.close();
      const error = await assertRejects(() => store.open(made.head.id), GrantwayError);
      assertEquals(error.code, "storage_corrupt");
      // It is closed again.
      assert(
        await files.open(`${folder}/${made.head.id}.jsonl`).then((file) => (file!.close(), true)),
      );
    },
  },
  {
    name: "leaves out what cannot be read, with a word, and finds it",
    run: async ({ store, files, folder, warnings }) => {
      const write = async (id: string, text: string) => {
        const file = await files.open(`${folder}/${id}.jsonl`);
        await file!.append(new TextEncoder().encode(text));
        file!.close();
      };
      const made = store.create(HEAD);
      made.conversation.append(says("one"));
      await made.close();
      await write("garbage", "\0\x01 nonsense");
      await write("torn", '{"type":"conversation","vers');
      await write("new", '{"type":"conversation","version":99}\n');
      await write("empty", "");
      assertEquals((await Array.fromAsync(store.list())).map(({ id }) => id), [made.head.id]);
      assertEquals(warnings.length, 3);
      for (const id of ["garbage", "torn"]) {
        assert(warnings.some((one) => one.endsWith(`grantway sessions delete ${id}`)), id);
        const error = await assertRejects(() => store.open(id), GrantwayError);
        assertEquals(error.code, "storage_corrupt");
      }
      assert(warnings.some((one) => one.includes("a newer version")));
      assertEquals((await store.findBroken()).sort(), ["garbage", "torn"]);
      await assertRejects(() => store.read("new"), GrantwayError, "a newer version");
      await assertRejects(() => store.read("empty"), GrantwayError, "There is no conversation");
    },
  },
  {
    name: "lists what has a system prompt of any length",
    run: async ({ store, warnings }) => {
      const made = store.create({ ...HEAD, system: "Be brief. ".repeat(2_000) });
      made.conversation.append(says("one"));
      await made.close();
      assertEquals((await Array.fromAsync(store.list())).map(({ id }) => id), [made.head.id]);
      assertEquals(warnings, []);
    },
  },
  ...["null", '{"role":"user"}', '{"role":"x","content":[]}', '{"role":"user","content":[1]}'].map(
    (message) => ({
      name: `refuses a turn that is ${message}`,
      run: async ({ store, files, folder }: World) => {
        const made = store.create(HEAD);
        made.conversation.append(says("one"));
        await made.close();
        const file = await files.open(`${folder}/${made.head.id}.jsonl`);
        await file!.append(new TextEncoder().encode(`{"type":"message","message":${message}}\n`));
        file!.close();
        const error = await assertRejects(() => store.read(made.head.id), GrantwayError);
        assertEquals(error.code, "storage_corrupt");
        // It is listed all the same, so that it can be removed.
        assertEquals((await Array.fromAsync(store.list())).length, 1);
      },
    }),
  ),
  {
    name: "shows the words of a question, not the file before them",
    run: async ({ store }) => {
      const made = store.create(HEAD);
      made.conversation.append({
        role: "user",
        content: [text("<file>…</file>"), text("What is it?")],
      });
      await made.close();
      assertEquals((await Array.fromAsync(store.list())).map(({ preview }) => preview), [
        "What is it?",
      ]);
    },
  },
  {
    name: "gives calls that a process left alone a result",
    run: async ({ store }) => {
      const made = store.create(HEAD);
      made.conversation.append(says("one"), { role: "assistant", content: [call("a", "shell")] });
      await made.close();
      const again = await store.open(made.head.id);
      assertPaired(again.conversation.messages);
      assertEquals(again.conversation.messages.length, 3);
      await again.close();
    },
  },
  {
    name: "has one conversation open once at a time",
    run: async ({ store }) => {
      const made = store.create(HEAD);
      made.conversation.append(says("one"));
      const wait = store.create(HEAD);
      wait.conversation.append(says("x"));
      await wait.close();
      const error = await assertRejects(
        () => store.open(made.head.id),
        GrantwayError,
        "open elsewhere",
      );
      assertEquals(error.code, "unsupported");
      await made.close();
      await (await store.open(made.head.id)).close();
    },
  },
  {
    name: "finds by the beginning or the end of an id, and lists nothing that is no conversation",
    run: async ({ store, clock, files, folder }) => {
      const ids: string[] = [];
      for (const words of ["one", "two"]) {
        clock.now += 60_000;
        const made = store.create(HEAD);
        made.conversation.append(says(words));
        await made.close();
        ids.push(made.head.id);
      }
      const other = await files.open(`${folder}/notes.jsonl`);
      await other!.append(new TextEncoder().encode("{}\n"));
      other!.close();
      assertEquals(await store.find(ids[0]!), ids[0]);
      assertEquals(await store.find(ids[1]!.slice(-5)), ids[1]);
      await assertRejects(() => store.find("2026"), GrantwayError, "2 conversations are called");
      await assertRejects(() => store.find("zzzzz"), GrantwayError, "There is no conversation");
      await assertRejects(() => store.open("../../etc/passwd"), GrantwayError, "There is no");
      const listed = await Array.fromAsync(store.list());
      assertEquals(listed.map(({ id }) => id).sort(), ids);
      await store.remove(ids[0]!);
      assertEquals((await Array.fromAsync(store.list())).map(({ preview }) => preview), ["two"]);
    },
  },
  {
    name: "says once when nothing can be saved, and the conversation goes on",
    run: async ({ files, warnings }) => {
      const store = createConversationStore({
        folder: "/nowhere",
        files: { ...files, open: () => Promise.reject(new Error("disk full")) },
        now: () => 0,
        onWarning: (message) => warnings.push(message),
      });
      const made = store.create(HEAD);
      made.conversation.append(says("one"));
      made.conversation.append(says("two"));
      await made.close();
      assertEquals(warnings, ["Cannot save the conversation: disk full"]);
      assertEquals(made.conversation.messages.length, 2);
    },
  },
];

for (const { name: world, open } of WORLDS) {
  for (const { name, run } of CASES) {
    Deno.test(`ConversationStore over ${world} ${name}`, () => open(run));
  }
}

Deno.test("the files of conversations are their owner's alone", async () => {
  const folder = `${await Deno.makeTempDir()}/c`;
  try {
    const files = createConversationFiles(() => {});
    const file = await files.open(`${folder}/a.jsonl`);
    file!.close();
    const modes = [folder, `${folder}/a.jsonl`].map((path) => Deno.statSync(path).mode! & 0o777);
    assertEquals(modes, [0o700, 0o600]);
  } finally {
    await Deno.remove(folder.slice(0, -2), { recursive: true });
  }
});

Deno.test("createConversationId() sorts by time and has nothing that must be quoted", () => {
  const ids = [0, 1_000, 1e12, 1.8e12].map(createConversationId);
  assertEquals(ids.toSorted(), ids);
  for (const id of ids) assert(/^\d{8}-\d{6}-[a-z2-9]{5}$/.test(id), id);
});
