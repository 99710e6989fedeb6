/**
 * HTTP/1.1 over raw sockets, no more of it than a benchmark needs: Deno's own client and server take
 * as long as what is measured.
 *
 * @module
 */

const CRLF2 = [13, 10, 13, 10];
const LAST_CHUNK = [48, 13, 10, 13, 10];

/** Bytes of one message as they come. */
export class Message {
  #bytes = new Uint8Array(64 * 1024);
  #length = 0;
  #bodyAt = -1;
  #bodyLength: number | undefined;
  /** First line and headers, once they are there. */
  head = "";

  /** Takes more bytes; true when the message is complete. */
  add(chunk: Uint8Array): boolean {
    if (this.#length + chunk.length > this.#bytes.length) {
      const larger = new Uint8Array(2 * (this.#length + chunk.length));
      larger.set(this.#bytes.subarray(0, this.#length));
      this.#bytes = larger;
    }
    this.#bytes.set(chunk, this.#length);
    this.#length += chunk.length;
    if (this.#bodyAt < 0) this.#readHead();
    if (this.#bodyAt < 0) return false;
    if (this.#bodyLength !== undefined) return this.#length >= this.#bodyAt + this.#bodyLength;
    // The head alone may end like that, too.
    return endsWith(this.body, LAST_CHUNK);
  }

  /** The body as it was sent, chunk sizes included. */
  get body(): Uint8Array {
    return this.#bytes.subarray(this.#bodyAt, this.#length);
  }

  /** Forgets everything. */
  reset(): void {
    this.#length = 0;
    this.#bodyAt = -1;
    this.#bodyLength = undefined;
    this.head = "";
  }

  #readHead(): void {
    const end = find(this.#bytes.subarray(0, this.#length), CRLF2);
    if (end < 0) return;
    this.#bodyAt = end + CRLF2.length;
    this.head = new TextDecoder().decode(this.#bytes.subarray(0, end));
    if (/^transfer-encoding: *chunked/im.test(this.head)) return;
    this.#bodyLength = Number(/^content-length: *(\d+)/im.exec(this.head)?.[1] ?? 0);
  }
}

function endsWith(bytes: Uint8Array, end: readonly number[]): boolean {
  const start = bytes.length - end.length;
  return start >= 0 && end.every((byte, index) => bytes[start + index] === byte);
}

function find(bytes: Uint8Array, wanted: readonly number[]): number {
  for (let at = bytes.indexOf(wanted[0]!); at >= 0; at = bytes.indexOf(wanted[0]!, at + 1)) {
    if (wanted.every((byte, index) => bytes[at + index] === byte)) return at;
  }
  return -1;
}

/** Writes all of `bytes`. */
export async function writeAll(socket: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await socket.write(bytes.subarray(at));
}
