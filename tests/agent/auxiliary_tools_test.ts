// Tools that ask another model: delegated tasks, images for a model that cannot see, searches.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { imageBlock, imageType } from "../../src/agent/images.ts";
import type { Target } from "../../src/agent/target.ts";
import type { ToolContext } from "../../src/agent/tool.ts";
import { createDelegateTool } from "../../src/agent/tools/delegate.ts";
import { createSearchTool } from "../../src/agent/tools/search.ts";
import { createViewImageTool } from "../../src/agent/tools/view_image.ts";
import { readToolsets } from "../../src/agent/toolsets.ts";
import { findModel, findProvider } from "../../src/providers/mod.ts";
import { MemoryWorkspace } from "../support/memory_workspace.ts";
import { answerOf, call, sandboxTransport, scripted, text, tool } from "./support.ts";

function context(): { progress: string[]; context: ToolContext } {
  const progress: string[] = [];
  return {
    progress,
    context: {
      signal: new AbortController().signal,
      approve: () => Promise.resolve({ isApproved: true }),
      onProgress: (text) => progress.push(text),
    },
  };
}

function target(provider: string, model: string): Target {
  return {
    transport: sandboxTransport(provider),
    model,
    info: findModel(findProvider(provider)!, model),
  };
}

const PNG = new Uint8Array([0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10, 1, 2, 3]);

const IMAGES = [
  { name: "PNG", bytes: PNG, type: "image/png" },
  { name: "JPEG", bytes: new Uint8Array([0xff, 0xd8, 0xff, 0xe0]), type: "image/jpeg" },
  { name: "GIF", bytes: new TextEncoder().encode("GIF89a"), type: "image/gif" },
  { name: "WebP", bytes: new TextEncoder().encode("RIFF1234WEBPVP8 "), type: "image/webp" },
  { name: "text", bytes: new TextEncoder().encode("hello"), type: undefined },
  { name: "nothing", bytes: new Uint8Array(), type: undefined },
];

for (const { name, bytes, type } of IMAGES) {
  Deno.test(`imageType() of ${name}`, () => assertEquals(imageType(bytes), type));
}

Deno.test("imageBlock() holds large images too", () => {
  const bytes = new Uint8Array(100_000).map((_, index) => index % 251);
  const { source } = imageBlock("image/png", bytes);
  assert(source.kind === "base64");
  assertEquals(Uint8Array.from(atob(source.data), (c) => c.charCodeAt(0)), bytes);
});

const VIEWS = [
  { name: "a model that sees", asks: "grok-4.3", viewer: true, type: "image" },
  {
    name: "a model that does not, with one that does",
    asks: "MiniMax-M2.7",
    viewer: true,
    type: "text",
  },
  { name: "no model that sees", asks: "MiniMax-M2.7", viewer: false, type: "text", isError: true },
];

for (const { name, asks, viewer, type, isError } of VIEWS) {
  Deno.test(`view_image for ${name}`, async () => {
    const workspace = new MemoryWorkspace();
    workspace.files.set("/project/a.png", PNG);
    const provider = asks.startsWith("grok") ? "xai-oauth" : "minimax-oauth";
    const output = await createViewImageTool({
      workspace,
      hidden: [],
      target: () => target(provider, asks),
      viewer: () => Promise.resolve(viewer ? target("xai-oauth", "grok-4.3") : undefined),
    }).run({ path: "a.png", question: "What is it?" }, context().context);
    const [block] = output.content;
    assertEquals([block?.type, output.isError], [type, isError]);
    if (type === "text" && !isError) {
      assert(block?.type === "text");
      assertStringIncludes(block.text, "With it came 1 image");
    }
  });
}

Deno.test("view_image refuses what is no image", async () => {
  const workspace = new MemoryWorkspace();
  workspace.files.set("/project/a.png", "text");
  const { content, isError } = await createViewImageTool({
    workspace,
    hidden: [],
    target: () => target("xai-oauth", "grok-4.3"),
    viewer: () => Promise.resolve(undefined),
  }).run({ path: "a.png" }, context().context);
  assert(isError);
  assertStringIncludes(JSON.stringify(content), "no PNG, JPEG, GIF or WebP");
});

Deno.test("delegate works in a conversation of its own and gives the last answer alone", async () => {
  const transport = scripted(
    answerOf([text("Let me look."), call("a", "read_file", { path: "x" })]),
    answerOf([text("It is 42.")]),
  );
  const { progress, context: given } = context();
  const output = await createDelegateTool({
    target: () => Promise.resolve({ transport, model: "fast", info: undefined }),
    tools: [tool("read_file", undefined, { describe: () => "x" })],
    serverTools: [],
  }).run({ task: "Find it" }, given);
  assertEquals(output.content, [text("It is 42.")] as typeof output.content);
  assertEquals([output.summary, progress], ["2 rounds", ["read_file x"]]);
  assertEquals(transport.requests.map(({ model }) => model), ["fast", "fast"]);
  assertEquals(transport.requests[0]!.messages, [{ role: "user", content: [text("Find it")] }]);
});

Deno.test("delegate says when the helper does not come to an end", async () => {
  const steps = Array.from({ length: 25 }, (_, index) => answerOf([call(`${index}`, "read_file")]));
  const { isError, content } = await createDelegateTool({
    target: () =>
      Promise.resolve({ transport: scripted(...steps), model: "fast", info: undefined }),
    tools: [tool("read_file")],
    serverTools: [],
  }).run({ task: "Find it" }, context().context);
  assertEquals(isError, true);
  assertStringIncludes(JSON.stringify(content), "did not finish within 25 rounds");
});

Deno.test("web_search asks a model whose server searches, and names its sources", async () => {
  const bodies: Record<string, unknown>[] = [];
  const transport = sandboxTransport("xai-oauth", { onRequest: (body) => bodies.push(body) });
  const search = createSearchTool(
    "web_search",
    "the web",
    () => Promise.resolve({ transport, model: "grok-4.3", info: undefined }),
  );
  const { content, summary } = await search.run({ query: "[search] news" }, context().context);
  assertEquals(bodies[0]!["tools"], [{ type: "web_search" }]);
  assertStringIncludes(JSON.stringify(content), "Sources:");
  assert(summary !== "0 sources");
});

const SECTIONS: [section: unknown, on: string[], off: string[]][] = [
  [undefined, ["files", "shell", "mcp"], []],
  [{ shell: "off", files: false, mcp: "on" }, ["mcp"], ["shell", "files"]],
  ["nonsense", ["files"], []],
];

for (const [section, on, off] of SECTIONS) {
  Deno.test(`readToolsets() of ${JSON.stringify(section)}`, () => {
    const sets = readToolsets(section) as Map<string, boolean>;
    for (const id of on) assertEquals(sets.get(id), true, id);
    for (const id of off) assertEquals(sets.get(id), false, id);
  });
}
