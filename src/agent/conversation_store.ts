/**
 * Conversations on disk: one file each, one JSON record per line, only ever added to.
 *
 * A crash may tear the last line and nothing else; it is dropped when the file is opened again. What
 * comes first in a file is enough to list it: a list reads the beginning of each file alone.
 *
 * @module
 */

import { CredentialError, GrantwayError } from "../core/errors.ts";
import { isJsonObject, type JsonObject, parseJsonObject } from "../core/http.ts";
import { displayText } from "../core/redact.ts";
import type { Message } from "../protocols/event.ts";
import type { ConversationFile, ConversationFiles } from "./conversation_files.ts";
import { Conversation } from "./conversation.ts";

/** What is known of a conversation besides what was said. */
export interface ConversationHead {
  /** Its id. */
  id: string;
  /** When it began, ms since the epoch. */
  createdAt: number;
  /** The provider it began with. */
  provider: string;
  /** The model it began with. */
  model: string;
  /** The working folder it began in. */
  folder: string;
  /** Its system prompt, which must stay as it is. */
  system?: string | undefined;
  /** The beginning of its first question. */
  preview: string;
}

/** One conversation in a list. */
export interface ConversationSummary extends ConversationHead {
  /** A few words on what it is about; undefined where nobody has found any. */
  title?: string | undefined;
  /** When it last changed, ms since the epoch. */
  changedAt: number;
}

/** What a file holds. */
export interface KeptConversation {
  /** What is known of the conversation. */
  head: ConversationHead;
  /** Its title. */
  title: string | undefined;
  /** Its turns. */
  messages: Message[];
}

/** A conversation, open. */
export interface OpenConversation {
  /** What was said; what is added is kept. */
  conversation: Conversation;
  /** What is known of it. */
  head: ConversationHead;
  /** Its title. */
  title: string | undefined;
  /** Gives it a title. */
  setTitle(title: string): void;
  /** Waits for what is still to be written, and closes it. */
  close(): Promise<void>;
}

/** Conversations on disk. */
export interface ConversationStore {
  /** Begins one. Its file is made with the first turn. */
  create(head: Omit<ConversationHead, "id" | "createdAt" | "preview">): OpenConversation;
  /**
   * Opens one.
   *
   * @throws {GrantwayError} `not_found`; `unsupported` while another process has it open.
   */
  open(id: string): Promise<OpenConversation>;
  /**
   * What is kept of one, whoever has it open.
   *
   * @throws {GrantwayError} `not_found`.
   */
  read(id: string): Promise<KeptConversation>;
  /**
   * The whole id of the one conversation whose id starts or ends with `part`.
   *
   * @throws {GrantwayError} `not_found` for none or several.
   */
  find(part: string): Promise<string>;
  /**
   * Those that there are, the last changed first; as many as are asked for. What cannot be read is
   * left out with a warning.
   */
  list(): AsyncGenerator<ConversationSummary, void, undefined>;
  /** The ids of those that cannot be read. */
  findBroken(): Promise<string[]>;
  /** Removes one. */
  remove(id: string): Promise<void>;
}

/** How a store is made. */
export interface ConversationStoreOptions {
  /** Its folder. */
  folder: string;
  /** The disk. */
  files: ConversationFiles;
  /** Wall clock, ms since the epoch. */
  now: () => number;
  /** Told of what could not be read or saved. */
  onWarning: (message: string) => void;
}

const VERSION = 1;
const SUFFIX = ".jsonl";
/** Enough for the first record, and for the title where the first turns are short. */
const HEAD_BYTES = 8 * 1024;
const MAX_PREVIEW_LENGTH = 120;
const ID = /^[A-Za-z0-9_-]{1,64}$/;
/** No letters that look alike. */
const ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789";

const encoder = new TextEncoder();

/** A new id: sorts by time, and is short enough to be typed. */
export function createConversationId(now: number): string {
  const time = new Date(now).toISOString().replace(/[-:]/g, "").replace("T", "-").slice(0, 15);
  const random = crypto.getRandomValues(new Uint8Array(5));
  return `${time}-${Array.from(random, (byte) => ALPHABET[byte % ALPHABET.length]).join("")}`;
}

/** The words of the first question in a line; files that were attached stand before them. */
function previewOf(messages: readonly Message[]): string {
  const question = messages.find(({ role }) => role === "user");
  const words = question?.content.findLast((block) => block.type === "text");
  const text = (words?.type === "text" ? words.text : "").replace(/\s+/g, " ").trim();
  return text.length > MAX_PREVIEW_LENGTH ? `${text.slice(0, MAX_PREVIEW_LENGTH - 1)}…` : text;
}

/** Creates the store over a folder. */
export function createConversationStore(options: ConversationStoreOptions): ConversationStore {
  const { folder, files, now, onWarning } = options;
  const pathOf = (id: string) => `${folder}/${id}${SUFFIX}`;
  const names = async () =>
    (await files.list(folder))
      .filter(({ name }) => name.endsWith(SUFFIX))
      .map(({ name, changedAt }) => ({ id: name.slice(0, -SUFFIX.length), changedAt }))
      .filter(({ id }) => ID.test(id))
      .sort((a, b) => b.changedAt - a.changedAt || (a.id < b.id ? 1 : -1));
  /** The beginning of a file; of an empty one, which somebody is about to fill, nothing. */
  const readHead = async (
    id: string,
  ): Promise<Omit<ConversationSummary, "changedAt"> | Unreadable | undefined> => {
    let bytes = await files.readHead(pathOf(id), HEAD_BYTES);
    // A long system prompt makes a long first line.
    if (bytes?.length === HEAD_BYTES && !bytes.includes(10)) {
      bytes = await files.readHead(pathOf(id), Infinity);
    }
    if (bytes === null || bytes.length === 0) return undefined;
    const lines = new TextDecoder().decode(bytes).split("\n");
    const head = parseHead(id, parseJsonObject(lines[0]!));
    if (typeof head === "string") return head;
    const title = lines.slice(1).map(parseJsonObject)
      .findLast((record) => record?.["type"] === "title")?.["title"];
    return { ...head, title: typeof title === "string" ? title : undefined };
  };
  return {
    create: (given) => {
      const createdAt = now();
      const head = { ...given, id: createConversationId(createdAt), createdAt, preview: "" };
      return writeTo(new Conversation(head.id), head, undefined, undefined);
    },
    read: async (id) => {
      const bytes = ID.test(id) ? await files.readHead(pathOf(id), Infinity) : null;
      const { head, title, messages } = readRecords(id, bytes ?? new Uint8Array(), onWarning);
      return { head, title, messages };
    },
    open: async (id) => {
      if (!ID.test(id) || await files.readHead(pathOf(id), 1) === null) throw noConversation(id);
      const file = await files.open(pathOf(id));
      if (file === null) {
        throw new GrantwayError("unsupported", `Conversation ${id} is open elsewhere`, {
          hint: "Leave it there first, or begin another one",
        });
      }
      try {
        const { head, messages, title, size } = readRecords(id, await file.read(), onWarning);
        await file.cut(size);
        return writeTo(new Conversation(id, messages), head, title, file);
      } catch (error) {
        file.close();
        throw error;
      }
    },
    find: async (part) => {
      const found = (await names()).map(({ id }) => id)
        .filter((id) => id.startsWith(part) || id.endsWith(part));
      const exact = found.find((id) => id === part);
      if (exact !== undefined) return exact;
      if (found.length === 1) return found[0]!;
      if (found.length === 0) throw noConversation(part);
      throw new GrantwayError("not_found", `${found.length} conversations are called ${part}`, {
        hint: "Give more of the id; see: grantway sessions list",
      });
    },
    list: async function* () {
      for (const { id, changedAt } of await names()) {
        const summary = await readHead(id);
        if (typeof summary === "string") {
          const { message, hint } = unreadable(id, summary);
          onWarning(`${message}; it is left out${hint === undefined ? "" : `. ${hint}`}`);
        } else if (summary !== undefined) yield { ...summary, changedAt };
      }
    },
    findBroken: async () => {
      const broken: string[] = [];
      for (const { id } of await names()) {
        if (await readHead(id) === "broken") broken.push(id);
      }
      return broken;
    },
    remove: async (id) => {
      if (!ID.test(id)) throw new RangeError("This is no id of a conversation");
      await files.remove(pathOf(id));
    },
  };

  /** Keeps what is said in `conversation`; the file is made when there is something to keep. */
  function writeTo(
    conversation: Conversation,
    head: ConversationHead,
    title: string | undefined,
    file: ConversationFile | undefined,
  ): OpenConversation {
    let last: Promise<void> = Promise.resolve();
    let isClosed = false;
    let isWarned = false;
    const write = (records: readonly JsonObject[]) => {
      last = last.then(async () => {
        if (isClosed) return;
        let text = "";
        if (file === undefined) {
          file = await files.open(pathOf(head.id)) ?? undefined;
          if (file === undefined) throw new Error("the file is locked");
          text = `${JSON.stringify({ type: "conversation", version: VERSION, ...head })}\n`;
        }
        for (const record of records) text += `${JSON.stringify(record)}\n`;
        await file.append(encoder.encode(text));
      }).catch((error) => {
        if (isWarned) return;
        isWarned = true;
        onWarning(`Cannot save the conversation: ${(error as Error).message}`);
      });
    };
    conversation.listener = {
      onMessages: (messages) => {
        if (head.preview === "") head.preview = previewOf(messages);
        write(messages.map((message) => ({ type: "message", at: now(), message })));
      },
      onReplaced: (messages) => write([{ type: "replaced", at: now(), messages }]),
    };
    const open: OpenConversation = {
      conversation,
      head,
      title,
      setTitle: (title) => {
        open.title = title;
        write([{ type: "title", title }]);
      },
      close: async () => {
        await last;
        isClosed = true;
        file?.close();
      },
    };
    return open;
  }
}

function noConversation(id: string): GrantwayError {
  return new GrantwayError("not_found", `There is no conversation ${displayText(id, 60)}`, {
    hint: "Run: grantway sessions list",
  });
}

/** Why a file cannot be read. */
type Unreadable = "broken" | "newer";

function parseHead(id: string, record: JsonObject | undefined): ConversationHead | Unreadable {
  if (record?.["type"] !== "conversation") return "broken";
  const version = record["version"];
  if (typeof version !== "number") return "broken";
  if (version > VERSION) return "newer";
  const text = (name: string) => typeof record[name] === "string" ? record[name] as string : "";
  const { createdAt, system } = record;
  return {
    id,
    createdAt: typeof createdAt === "number" ? createdAt : 0,
    provider: text("provider"),
    model: text("model"),
    folder: text("folder"),
    preview: text("preview"),
    ...(typeof system === "string" ? { system } : {}),
  };
}

/** A turn as it was kept. Its blocks are written by us alone; only their outline is looked at. */
function requireMessage(id: string, value: unknown): Message {
  const isMessage = isJsonObject(value) &&
    ["user", "assistant", "system", "developer"].includes(value["role"] as string) &&
    Array.isArray(value["content"]) &&
    value["content"].every((block) => isJsonObject(block) && typeof block["type"] === "string");
  if (!isMessage) throw unreadable(id, "broken");
  return value as unknown as Message;
}

function unreadable(id: string, why: Unreadable): CredentialError {
  return why === "newer"
    ? new CredentialError(
      "storage_read",
      `Cannot read conversation ${id}: a newer version of this program wrote it`,
    )
    : new CredentialError(
      "storage_corrupt",
      `Cannot read conversation ${id}: a line in it is broken`,
      { hint: `Remove it with: grantway sessions delete ${id}` },
    );
}

/**
 * What a file holds: everything up to the last line, where that is not whole.
 *
 * @throws {GrantwayError} `not_found` for an empty one.
 */
function readRecords(
  id: string,
  bytes: Uint8Array,
  onWarning: (message: string) => void,
): {
  head: ConversationHead;
  messages: Message[];
  title: string | undefined;
  size: number;
} {
  const decoder = new TextDecoder();
  let head: ConversationHead | undefined;
  let messages: Message[] = [];
  let title: string | undefined;
  let size = 0;
  if (bytes.length === 0) throw noConversation(id);
  while (size < bytes.length) {
    const end = bytes.indexOf(10, size);
    const record = end === -1
      ? undefined
      : parseJsonObject(decoder.decode(bytes.subarray(size, end)));
    if (record === undefined) {
      const isLast = end === -1 || end === bytes.length - 1;
      if (!isLast || head === undefined) throw unreadable(id, "broken");
      onWarning(`The last line of conversation ${id} was cut by a crash and is left out`);
      break;
    }
    size = end + 1;
    switch (record["type"]) {
      case "conversation": {
        const found = parseHead(id, record);
        if (typeof found === "string") throw unreadable(id, found);
        head = found;
        break;
      }
      case "message":
        messages.push(requireMessage(id, record["message"]));
        break;
      case "replaced": {
        const { messages: replaced } = record;
        messages = Array.isArray(replaced) ? replaced.map((turn) => requireMessage(id, turn)) : [];
        break;
      }
      case "title":
        title = String(record["title"]);
    }
  }
  if (head === undefined) throw unreadable(id, "broken");
  return { head, messages, title, size };
}
