/**
 * Faults that people really shipped, as patches of the production source. A simulator that does not
 * find them proves nothing.
 *
 * A mutant is a copy of `src/` with the patches applied; each pattern must be there exactly once.
 *
 * @module
 */

import { loadProduction, type Production, SOURCE } from "./production.ts";

interface Patch {
  file: string;
  find: string;
  replace: string;
}

export interface Mutant {
  name: string;
  /** What it stands for. */
  about: string;
  patches: readonly Patch[];
}

const STORE = "credentials/file_store.ts";
const ROTATION = "credentials/rotation.ts";
const ORPHAN = "credentials/orphan.ts";
const KEEPER = "credentials/access_token_source.ts";

const TAKE_LEASE = `      const lock = await acquireLock(
        \`\${lockFolder}/lease.`;
const RUN_LEASE = "return await run({ unproven, prove, isHeld });";
const NO_LEASE: Patch = {
  file: STORE,
  find: RUN_LEASE,
  replace: "await lock.close(); return await run({ unproven: false, prove, isHeld });",
};
const SAVED_BYTES = `      await files.write(sparePath, bytes);
      await files.sync(sparePath);
      await files.rename(sparePath, path);
      await files.syncFolder(folder);
      latest = { bytes, document };`;
const ORPHAN_WAIT = "return PROBE_DELAY_MS + (mayLive ? GRANT_TIMEOUT_MS : 0);";
const NO_ORPHAN_WAIT: Patch = { file: ORPHAN, find: ORPHAN_WAIT, replace: "return 0;" };

export const MUTANTS: readonly Mutant[] = [
  {
    name: "no-lock",
    about: "no lease around a refresh",
    patches: [
      {
        file: STORE,
        find: TAKE_LEASE,
        replace: `      const lock = await acquireLock(
        \`\${lockFolder}/lease.\${options.random()}.`,
      },
      NO_ORPHAN_WAIT,
    ],
  },
  {
    name: "lock-around-files-only",
    about: "the lease ends before the refresh",
    patches: [NO_LEASE],
  },
  {
    name: "no-reread",
    about: "what was read before the lock is refreshed after it",
    patches: [
      {
        file: KEEPER,
        find: "const started: Flight = { promise, waits };",
        replace: "const started: Flight = { promise, waits }; (request as any).before = before;",
      },
      {
        file: KEEPER,
        find: "const { promise, resolve, reject } = createDeferred<Credential>();",
        replace:
          "const { promise, resolve, reject } = createDeferred<Credential>(); const before = load();",
      },
      {
        file: ROTATION,
        find: "const current = requireLogin(await read(), options);",
        replace:
          "const current = requireLogin(await (presentations === 0 && (request as any).before || read()), options);",
      },
    ],
  },
  {
    name: "stale-copy-trusted",
    about: "a copy in memory counts as what is stored",
    patches: [
      {
        file: ROTATION,
        find: `  async function read(): Promise<Credential | null> {
    const text = await store.get(key);`,
        replace: `  let cached: string | null = null;
  async function read(): Promise<Credential | null> {
    const text = cached ??= await store.get(key);`,
      },
      {
        file: ROTATION,
        find:
          "const write = (credential: Credential) => store.put(key, serializeCredential(credential));",
        replace:
          "const write = (credential: Credential) => store.put(key, cached = serializeCredential(credential));",
      },
    ],
  },
  {
    name: "lease-2s",
    about: "a lease of 2 s that nobody renews",
    patches: [{
      file: STORE,
      find: RUN_LEASE,
      replace: `options.sleep(2_000).then(() => lock.close());\n        ${RUN_LEASE}`,
    }],
  },
  {
    name: "logged-out-stub",
    about: "the loser of a race writes that the login has ended",
    patches: [
      NO_LEASE,
      {
        file: ROTATION,
        find: "isAnother = stored !== null && !isSameGrant(stored, sent);",
        replace: "isAnother = false;",
      },
    ],
  },
  {
    name: "lease-30s-suspend",
    about: "a lease of 30 s by the wall clock, and a host that sleeps",
    patches: [{
      file: STORE,
      find: RUN_LEASE,
      replace: `const end = options.now() + 30_000;
        (async () => {
          while (options.now() < end) await options.sleep(500);
          await lock.close();
        })();
        ${RUN_LEASE}`,
    }],
  },
  {
    name: "truncate-in-place",
    about: "the document is written in place",
    patches: [{
      file: STORE,
      find: SAVED_BYTES,
      replace: `      await files.write(path, bytes);
      await files.sync(path);`,
    }],
  },
  {
    name: "persist-failure-swallowed",
    about: "an answer that could not be saved counts as saved",
    patches: [{
      file: ROTATION,
      find: "const error = notSaved(options, cause);",
      replace:
        "return rotated(sent, sent, tokenSet, issuedAt); const error = notSaved(options, cause);",
    }],
  },
  {
    name: "no-fsync",
    about: "the file is not fsynced before the rename",
    patches: [{
      file: STORE,
      find: SAVED_BYTES,
      replace: SAVED_BYTES.replace("      await files.sync(sparePath);\n", ""),
    }],
  },
  {
    name: "no-folder-fsync",
    about: "the folder is not fsynced after the rename",
    patches: [{
      file: STORE,
      find: SAVED_BYTES,
      replace: SAVED_BYTES.replace("      await files.syncFolder(folder);\n", ""),
    }],
  },
  {
    name: "no-intent",
    about: "nothing is written before the request, and a retry is blind",
    patches: [
      { file: ROTATION, find: "      await write(sent);\n", replace: "" },
    ],
  },
  {
    name: "intent-not-awaited",
    about: "the request does not wait for its intent to be durable",
    patches: [
      {
        file: ROTATION,
        find: "      await write(sent);\n",
        replace: "      const written = write(sent);\n      written.catch(() => {});\n",
      },
    ],
  },
  {
    name: "stale-document-written",
    about: "the document is read before its lock is taken",
    patches: [{
      file: STORE,
      find: `      await ensureFolders();
      const lock = await acquireLock(
        \`\${lockFolder}/\${lockName}.lock\`,`,
      replace: `      await ensureFolders();
      const before = await read();
      const lock = await acquireLock(
        \`\${lockFolder}/\${lockName}.lock\`,`,
    }, {
      file: STORE,
      find: "await run(await rollForward(await read()));",
      replace: "await run(await rollForward(before));",
    }],
  },
  {
    name: "no-document-lock",
    about: "writers of different credentials do not exclude each other",
    patches: [{
      file: STORE,
      find: "await run(await rollForward(await read()));",
      replace: "await lock.close(); await run(await rollForward(await read()));",
    }],
  },
  {
    name: "one-probe-then-dead",
    about: "two answers that say nothing end the login",
    patches: [{
      file: ROTATION,
      find: 'if (outcome.kind !== "granted") return await conclude(sent, outcome);',
      replace: `if (outcome.kind !== "granted") {
          const isOver = outcome.kind === "ambiguous" && sent.intent.attempt > 1;
          return await conclude(sent, isOver ? { ...outcome, kind: "dead" } : outcome);
        }`,
    }],
  },
  {
    name: "recorded-delay",
    about: "the delay before a probe counts from the time in the intent",
    patches: [{
      file: ORPHAN,
      find: "createOrphans({ recover, monotonicNow }: OrphanOptions)",
      replace: "createOrphans({ recover, monotonicNow, now }: any)",
    }, {
      file: ORPHAN,
      find: ORPHAN_WAIT,
      replace:
        "return Math.max(0, Math.min(PROBE_DELAY_MS, intent.sentAt + PROBE_DELAY_MS - now()));",
    }],
  },
  {
    name: "no-probe-delay",
    about: "a refresh whose sender died is repeated at once",
    patches: [NO_ORPHAN_WAIT],
  },
  {
    name: "no-roll-forward",
    about: "a whole newer spare file is written over",
    patches: [{
      file: STORE,
      find: "if (spare === undefined || !isNewer(spare, main)) return main;",
      replace: "return main;",
    }],
  },
  {
    name: "sync-again-only",
    about: "after an fsync that failed, a spare file is fsynced again but not written again",
    patches: [{
      file: STORE,
      find: `      await files.write(sparePath, bytes);
      await files.sync(sparePath);
      await files.rename(sparePath, path);
      await files.syncFolder(folder);
      options.onWarning`,
      replace: `      await files.sync(sparePath);
      await files.rename(sparePath, path);
      await files.syncFolder(folder);
      options.onWarning`,
    }],
  },
  {
    name: "proven-at-once",
    about: "whoever finds a new lock file makes it look like an old one",
    patches: [{
      file: STORE,
      find: "if (!unproven) await prove();",
      replace: "await prove();",
    }],
  },
  {
    name: "no-room-reserved",
    about: "a full disk has no room for the answer",
    patches: [{
      file: STORE,
      find: "await files.write(sparePath, filler(bytes.length + RESERVED_BYTES));",
      replace: "await files.write(sparePath, filler(1));",
    }],
  },
  {
    name: "handed-out-first",
    about: "the access token is handed out before it is saved",
    patches: [{
      file: ROTATION,
      find: "    for (let attempt = 1, delayMs",
      replace: `    request.handOut(rotated(sent, sent, tokenSet, issuedAt));
    for (let attempt = 1, delayMs`,
    }],
  },
  {
    name: "unreadable-is-empty",
    about: "a document that cannot be read counts as an empty one",
    patches: [{
      file: STORE,
      find: 'throw storageError("storage_read", `read ${path}`, error);',
      replace: "return emptyDocument();",
    }],
  },
  {
    name: "lock-file-trusted",
    about: "a lock on a file that was removed counts",
    patches: [{
      file: "credentials/file_lock.ts",
      find: "if (!(await file.isCurrent())) {",
      replace: "if (false) {",
    }, { file: STORE, find: "return await lock.isCurrent();", replace: "return true;" }],
  },
  {
    name: "no-pacing",
    about: "failures are retried at once",
    patches: [{
      file: ROTATION,
      find: "const turnMs = pacedMs(current, now());",
      replace: "const turnMs = 0;",
    }],
  },
  {
    name: "401-kills",
    about: "any refusal by the token endpoint ends the login",
    patches: [{
      file: "oauth/refresh_token.ts",
      find: '    kind: isUnconsumed ? "refused" : "ambiguous",',
      replace: '    kind: isRefusal ? "dead" as "refused" : "ambiguous",',
    }],
  },
  {
    name: "token-in-warning",
    about: "a message quotes a token",
    patches: [{
      file: "credentials/refresh_error.ts",
      find: 'const state = cause instanceof Error ? cause.message : "unknown error";',
      replace: "const state = JSON.stringify(cause) + name; void cause;",
    }, {
      file: ROTATION,
      find: "const error = notSaved(options, cause);",
      replace: "const error = notSaved({ ...options, name: tokenSet.accessToken }, cause);",
    }],
  },
];

/**
 * The files of `src/` that a mutant changes, as it leaves them.
 *
 * @throws {Error} When a pattern is not there exactly once.
 */
export async function plant({ name, patches }: Mutant): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  for (const { file, find, replace } of patches) {
    const text = files.get(file) ?? await Deno.readTextFile(new URL(file, SOURCE));
    const count = text.split(find).length - 1;
    if (count !== 1) throw new Error(`${name}: ${count} matches in ${file} of: ${find}`);
    files.set(file, text.replace(find, () => replace));
  }
  return files;
}

/** The production modules with a mutant planted, as `load` finds them in a source tree. */
export async function loadMutant<Loaded = Production>(
  mutant: Mutant,
  load: (source: URL) => Promise<Loaded> = loadProduction as (source: URL) => Promise<Loaded>,
): Promise<Loaded> {
  const folder = await Deno.makeTempDir({ prefix: "grantway-mutant-" });
  try {
    await copy(SOURCE.pathname, folder);
    for (const [file, text] of await plant(mutant)) {
      await Deno.writeTextFile(`${folder}/${file}`, text);
    }
    return await load(new URL(`file://${folder}/`));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function copy(from: string, to: string): Promise<void> {
  await Deno.mkdir(to, { recursive: true });
  for await (const { name, isDirectory } of Deno.readDir(from)) {
    if (isDirectory) await copy(`${from}/${name}`, `${to}/${name}`);
    else if (name.endsWith(".ts")) await Deno.copyFile(`${from}/${name}`, `${to}/${name}`);
  }
}
