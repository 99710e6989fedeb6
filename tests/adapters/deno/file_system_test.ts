import {
  assert,
  assertEquals,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
} from "@std/assert";
import { createFileLock } from "../../../src/adapters/deno/file_lock.ts";
import { openFileStore } from "../../../src/adapters/deno/file_store.ts";
import { createFileSystem } from "../../../src/adapters/deno/file_system.ts";
import { CredentialError } from "../../../src/core/errors.ts";
import { FileRefusedError } from "../../../src/credentials/file_system.ts";

const BYTES = new TextEncoder().encode("secret");
const isRoot = Deno.uid() === 0;

async function withFolder(run: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await run(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function modeOf(path: string): string {
  return (Deno.lstatSync(path).mode! & 0o777).toString(8);
}

Deno.test("createFileSystem() reads null only where there is no file", () =>
  withFolder(async (folder) => {
    const files = createFileSystem();
    assertEquals(await files.read(`${folder}/none`), null);
    await files.write(`${folder}/empty`, new Uint8Array());
    assertEquals(await files.read(`${folder}/empty`), new Uint8Array());
    assertEquals(await files.read(`${folder}/empty`, { limit: 1 }), new Uint8Array());
    const error = await assertRejects(() => files.read(`${folder}/empty/below`));
    assert(!(error instanceof FileRefusedError));
  }));

Deno.test("createFileSystem() creates private files and folders whatever the umask", () =>
  withFolder(async (folder) => {
    const umask = Deno.umask(0);
    try {
      const files = createFileSystem();
      await files.ensureFolder(`${folder}/a/b`);
      await files.write(`${folder}/a/b/file`, BYTES);
      assertEquals(["a", "a/b", "a/b/file"].map((name) => modeOf(`${folder}/${name}`)), [
        "700",
        "700",
        "600",
      ]);
    } finally {
      Deno.umask(umask);
    }
  }));

Deno.test("createFileSystem() overwrites in place and cuts", () =>
  withFolder(async (folder) => {
    const files = createFileSystem(), path = `${folder}/file`;
    await files.write(path, new Uint8Array(100_000).fill(1));
    const { ino } = Deno.lstatSync(path);
    await files.write(path, BYTES);
    await files.sync(path);
    await files.syncFolder(folder);
    assertEquals(await files.read(path), BYTES);
    assertEquals(await files.read(path, { limit: 2 }), BYTES.subarray(0, 2));
    assertEquals(Deno.lstatSync(path).ino, ino);
  }));

Deno.test("createFileSystem() gives back what is known, if that is still the content", () =>
  withFolder(async (folder) => {
    const files = createFileSystem(), path = `${folder}/file`;
    // More than one block, and no whole number of words.
    const known = new Uint8Array(150_001).fill(1);
    await files.write(path, known);
    assertStrictEquals(await files.read(path, { known }), known);
    const changes: [string, Uint8Array<ArrayBuffer>][] = [
      ["its first byte", known.with(0, 2)],
      ["one of its second block", known.with(70_000, 2)],
      ["its last byte", known.with(150_000, 2)],
      ["shorter", known.slice(1)],
      ["longer", new Uint8Array([...known, 1])],
      ["empty", new Uint8Array()],
    ];
    for (const [name, changed] of changes) {
      await files.write(path, changed);
      assertEquals(await files.read(path, { known }), changed, name);
    }
    await Deno.remove(path);
    assertEquals(await files.read(path, { known }), null);
  }));

const REFUSED: { name: string; make: (path: string, aside: string) => unknown; says: string }[] = [
  {
    name: "a symbolic link",
    make: (path, aside) => (Deno.writeFileSync(aside, BYTES), Deno.symlinkSync(aside, path)),
    says: "symbolic link",
  },
  {
    name: "a dangling link",
    make: (path, aside) => Deno.symlinkSync(aside, path),
    says: "symbolic link",
  },
  {
    name: "a hard link",
    make: (path, aside) => (Deno.writeFileSync(aside, BYTES), Deno.linkSync(aside, path)),
    says: "2 names",
  },
  { name: "a folder", make: (path) => Deno.mkdirSync(path), says: "folder" },
  {
    name: "a FIFO",
    make: (path) => new Deno.Command("mkfifo", { args: [path] }).outputSync(),
    says: "not a regular file",
  },
];
for (const { name, make, says } of REFUSED) {
  Deno.test(`createFileSystem() S11 refuses ${name} and writes nothing through it`, () =>
    withFolder(async (folder) => {
      const path = `${folder}/auth.json`, aside = `${folder}/aside`;
      make(path, aside);
      const files = createFileSystem();
      const lock = createFileLock();
      for (
        const run of [
          () => files.read(path),
          () => files.write(path, new Uint8Array(1)),
          () => files.sync(path),
          () => lock.open(path),
        ]
      ) {
        await assertRejects<Error>(run, FileRefusedError, says);
      }
      if (name !== "a dangling link" && Deno.readDirSync(folder).toArray().length > 1) {
        assertEquals(Deno.readFileSync(aside), BYTES);
      }
    }));
}

Deno.test({
  name: "createFileSystem() S13 refuses what belongs to another user",
  ignore: !isRoot,
  fn: () =>
    withFolder(async (folder) => {
      const files = createFileSystem(), path = `${folder}/file`;
      await files.write(path, BYTES);
      Deno.chownSync(path, 4711, 4711);
      await assertRejects(() => files.read(path), FileRefusedError, "another user (uid 4711)");
      await assertRejects(() => files.write(path, BYTES), FileRefusedError, "another user");
      Deno.mkdirSync(`${folder}/home`);
      Deno.chownSync(`${folder}/home`, 4711, 4711);
      const store = openFileStore(`${folder}/home`);
      const error = await assertRejects(() => store.put("a", "b"), CredentialError, "another user");
      assertEquals(error.code, "storage_write");
      assertStringIncludes(error.hint!, "as that user");
      assertEquals([...Deno.readDirSync(`${folder}/home`)], []);
    }),
});

Deno.test("createFileSystem() S12 repairs loose modes with a word", () =>
  withFolder(async (folder) => {
    const warnings: string[] = [];
    const files = createFileSystem({ onWarning: (message) => warnings.push(message) });
    const home = `${folder}/home`, path = `${home}/file`;
    Deno.mkdirSync(home, { mode: 0o755 });
    Deno.chmodSync(home, 0o755);
    Deno.writeFileSync(path, BYTES);
    Deno.chmodSync(path, 0o644);
    await files.ensureFolder(home);
    assertEquals(await files.read(path), BYTES);
    assertEquals([modeOf(home), modeOf(path)], ["700", "600"]);
    assertEquals(warnings.length, 2);
    assertStringIncludes(warnings[1]!, "mode 0644");
    await files.ensureFolder(home);
    await files.read(path);
    assertEquals(warnings.length, 2);
  }));

Deno.test("createFileSystem() S12 warns of a parent that others may write", () =>
  withFolder(async (folder) => {
    const PARENTS = [
      { name: "loose", mode: 0o777, warned: 1 },
      { name: "sticky", mode: 0o1777, warned: 0 },
      { name: "own", mode: 0o755, warned: 0 },
    ];
    for (const { name, mode, warned } of PARENTS) {
      const warnings: string[] = [];
      const files = createFileSystem({ onWarning: (message) => warnings.push(message) });
      Deno.mkdirSync(`${folder}/${name}`);
      Deno.chmodSync(`${folder}/${name}`, mode);
      await files.ensureFolder(`${folder}/${name}/home`);
      await files.ensureFolder(`${folder}/${name}/home`);
      assertEquals(warnings.length, warned, name);
    }
  }));

Deno.test("createFileLock() excludes a second handle, and notices a removed file", () =>
  withFolder(async (folder) => {
    const path = `${folder}/x.lock`;
    const locks = createFileLock();
    const first = await locks.open(path), second = await locks.open(path);
    assertEquals([await first.tryLock(), await second.tryLock()], [true, false]);
    await first.writeHolder("process 12345");
    await first.writeHolder("process 1");
    assertEquals([await first.readHolder(), await second.readHolder()], ["process 1", "process 1"]);
    await first.close();
    assertEquals([await second.tryLock(), await second.isCurrent()], [true, true]);
    Deno.removeSync(path);
    assertEquals(await second.isCurrent(), false);
    Deno.writeTextFileSync(path, "\u001b[31m");
    assertEquals(await second.isCurrent(), false);
    await second.close();
    const third = await locks.open(path);
    assertEquals(await third.readHolder(), "another process");
    await third.close();
  }));

Deno.test("openFileStore() S17: 8 writers at once on different credentials lose nothing", () =>
  withFolder(async (folder) => {
    const home = `${folder}/home`;
    await Promise.all(Array.from({ length: 8 }, async (_, i) => {
      const store = openFileStore(home);
      for (let generation = 1; generation <= 10; generation++) {
        await store.put(`credential/acme/c${i}`, JSON.stringify({ id: `c${i}`, generation }));
      }
    }));
    const { providers } = JSON.parse(Deno.readTextFileSync(`${home}/auth.json`));
    assertEquals(
      providers.acme.map((credential: { generation: number }) => credential.generation),
      Array(8).fill(10),
    );
    assertEquals([...Deno.readDirSync(home)].map(({ name }) => name).toSorted(), [
      "auth.json",
      "auth.json.spare",
      "locks",
    ]);
  }));

Deno.test("openFileStore() S09: a put brings back a home folder that was deleted meanwhile", () =>
  withFolder(async (folder) => {
    const home = `${folder}/home`;
    const store = openFileStore(home);
    await store.put("key", "old");
    await store.withLease("name", async (held) => {
      await Deno.remove(home, { recursive: true });
      assertEquals(await held.isHeld(), false);
      await store.put("key", "new");
    });
    assertEquals(await openFileStore(home).get("key"), "new");
    assertEquals([modeOf(home), modeOf(`${home}/auth.json`)], ["700", "600"]);
  }));

Deno.test("openFileStore() S11 refuses a link out of the folder under scoped permissions, too", () =>
  withFolder(async (folder) => {
    const home = `${folder}/home`, aside = `${folder}/aside`;
    Deno.mkdirSync(home, { mode: 0o700 });
    Deno.writeFileSync(aside, BYTES);
    Deno.symlinkSync(aside, `${home}/auth.json.spare`);
    const module = new URL("../../../src/adapters/deno/file_store.ts", import.meta.url);
    const script = `${folder}/put.ts`;
    Deno.writeTextFileSync(
      script,
      `import { openFileStore } from ${JSON.stringify(module.href)};
      await openFileStore(Deno.args[0]).put("key", "value").catch((e) => console.log(e.message));`,
    );
    const { stdout } = await new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "--no-check",
        "--quiet",
        "--no-prompt",
        `--config=${new URL("../../../deno.json", import.meta.url).pathname}`,
        "--allow-sys=uid",
        `--allow-read=${home}`,
        `--allow-write=${home}`,
        script,
        home,
      ],
    }).output();
    assertStringIncludes(new TextDecoder().decode(stdout), "it is a symbolic link");
    assertEquals(Deno.readFileSync(aside), BYTES);
  }));

Deno.test("openFileStore() readers beside a writer always see a whole document", () =>
  withFolder(async (folder) => {
    const home = `${folder}/home`;
    const writer = openFileStore(home), reader = openFileStore(home);
    await writer.put("key", "0");
    let isWriting = true;
    const writing = (async () => {
      for (let i = 1; i <= 40; i++) await writer.put("key", String(i));
      isWriting = false;
    })();
    let last = 0;
    while (isWriting) {
      const seen = Number(await reader.get("key"));
      assert(seen >= last);
      last = seen;
      await new Promise((resolve) => setTimeout(resolve));
    }
    await writing;
  }));
