// Media by real processes: what is left after a kill, two at once, and bytes on real streams.

import { assert, assertEquals } from "@std/assert";
import { TestCli } from "../support/cli.ts";

/** A signed-in place for children. */
async function signedIn(): Promise<TestCli> {
  const cli = await TestCli.create({ quirks: { videoRenderMs: 100 } });
  assertEquals((await cli.run("auth add xai-oauth --quiet --no-browser")).code, 0);
  return cli;
}

Deno.test("speak and transcribe pass on real bytes, and files have the user's modes", async () => {
  await using cli = await signedIn();
  const cwd = await Deno.makeTempDir();
  try {
    const spoken = await cli.run(["speak", "Good morning", "-o", "a.wav"], { cwd });
    assertEquals([spoken.code, spoken.stdout], [0, "a.wav\n"], spoken.stderr);
    const { mode } = await Deno.stat(`${cwd}/a.wav`);
    assertEquals(mode! & 0o777, 0o666 & ~Deno.umask());
    const [fromFile, fromPipe] = await Promise.all([
      cli.run(["transcribe", "a.wav"], { cwd }),
      cli.run(["transcribe", "-"], { stdin: await Deno.readFile(`${cwd}/a.wav`) }),
    ]);
    assertEquals([fromFile.stdout, fromPipe.stdout], ["Good morning\n", "Good morning\n"]);
    const piped = await cli.shell(
      `cd ${cwd}; grantway speak Hello --format wav | grantway transcribe - && ls -A`,
    );
    assertEquals(piped.stdout, "Hello\na.wav\n", piped.stderr);
  } finally {
    await Deno.remove(cwd, { recursive: true });
  }
});

Deno.test("a video goes on after a kill; two that go on with it take a name each", async () => {
  await using cli = await signedIn();
  cli.sandbox.setQuirks({ videoRenderMs: 3_600_000 });
  const cwd = await Deno.makeTempDir();
  try {
    const child = cli.spawn(["video", "Waves", "-o", "waves.mp4"], { cwd });
    await child.said("go on with:");
    child.kill("SIGKILL");
    assertEquals((await child.result).code, 137);
    assertEquals([...Deno.readDirSync(cwd)], []);
    const unknown = await cli.run("video --resume x");
    const id = /Videos: ([0-9a-f-]{36})/.exec(unknown.stderr)![1]!;

    cli.sandbox.setQuirks({ videoRenderMs: 0 });
    const args = ["video", "--resume", id, "-o", "waves.mp4"];
    const both = await Promise.all([cli.run(args, { cwd }), cli.run(args, { cwd })]);
    // The faster one may be done, and have forgotten the job, before the other one looks.
    assert(both.some(({ code }) => code === 0), both[0]!.stderr);
    const names = [...Deno.readDirSync(cwd)].map(({ name }) => name).sort();
    assertEquals(names, ["waves.mp4", "waves-2.mp4"].slice(0, names.length).sort());
    assertEquals(names.length, both.filter(({ code }) => code === 0).length);
    assertEquals(cli.sandbox.counters.videos, 1);
  } finally {
    await Deno.remove(cwd, { recursive: true });
  }
});
