/**
 * What `connect --write` changes in a client's file, and how `--undo` gives it back.
 *
 * What was there before is kept in a record of the home folder, written before the file is: after a
 * crash in between there is nothing to undo, and undoing finds that out. A file that nobody touched since
 * is led back byte by byte; from one that was edited only what is still ours is taken out.
 *
 * @module
 */

import { CredentialError, GrantwayError } from "../../core/errors.ts";
import { toHex } from "../../core/hex.ts";
import { parseJsonObject } from "../../core/http.ts";
import { displayText } from "../../core/redact.ts";
import type { KvStore, Lease } from "../../credentials/kv_store.ts";
import { isSealed, keyMissing } from "../../credentials/sealing.ts";
import type { Context } from "../context.ts";
import { rootHome } from "../home.ts";
import type { UserFile } from "../platform.ts";
import type { Client, ClientFile } from "./client.ts";
import {
  type EarlierSetting,
  type Edit,
  restoreSettings,
  type Setting,
  type SettingPath,
  type SettingsFormat,
  SyntaxProblem,
  undoExactly,
  writeSettings,
  type Written,
} from "./settings_format.ts";

/** A key that was made for a file. */
export interface KeyNote {
  /** Its id. */
  id: string;
  /** Whether it is one of the sandbox's gateway. */
  isSandbox: boolean;
}

/** What was written into one file. */
interface WrittenRecord {
  version: 1;
  /** Whether there was no file before. */
  isNew: boolean;
  /** SHA-256 of the file as it was written. */
  digest: string;
  /** Leads from there back to what was before. */
  undo: Edit[];
  /** Each with digests of what was written there last, and before that: a crash leaves either. */
  settings: { path: SettingPath; digests: string[]; before?: string }[];
  created: SettingPath[];
  key?: KeyNote;
}

/** What happens to one setting. */
export interface Change {
  /** Its keys, joined by dots. */
  setting: string;
  /** What happens to it. */
  action: "added" | "replaced" | "updated" | "restored" | "removed" | "left";
  /** Its new value; undefined for a secret, and for what is taken away. */
  value?: string | number;
}

/** A file and what is known of it. */
export interface OpenFile {
  /** Where it is. */
  path: string;
  /** The key that was made for it. */
  key: KeyNote | undefined;
  /** Whether there is something to undo. */
  isWritten: boolean;
  /** The value that was written there, unless it was changed since. */
  ownValue(path: SettingPath): Promise<string | undefined>;
  /** Whether something is set there. */
  has(path: SettingPath): boolean;
  /** What writing would change. */
  planWrite(settings: readonly Setting[]): Promise<Plan>;
  /** What undoing would change. */
  planUndo(): Promise<Plan>;
}

/** What would be done. */
export interface Plan {
  /** Setting by setting. */
  changes: Change[];
  /** Permission bits of the file; undefined where there is none yet. */
  mode: number | undefined;
  /** Does it. */
  run(key?: KeyNote): Promise<void>;
}

/** Runs with a client's file, alone among all that do. */
export async function withClientFile<T>(
  context: Context,
  client: Client & { file: ClientFile },
  run: (file: OpenFile) => Promise<T>,
): Promise<T> {
  const { platform, output } = context;
  const path = client.file.path(platform);
  if (path.startsWith("~/")) {
    throw new GrantwayError(
      "invalid_configuration",
      `Cannot find the configuration of ${client.name}: HOME is not set`,
    );
  }
  // Of the user's home always: the file is the same one for the sandbox.
  const store = platform.openStore(rootHome(platform), output.warn, "clients.json");
  const name = `connect/${client.id}/${path}`;
  const format = await client.file.format();
  return await store.withLease(
    name,
    async () => await run(await openFile(context, store, name, path, format)),
  );
}

async function openFile(
  context: Context,
  store: KvStore & Lease,
  name: string,
  path: string,
  format: SettingsFormat,
): Promise<OpenFile> {
  const { platform } = context;
  const record = await readRecord(context, store, name);
  const file = await guarded("read", path, () => platform.userFiles.read(path));
  const text = file === null ? "" : decode(path, file);

  const replace = (next: string | null, before: UserFile | null) =>
    guarded("write", path, async () => {
      if (next !== null) {
        await platform.userFiles.replace(path, new TextEncoder().encode(next), before);
      } else if (before !== null) {
        await platform.userFiles.remove(path, before);
      }
    });

  const isOurs = async (setting: SettingPath, source: string): Promise<boolean> => {
    const digest = await digestOf(source);
    return record?.settings.some((known) =>
      known.digests.includes(digest) && known.path.join("\0") === setting.join("\0")
    ) ?? false;
  };

  const lastDigests = (setting: SettingPath): string[] =>
    record?.settings.find((known) => known.path.join("\0") === setting.join("\0"))
      ?.digests.slice(0, 1) ?? [];

  /** Without what an earlier run wrote, and what became of each of its settings. */
  const undone = async (): Promise<{ text: string | null; changes: Change[] }> => {
    if (record === undefined) return { text: file === null ? null : text, changes: [] };
    const { settings, created, isNew, undo } = record;
    if (file === null) return { text: null, changes: [] };
    const result: Change[] = [];
    const change = ({ path, before }: { path: SettingPath; before?: string }) =>
      result.push({
        setting: path.join("."),
        action: before === undefined ? "removed" : "restored",
      });
    if (await digestOf(text) === record.digest) {
      settings.forEach(change);
      return { text: isNew ? null : undoExactly(text, undo), changes: result };
    }
    const document = parsing(path, () => format.parse(text));
    const ours: EarlierSetting[] = [];
    for (const { path, before } of settings) {
      const source = document.get(path);
      if (source !== undefined && await isOurs(path, source)) {
        ours.push({ path, before });
        change({ path, ...(before === undefined ? {} : { before }) });
      } else {
        result.push({ setting: path.join("."), action: "left" });
      }
    }
    const restored = parsing(path, () => {
      const restored = restoreSettings(format, text, ours, created);
      return { text: restored, isEmpty: format.parse(restored).isEmpty };
    });
    return { text: isNew && restored.isEmpty ? null : restored.text, changes: result };
  };

  return {
    path,
    key: record?.key,
    isWritten: record !== undefined,

    ownValue: async (setting) => {
      if (record === undefined) return undefined;
      const source = parsing(path, () => format.parse(text)).get(setting);
      // What is written here is a string that JSON and TOML write alike.
      return source !== undefined && await isOurs(setting, source) ? JSON.parse(source) : undefined;
    },

    has: (setting) => parsing(path, () => format.parse(text)).get(setting) !== undefined,

    planWrite: async (settings) => {
      // An earlier run's are taken back first: they are not what `--undo` has to give back.
      const base = (await undone()).text;
      const written: Written = parsing(path, () => writeSettings(format, base ?? "", settings));
      const current = parsing(path, () => format.parse(text));
      return {
        mode: file?.mode,
        changes: (await Promise.all(
          settings.map(async ({ path, value, isSecret }): Promise<Change[]> => {
            const source = current.get(path);
            if (source === format.write(value)) return [];
            return [{
              setting: path.join("."),
              action: source === undefined
                ? "added"
                : await isOurs(path, source)
                ? "updated"
                : "replaced",
              ...(isSecret ? {} : { value }),
            }];
          }),
        )).flat(),
        run: async (key) => {
          const earlier = await store.get(name);
          await writeRecord(context, store, name, {
            version: 1,
            isNew: base === null,
            digest: await digestOf(written.text),
            undo: written.undo,
            settings: await Promise.all(settings.map(async ({ path, value }, index) => {
              const before = written.before[index];
              return {
                path,
                digests: [await digestOf(format.write(value)), ...lastDigests(path)],
                ...(before === undefined ? {} : { before }),
              };
            })),
            created: written.created,
            ...(key === undefined ? {} : { key }),
          });
          try {
            await replace(written.text, file);
          } catch (error) {
            // Nothing was written, so what was known before still holds.
            await (earlier === null ? store.delete(name) : store.put(name, earlier));
            throw error;
          }
        },
      };
    },

    planUndo: async () => {
      const { text, changes } = await undone();
      return {
        mode: file?.mode,
        changes,
        run: async () => {
          await replace(text, file);
          await store.delete(name);
        },
      };
    },
  };
}

/** Other files of the client that something was written into. */
export async function otherWrittenFiles(context: Context, client: Client): Promise<string[]> {
  const { platform, output } = context;
  const store = platform.openStore(rootHome(platform), output.warn, "clients.json");
  const { keys } = await store.list({ prefix: `connect/${client.id}/` });
  return keys.map((key) => key.slice(`connect/${client.id}/`.length));
}

function decode(path: string, { bytes }: UserFile): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new GrantwayError("invalid_configuration", `Cannot edit ${path}: it is not UTF-8`);
  }
}

function parsing<T>(path: string, run: () => T): T {
  try {
    return run();
  } catch (error) {
    if (!(error instanceof SyntaxProblem)) throw error;
    throw new GrantwayError(
      "invalid_configuration",
      `Cannot edit ${path}: line ${error.line}: ${displayText(error.message)}`,
      { cause: error, hint: "Mend the file first; nothing has been changed" },
    );
  }
}

async function guarded<T>(
  action: "read" | "write",
  path: string,
  run: () => Promise<T>,
): Promise<T> {
  try {
    return await run();
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error);
    const hint = error instanceof Error && "hint" in error ? error.hint : undefined;
    throw new CredentialError(
      action === "read" ? "storage_read" : "storage_write",
      `Cannot ${action} ${path}: ${problem}`,
      { cause: error, ...(typeof hint === "string" ? { hint } : {}) },
    );
  }
}

async function digestOf(text: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return toHex(new Uint8Array(digest));
}

/** What the user had there before may be a secret, so it is sealed as logins are. */
async function writeRecord(
  { sealer }: Context,
  store: KvStore,
  name: string,
  record: WrittenRecord,
): Promise<void> {
  const text = JSON.stringify(record);
  await store.put(name, sealer === undefined ? text : await sealer.seal(text, name, 1));
}

async function readRecord(
  { sealer }: Context,
  store: KvStore,
  name: string,
): Promise<WrittenRecord | undefined> {
  const stored = await store.get(name);
  if (stored === null) return undefined;
  if (isSealed(stored) && sealer === undefined) throw keyMissing(stored, name, false);
  const text = isSealed(stored) ? (await sealer!.open(stored, name)).text : stored;
  const record = parseJsonObject(text);
  if (record?.["version"] !== 1) {
    throw new CredentialError(
      "storage_corrupt",
      `Cannot read what was written before: ${displayText(name, 300)} is not known`,
    );
  }
  return record as unknown as WrittenRecord;
}
