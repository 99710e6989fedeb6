// MCP servers: over the streams of a program and over HTTP, and those that are not there.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { McpServer as SdkServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { WebStandardStreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js";
import { createWorkspace } from "../../../src/adapters/deno/workspace.ts";
import { type McpServer, parseMcpConfig } from "../../../src/agent/mcp/config.ts";
import { connectServers, type McpOptions } from "../../../src/agent/mcp/servers.ts";
import type { Approval, ToolContext } from "../../../src/agent/tool.ts";
import { isJsonObject } from "../../../src/core/http.ts";
import { sleep } from "../../../src/core/runtime.ts";

/** A server in plain JSON-RPC, written without the SDK, as a program. */
const PROGRAM = `
  const answers = {
    initialize: ({ protocolVersion }) => ({
      protocolVersion, capabilities: { tools: {} }, serverInfo: { name: "plain", version: "1" },
    }),
    "tools/list": ({ cursor }) => cursor === undefined
      ? { tools: [{ name: "add", description: "Adds", inputSchema: { type: "object" },
          annotations: { readOnlyHint: true } }], nextCursor: "2" }
      : { tools: [{ name: "fail", inputSchema: { type: "object" } }] },
    "tools/call": ({ name, arguments: { a, b } = {} }) => name === "add"
      ? { content: [{ type: "text", text: String(a + b) },
          { type: "image", data: "AAAA", mimeType: "image/png" },
          { type: "resource_link", name: "log", uri: "file:///log" },
          { type: "text", text: [Deno.env.get("TOKEN"), Deno.env.get("GRANTWAY_KEYS")].join() }] }
      : { content: [{ type: "text", text: "no such thing" }], isError: true },
  };
  console.log("Welcome to the server");
  console.error("started");
  let rest = "";
  for await (const text of Deno.stdin.readable.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\\n");
    rest = lines.pop();
    for (const line of lines) {
      const { id, method, params } = JSON.parse(line);
      if (id === undefined) continue;
      console.log(JSON.stringify({ jsonrpc: "2.0", id, result: answers[method](params ?? {}) }));
    }
  }`;

function program(name: string, source: string): McpServer {
  return {
    name,
    isEnabled: true,
    endpoint: {
      kind: "program",
      command: Deno.execPath(),
      args: ["eval", "--quiet", source],
      env: { TOKEN: "given" },
    },
  };
}

function options(more: Partial<McpOptions> = {}): McpOptions & { warnings: string[] } {
  const warnings: string[] = [];
  const workspace = createWorkspace();
  return {
    workspace: { ...workspace, env: () => ({ ...workspace.env(), GRANTWAY_KEYS: "secret" }) },
    isSecret: (name) => name.startsWith("GRANTWAY_"),
    fetch,
    clientVersion: "1",
    timeoutMs: 20_000,
    sleep,
    onWarning: (message) => warnings.push(message),
    warnings,
    ...more,
  };
}

function context(approval: Approval = { isApproved: true }) {
  const asked: string[] = [];
  const context: ToolContext = {
    signal: new AbortController().signal,
    approve: (action) => {
      asked.push(action);
      return Promise.resolve(approval);
    },
    onProgress: () => {},
  };
  return { asked, context };
}

Deno.test("a program's tools are listed page by page and called; what changes something asks first", async () => {
  const given = options();
  const { tools, close } = await connectServers([program("plain", PROGRAM)], given);
  try {
    assertEquals(tools.map(({ name }) => name), ["mcp__plain__add", "mcp__plain__fail"]);
    const [add, fail] = tools;
    assertEquals([add!.isParallel, fail!.isParallel], [true, false]);
    const free = context();
    const { content, summary } = await add!.run({ a: 1, b: 2 }, free.context);
    assertEquals(content, [
      { type: "text", text: "3" },
      { type: "image", source: { kind: "base64", mediaType: "image/png", data: "AAAA" } },
      { type: "text", text: "[log: file:///log]" },
      // The variables of its configuration, and none of this program's.
      { type: "text", text: "given," },
    ]);
    assertEquals([summary, free.asked], ["3", []]);
    const asking = context();
    assertEquals((await fail!.run({}, asking.context)).isError, true);
    assertEquals(asking.asked, ["fail {}"]);
    const declined = context({ isApproved: false, reason: "no" });
    assertEquals((await fail!.run({}, declined.context)).summary, "not run");
    assertEquals(given.warnings, []);
  } finally {
    await close();
  }
});

Deno.test("a server over HTTP gets its headers", async () => {
  const seen: (string | null)[] = [];
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    async (request) => {
      seen.push(request.headers.get("authorization"));
      const mcp = new SdkServer({ name: "sdk", version: "1" });
      mcp.registerTool("hello", { description: "Says hello" }, () => ({
        content: [{ type: "text", text: "hello" }],
      }));
      const transport = new WebStandardStreamableHTTPServerTransport({ enableJsonResponse: true });
      await mcp.connect(transport);
      return await transport.handleRequest(request);
    },
  );
  const given = options();
  const { tools, close } = await connectServers([{
    name: "web",
    isEnabled: true,
    endpoint: {
      kind: "url",
      url: new URL(`http://127.0.0.1:${server.addr.port}/mcp`),
      headers: { authorization: "Bearer t" },
    },
  }], given);
  try {
    assertEquals(given.warnings, []);
    const { content } = await tools[0]!.run({}, context().context);
    assertEquals(content, [{ type: "text", text: "hello" }]);
    assert(seen.length > 2 && seen.every((value) => value === "Bearer t"), seen.join());
  } finally {
    await close();
    await server.shutdown();
  }
});

Deno.test("servers that are not there are a warning each, and the others answer", async () => {
  const given = options({
    // Only the one that says nothing is waited for.
    timeoutMs: 1_500,
  });
  const dead = new URL("http://127.0.0.1:1/mcp");
  const { tools, close } = await connectServers([
    {
      ...program("missing", ""),
      endpoint: { kind: "program", command: "/none", args: [], env: {} },
    },
    program("dies", "console.error('no config'); Deno.exit(3)"),
    program("silent", "setInterval(() => {}, 1000)"),
    { name: "gone", isEnabled: true, endpoint: { kind: "url", url: dead, headers: {} } },
    { ...program("off", ""), isEnabled: false },
    program("plain", PROGRAM),
  ], given);
  try {
    assertEquals(tools.length, 2);
    const warnings = given.warnings.sort();
    assertEquals(warnings.length, 4);
    assertStringIncludes(warnings[0]!, "MCP server dies: ");
    assertStringIncludes(warnings[0]!, "no config");
    assertStringIncludes(warnings[1]!, "MCP server gone: ");
    assertStringIncludes(warnings[2]!, "MCP server missing: ");
    assertEquals(warnings[3], "MCP server silent: it did not answer within 2 s");
  } finally {
    await close();
  }
});

const CONFIGS: { name: string; section: unknown; servers?: unknown; problem?: string }[] = [
  { name: "nothing", section: undefined, servers: [] },
  { name: "no servers", section: {}, servers: [] },
  { name: "no mapping", section: [], problem: "mcp.servers is not a mapping" },
  {
    name: "a program",
    section: { servers: { a: { command: "x", args: [1, "${TOKEN}"], env: { T: "${TOKEN}!" } } } },
    servers: [{
      name: "a",
      isEnabled: true,
      endpoint: { kind: "program", command: "x", args: ["1", "tk"], env: { T: "tk!" } },
    }],
  },
  {
    name: "a URL that is off",
    section: {
      servers: { a: { url: "https://h/mcp", enabled: false, headers: { x: "${NONE}" } } },
    },
    servers: [{
      name: "a",
      isEnabled: false,
      endpoint: { kind: "url", url: "https://h/mcp", headers: { x: "" } },
    }],
  },
  {
    name: "both",
    section: { servers: { a: { command: "x", url: "y" } } },
    problem: "either command or url",
  },
  { name: "a file URL", section: { servers: { a: { url: "file:///x" } } }, problem: "no http" },
  {
    name: "a bad name",
    section: { servers: { "a b": { command: "x" } } },
    problem: "the name may",
  },
  {
    name: "args as text",
    section: { servers: { a: { command: "x", args: "y" } } },
    problem: "args is not a list",
  },
  {
    name: "a variable that is not set",
    section: { servers: { a: { command: "x", env: { T: "${NONE}" } } } },
    problem: "mcp.servers.a: NONE is not set",
  },
];

for (const { name, section, servers, problem } of CONFIGS) {
  Deno.test(`parseMcpConfig() of ${name}`, async () => {
    const variable = (name: string) => Promise.resolve(name === "TOKEN" ? "tk" : undefined);
    const config = await parseMcpConfig(section, variable);
    if (problem !== undefined) {
      assertEquals(config.problems.length, 1);
      return assertStringIncludes(config.problems[0]!, problem);
    }
    const plain = JSON.parse(JSON.stringify(config.servers));
    assert(Array.isArray(plain) && plain.every(isJsonObject));
    assertEquals(plain, servers);
  });
}
