// Files of other programs, on a real disk.

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  readUserFile,
  removeUserFile,
  replaceUserFile,
  type UserFile,
} from "../../../src/adapters/deno/user_file.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

async function inFolder(run: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await run(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function modeOf(path: string): number {
  return Deno.lstatSync(path).mode! & 0o777;
}

Deno.test("replaceUserFile() makes a file of this user's alone, folders included", () =>
  inFolder(async (folder) => {
    const path = `${folder}/a/b/settings.json`;
    assertEquals(readUserFile(path), null);
    await replaceUserFile(path, bytes("x"), null);
    assertEquals([modeOf(path), modeOf(`${folder}/a/b`)], [0o600, 0o700]);
    assertEquals(readUserFile(path), { bytes: bytes("x"), mode: 0o600 });
    removeUserFile(path, readUserFile(path)!);
    assertEquals(readUserFile(path), null);
  }));

Deno.test("replaceUserFile() keeps the mode, and leaves nothing beside", () =>
  inFolder(async (folder) => {
    const path = `${folder}/config.toml`;
    for (const mode of [0o600, 0o640, 0o666, 0o755]) {
      await Deno.writeTextFile(path, "before");
      await Deno.chmod(path, mode);
      await replaceUserFile(path, bytes("after"), readUserFile(path));
      assertEquals([modeOf(path), await Deno.readTextFile(path)], [mode, "after"]);
    }
    assertEquals(Array.from(Deno.readDirSync(folder), ({ name }) => name), ["config.toml"]);
  }));

Deno.test("replaceUserFile() writes through links, relative ones and chains, and keeps them", () =>
  inFolder(async (folder) => {
    await Deno.mkdir(`${folder}/dot`);
    await Deno.mkdir(`${folder}/home`);
    await Deno.writeTextFile(`${folder}/dot/real`, "before", { mode: 0o640 });
    await Deno.symlink("real", `${folder}/dot/second`);
    await Deno.symlink("../dot/second", `${folder}/home/config`);
    const path = `${folder}/home/config`;
    await replaceUserFile(path, bytes("after"), readUserFile(path));
    assert(Deno.lstatSync(path).isSymlink && Deno.lstatSync(`${folder}/dot/second`).isSymlink);
    assertEquals(await Deno.readTextFile(`${folder}/dot/real`), "after");
    assertEquals(modeOf(`${folder}/dot/real`), 0o640);
  }));

const REFUSED: { name: string; prepare: (path: string) => void; message: string }[] = [
  {
    name: "a link that leads nowhere",
    prepare: (path) => Deno.symlinkSync(`${path}.gone`, path),
    message: "a link that leads nowhere",
  },
  { name: "a folder", prepare: (path) => Deno.mkdirSync(path), message: "not a regular file" },
  {
    name: "a file of two names",
    prepare: (path) => {
      Deno.writeTextFileSync(path, "mine");
      Deno.linkSync(path, `${path}.other`);
    },
    message: "2 names",
  },
  {
    name: "a read-only file",
    prepare: (path) => Deno.writeTextFileSync(path, "mine", { mode: 0o444 }),
    message: "read-only",
  },
];

for (const { name, prepare, message } of REFUSED) {
  Deno.test(`replaceUserFile() refuses ${name}, and changes nothing`, () =>
    inFolder(async (folder) => {
      const path = `${folder}/config`;
      prepare(path);
      const before = Array.from(Deno.readDirSync(folder), ({ name }) => name).sort();
      await assertRejects(
        async () => await replaceUserFile(path, bytes("after"), readUserFile(path)),
        Error,
        message,
      );
      assertEquals(Array.from(Deno.readDirSync(folder), ({ name }) => name).sort(), before);
    }));
}

Deno.test("a file that somebody changed meanwhile is theirs", () =>
  inFolder(async (folder) => {
    const path = `${folder}/config`;
    await Deno.writeTextFile(path, "before");
    const before = readUserFile(path) as UserFile;
    await Deno.writeTextFile(path, "theirs");
    await assertRejects(() => replaceUserFile(path, bytes("ours"), before), Error, "meanwhile");
    await assertRejects(() => replaceUserFile(path, bytes("ours"), null), Error, "meanwhile");
    assertThrows(() => removeUserFile(path, before), Error, "meanwhile");
    assertEquals(await Deno.readTextFile(path), "theirs");
    await Deno.remove(path);
    await assertRejects(() => replaceUserFile(path, bytes("ours"), before), Error, "meanwhile");
    assertEquals(Array.from(Deno.readDirSync(folder)), []);
  }));
