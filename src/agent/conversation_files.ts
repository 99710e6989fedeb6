/**
 * What a store of conversations needs of the operating system: private files that grow at their end.
 *
 * @module
 */

/** One file, open, and nobody else's while it is. */
export interface ConversationFile {
  /** All of its text. */
  read(): Promise<Uint8Array<ArrayBuffer>>;
  /** Writes at its end, in one step. */
  append(bytes: Uint8Array): Promise<void>;
  /** Cuts it to that many bytes. */
  cut(size: number): Promise<void>;
  /** Closes it. */
  close(): void;
}

/** The files of conversations: mode 0600 in a folder of mode 0700. */
export interface ConversationFiles {
  /** Opens a file, or creates it with its folder; null while another process has it open. */
  open(path: string): Promise<ConversationFile | null>;
  /** The first bytes of a file, up to `limitBytes`; null where there is none. */
  readHead(path: string, limitBytes: number): Promise<Uint8Array<ArrayBuffer> | null>;
  /** Names and times of change (ms since the epoch) in a folder; none where there is no folder. */
  list(folder: string): Promise<{ name: string; changedAt: number }[]>;
  /** Removes a file. */
  remove(path: string): Promise<void>;
}
