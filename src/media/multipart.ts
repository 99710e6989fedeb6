/**
 * A multipart body with one file at its end, which is read only as it is sent.
 *
 * @see {@link https://www.rfc-editor.org/rfc/rfc7578 | RFC 7578}
 * @module
 */

/** A file to send. It may be sent several times. */
export interface FileSource {
  /** Its name. */
  name: string;
  /** Its media type. Default: `application/octet-stream`. */
  mediaType?: string | undefined;
  /** How long it is, bytes, where that is known. */
  size?: number | undefined;
  /** Its bytes, from the start. */
  open: () => ReadableStream<Uint8Array<ArrayBuffer>>;
}

/** A multipart body. */
export interface Multipart {
  /** The `content-type` header. */
  contentType: string;
  /** Its bytes, from the start; `onChunk` is called for each piece that is taken. */
  open: (onChunk: () => void) => ReadableStream<Uint8Array<ArrayBuffer>>;
}

/** As the HTML standard escapes names. */
function quote(text: string): string {
  return text.replaceAll("\n", "%0A").replaceAll("\r", "%0D").replaceAll('"', "%22");
}

/** Fields in their order, then a file named `file`. */
export function createMultipart(
  fields: readonly (readonly [name: string, value: string])[],
  file?: FileSource,
): Multipart {
  const boundary = `grantway-${crypto.randomUUID()}`;
  const encoder = new TextEncoder();
  const texts = fields.map(([name, value]) =>
    `--${boundary}\r\ncontent-disposition: form-data; name="${quote(name)}"\r\n\r\n${value}\r\n`
  );
  if (file !== undefined) {
    const type = file.mediaType ?? "application/octet-stream";
    texts.push(
      `--${boundary}\r\ncontent-disposition: form-data; name="file"; filename="${
        quote(file.name)
      }"\r\ncontent-type: ${type}\r\n\r\n`,
    );
  }
  const head = encoder.encode(texts.join(""));
  const tail = encoder.encode(`${file === undefined ? "" : "\r\n"}--${boundary}--\r\n`);
  return {
    contentType: `multipart/form-data; boundary=${boundary}`,
    open: (onChunk) => {
      const pieces = join(head, file, tail);
      return new ReadableStream({
        pull: async (controller) => {
          const { done, value } = await pieces.next();
          onChunk();
          if (done) controller.close();
          else controller.enqueue(value);
        },
        cancel: async () => void await pieces.return(),
      }, { highWaterMark: 0 });
    },
  };
}

async function* join(
  head: Uint8Array<ArrayBuffer>,
  file: FileSource | undefined,
  tail: Uint8Array<ArrayBuffer>,
): AsyncGenerator<Uint8Array<ArrayBuffer>, void> {
  yield head;
  if (file !== undefined) yield* file.open();
  yield tail;
}
