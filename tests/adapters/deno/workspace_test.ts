// Files and programs as an agent's tools meet them.

import { assert, assertEquals, assertRejects } from "@std/assert";
import { createWorkspace } from "../../../src/adapters/deno/workspace.ts";

const ENV = { PATH: Deno.env.get("PATH") ?? "" };

async function run(command: string, signal = new AbortController().signal) {
  const folder = await Deno.makeTempDir();
  let output = "";
  try {
    const code = await createWorkspace().run(command, {
      cwd: folder,
      env: ENV,
      signal,
      onOutput: (text) => output += text,
    });
    return { code, output };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const COMMANDS = [
  { command: "echo one; echo two >&2", code: 0, output: /one[^]*two|two[^]*one/ },
  { command: "exit 3", code: 3, output: /^$/ },
  { command: "cat", code: 0, output: /^$/ },
  { command: "env | grep -c -v ^PWD=", code: 0, output: /^[1-4]\n$/ },
  // What it leaves in the background holds its pipes open.
  { command: "sleep 30 & echo $!", code: 0, output: /^\d+\n$/ },
];

for (const { command, code, output } of COMMANDS) {
  Deno.test(`Workspace.run() ${command}`, async () => {
    const result = await run(command);
    assertEquals(result.code, code);
    assert(output.test(result.output), result.output);
    if (command.startsWith("sleep")) Deno.kill(Number(result.output), "SIGTERM");
  });
}

Deno.test("Workspace.run() cancelled ends what the command has started, too", async () => {
  const cancel = new AbortController();
  let pid = 0;
  const running = createWorkspace().run("sleep 30 & echo $!; wait", {
    cwd: "/",
    env: ENV,
    signal: cancel.signal,
    onOutput: (text) => {
      pid = Number(text);
      cancel.abort(new Error("enough"));
    },
  });
  await assertRejects(() => running, Error, "enough");
  const state = await new Deno.Command("sh", {
    args: ["-c", `ps -o stat= -p ${pid} || true`],
  }).output();
  // Gone, or dead and not yet collected.
  assert(/^(Z.*)?$/.test(new TextDecoder().decode(state.stdout).trim()));
});

Deno.test("Workspace reads, lists and resolves what is there", async () => {
  const folder = await Deno.realPath(await Deno.makeTempDir());
  const workspace = createWorkspace();
  try {
    await Deno.writeTextFile(`${folder}/a.txt`, "0123456789");
    await Deno.mkdir(`${folder}/b`);
    await Deno.symlink("a.txt", `${folder}/c`);
    const entries = await workspace.list(folder);
    assertEquals(entries.sort((a, b) => a.name < b.name ? -1 : 1), [
      { name: "a.txt", kind: "file" },
      { name: "b", kind: "folder" },
      { name: "c", kind: "link" },
    ]);
    const read = async (offset: number, limitBytes: number) =>
      new TextDecoder().decode(await workspace.read(`${folder}/c`, { offset, limitBytes }));
    assertEquals([await read(0, 4), await read(8, 4), await read(20, 4)], ["0123", "89", ""]);
    assertEquals(await workspace.realPath(`${folder}/c`), `${folder}/a.txt`);
    assertEquals(await workspace.realPath(`${folder}/none`), null);
    assertEquals(await workspace.stat(`${folder}/c`), { kind: "file", size: 10 });
    assertEquals(await workspace.stat(`${folder}/none`), null);
    await assertRejects(() => workspace.read(`${folder}/none`, { limitBytes: 1 }));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("Workspace.start() talks to a program and stops it", async () => {
  const program = await createWorkspace().start("cat", [], { cwd: "/", env: ENV });
  await program.write("hello\n");
  const reader = program.stdout.getReader();
  assertEquals(new TextDecoder().decode((await reader.read()).value), "hello\n");
  await program.stop();
  assertEquals(await program.ended, 0);
  reader.releaseLock();
  await program.stdout.cancel();
  await program.stderr.cancel();
});
