/**
 * How soon a chat says its first word in a home that has been lived in (1,000 conversations, an MCP
 * server of 50 tools) beside a new one, in interleaved rounds. The goal is 1.10.
 *
 * A plain prompt is measured from the start of the program to its first byte; a conversation from the
 * Enter key, in tmux, to the request that it sends: what follows is the server's time.
 *
 * `deno task bench first_token [--runs 15]`
 *
 * @module
 */

import { createSandbox } from "../../src/sandbox/mod.ts";

const CLI = new URL("../../src/cli.ts", import.meta.url).pathname;
const COMMAND = [
  Deno.execPath(),
  "run",
  "--no-check",
  "--allow-net",
  "--allow-read",
  "--allow-write",
  "--allow-env",
  "--allow-run",
  "--allow-sys",
  CLI,
];
const CONVERSATIONS = 1_000;
const TOOLS = 50;
/** The MCP server is there by then; a person takes longer to type a question. */
const SETTLE_MS = 4_000;

const runsFlag = Deno.args.indexOf("--runs");
const runs = runsFlag === -1 ? 15 : Number(Deno.args[runsFlag + 1]);
const root = await Deno.makeTempDir({ prefix: "grantway-bench-" });

/** Speaks MCP over its standard streams. */
const SERVER = `
const tools = Array.from({ length: ${TOOLS} }, (_, index) => ({
  name: "tool_" + index,
  description: "Does the thing number " + index + ", with care and in good time",
  inputSchema: { type: "object", properties: { path: { type: "string" }, count: { type: "integer" } } },
}));
const answers = {
  initialize: ({ protocolVersion }) => ({
    protocolVersion, capabilities: { tools: {} }, serverInfo: { name: "bench", version: "1" },
  }),
  "tools/list": () => ({ tools }),
};
let rest = "";
for await (const text of Deno.stdin.readable.pipeThrough(new TextDecoderStream())) {
  const lines = (rest + text).split("\\n");
  rest = lines.pop();
  for (const line of lines) {
    const { id, method, params } = JSON.parse(line);
    if (id !== undefined) console.log(JSON.stringify({ jsonrpc: "2.0", id, result: answers[method]?.(params) ?? {} }));
  }
}`;

let onInference = (_body: string) => {};
const sandbox = createSandbox({ autoApprove: true });
const server = Deno.serve(
  { hostname: "127.0.0.1", port: 0, onListen: () => {} },
  async (request) => {
    if (!new URL(request.url).pathname.endsWith("/v1/messages")) return sandbox.handle(request);
    const body = await request.text();
    onInference(body);
    return sandbox.handle(
      new Request(request.url, { ...request, method: "POST", headers: request.headers, body }),
    );
  },
);

/** One home. */
interface Home {
  name: string;
  env: Record<string, string>;
  terminal: string;
}

async function createHome(name: string, isFull: boolean): Promise<Home> {
  const folder = `${root}/${name}`;
  await Deno.mkdir(folder, { mode: 0o700 });
  const env = {
    GRANTWAY_HOME: folder,
    GRANTWAY_SANDBOX: `http://127.0.0.1:${server.addr.port}`,
    DENO_NO_UPDATE_CHECK: "1",
  };
  const login = await new Deno.Command(COMMAND[0]!, {
    args: [...COMMAND.slice(1), "auth", "add", "minimax-oauth", "--no-browser", "--quiet"],
    env,
  }).output();
  if (!login.success) throw new Error(new TextDecoder().decode(login.stderr));
  if (isFull) {
    await Deno.writeTextFile(`${root}/server.ts`, SERVER);
    const config = `${folder}/sandbox/config.yaml`;
    await Deno.writeTextFile(
      config,
      `${await Deno.readTextFile(
        config,
      )}mcp:\n  servers:\n    bench:\n      command: ${Deno.execPath()}\n      args: [run, --no-check, ${root}/server.ts]\n`,
    );
    const conversations = `${folder}/sandbox/conversations`;
    await Deno.mkdir(conversations, { mode: 0o700 });
    const turn = { role: "assistant", content: [{ type: "text", text: "word ".repeat(2_000) }] };
    for (let index = 0; index < CONVERSATIONS; index++) {
      const id = `20260101-000000-${index}`;
      const head = { type: "conversation", version: 1, id, createdAt: 0, preview: "words" };
      await Deno.writeTextFile(
        `${conversations}/${id}.jsonl`,
        `${JSON.stringify(head)}\n${JSON.stringify({ type: "message", message: turn })}\n`,
        { mode: 0o600 },
      );
    }
  }
  return { name, env, terminal: `grantway-bench-${name}-${crypto.randomUUID()}` };
}

/** A plain prompt: ms from its start to its first byte. */
async function plain({ env }: Home): Promise<number> {
  const startedAt = performance.now();
  const child = new Deno.Command(COMMAND[0]!, {
    args: [...COMMAND.slice(1), "chat", "--no-save", "Hello"],
    env,
    stdin: "null",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const reader = child.stdout.getReader();
  await reader.read();
  const ms = performance.now() - startedAt;
  reader.releaseLock();
  await child.stdout.cancel();
  await child.status;
  return ms;
}

async function tmux(home: Home, ...args: string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command("tmux", {
    args: ["-L", home.terminal, ...args],
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
}

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** One question of a conversation: ms from the Enter key to the request. */
async function question(home: Home, number: number): Promise<number> {
  const text = `Question ${number}`;
  await tmux(home, "send-keys", "-l", text);
  await sleep(100);
  const { promise, resolve } = Promise.withResolvers<number>();
  onInference = (body) => {
    const { model, tools = [] } = JSON.parse(body);
    if (!body.includes(text) || model.endsWith("highspeed")) return;
    if (home.name === "full" && tools.length < TOOLS) throw new Error("The tools are not there");
    resolve(performance.now());
  };
  const startedAt = performance.now();
  await tmux(home, "send-keys", "Enter");
  const ms = await promise - startedAt;
  await sleep(300);
  await tmux(home, "send-keys", "-l", "/new");
  await tmux(home, "send-keys", "Enter");
  await sleep(200);
  return ms;
}

const median = (values: number[]) => values.toSorted((a, b) => a - b)[values.length >> 1]!;

const homes: Home[] = [];
try {
  homes.push(await createHome("new", false), await createHome("full", true));
  const rows: [string, (home: Home, round: number) => Promise<number>][] = [
    ["chat, a plain prompt, to its first byte", plain],
    ["a conversation, from Enter to its request", question],
  ];
  for (const home of homes) {
    const env = Object.entries(home.env).flatMap(([name, value]) => ["-e", `${name}=${value}`]);
    await tmux(
      home,
      "-f",
      "/dev/null",
      "new-session",
      "-d",
      "-x",
      "120",
      "-y",
      "40",
      ...env,
      COMMAND.join(" "),
    );
  }
  await sleep(SETTLE_MS);
  console.log(`Median of ${runs} interleaved runs.\n`);
  console.log("| | new home, ms | lived in, ms | × |\n| --- | --- | --- | --- |");
  for (const [name, measure] of rows) {
    const times: [number[], number[]] = [[], []];
    // Two rounds warm the caches.
    for (let round = -2; round < runs; round++) {
      for (const [index, home] of homes.entries()) {
        const ms = await measure(home, round);
        if (round >= 0) times[index]!.push(ms);
      }
    }
    const [before, after] = times;
    const ratio = median(after.map((ms, round) => ms / before[round]!));
    console.log(
      `| ${name} | ${median(before).toFixed(1)} | ${median(after).toFixed(1)} | ${
        ratio.toFixed(2)
      } |`,
    );
  }
  const startedAt = performance.now();
  const list = await new Deno.Command(COMMAND[0]!, {
    args: [...COMMAND.slice(1), "sessions", "list", "--all"],
    env: homes[1]!.env,
  }).output();
  const count = new TextDecoder().decode(list.stdout).trim().split("\n").length;
  console.log(
    `\nsessions list --all: ${count} in ${(performance.now() - startedAt).toFixed(0)} ms`,
  );
} finally {
  for (const home of homes) await tmux(home, "kill-server").catch(() => {});
  await server.shutdown();
  await Deno.remove(root, { recursive: true });
}
