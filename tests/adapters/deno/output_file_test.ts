// openOutputFile(): whole or not at all, and never in the place of another unless that is allowed.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { openOutputFile } from "../../../src/adapters/deno/output_file.ts";

async function inFolder(run: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await run(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function names(folder: string): string[] {
  return [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
}

const bytes = (text: string) => new TextEncoder().encode(text);

Deno.test("openOutputFile() shows nothing under its name before it is whole", () =>
  inFolder(async (folder) => {
    const path = `${folder}/a.txt`;
    const file = openOutputFile(path, { replaces: false });
    file.write(bytes("one "));
    file.write(bytes("two"));
    assertEquals(names(folder).length, 1);
    assert(names(folder)[0]!.endsWith(".part"));
    assertEquals(await file.commit(), true);
    file.discard();
    assertEquals(names(folder), ["a.txt"]);
    assertEquals(Deno.readTextFileSync(path), "one two");
    // As the umask has it, like every other file of the user's.
    assertEquals(Deno.statSync(path).mode! & 0o777, 0o666 & ~Deno.umask());
  }));

Deno.test("openOutputFile() leaves another file alone, and takes another name then", () =>
  inFolder(async (folder) => {
    const path = `${folder}/a.txt`;
    const file = openOutputFile(path, { replaces: false });
    file.write(bytes("new"));
    Deno.writeTextFileSync(path, "old");
    assertEquals(await file.commit(), false);
    assertEquals(Deno.readTextFileSync(path), "old");
    assertEquals(await file.commit(`${folder}/b.txt`), true);
    assertEquals(Deno.readTextFileSync(`${folder}/b.txt`), "new");
    assertEquals(names(folder), ["a.txt", "b.txt"]);
  }));

Deno.test("openOutputFile() replaces where that is allowed, a link too, but not what it leads to", () =>
  inFolder(async (folder) => {
    Deno.writeTextFileSync(`${folder}/kept.txt`, "kept");
    Deno.symlinkSync(`${folder}/kept.txt`, `${folder}/a.txt`);
    const file = openOutputFile(`${folder}/a.txt`, { replaces: true });
    file.write(bytes("new"));
    assertEquals(await file.commit(), true);
    assertEquals(Deno.readTextFileSync(`${folder}/a.txt`), "new");
    assertEquals(Deno.readTextFileSync(`${folder}/kept.txt`), "kept");
  }));

Deno.test("openOutputFile() leaves nothing behind when it is discarded", () =>
  inFolder(async (folder) => {
    const file = openOutputFile(`${folder}/a.txt`, { replaces: false });
    file.write(bytes("half"));
    file.discard();
    file.discard();
    assertEquals(names(folder), []);
    assertThrows(
      () => openOutputFile(`${folder}/no/a.txt`, { replaces: false }),
      Deno.errors.NotFound,
    );
    await Promise.resolve();
  }));
