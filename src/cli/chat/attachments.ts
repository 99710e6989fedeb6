/**
 * Files that a person adds to a question: `@path` in what they type, or `--attach`.
 *
 * Only what is typed is looked through for `@`, never what is piped in or what a tool says: there a
 * path would be another's wish.
 *
 * @module
 */

import { imageBlock, imageType, MAX_IMAGE_BYTES } from "../../agent/images.ts";
import { seesImages, type Target } from "../../agent/target.ts";
import { realPaths } from "../../agent/tools/access.ts";
import { isBinary } from "../../agent/tools/read_file.ts";
import { describeImage } from "../../agent/tools/view_image.ts";
import { isInside, resolvePath, shownPath, type Workspace } from "../../agent/workspace.ts";
import { GrantwayError } from "../../core/errors.ts";
import type { ContentBlock } from "../../protocols/event.ts";

/** The most of a text file, bytes. Longer ones are for the model's own tools. */
const MAX_TEXT_BYTES = 256 * 1024;

/** What attachments are read with. */
export interface AttachmentOptions {
  /** The machine. */
  workspace: Workspace;
  /** Folders that are never attached. */
  hidden: readonly string[];
  /** The user's home folder, which `~` means. */
  userHome: string | undefined;
  /** The model that is asked. */
  target: Target;
  /** The model that looks at images where that one cannot; undefined where none can. */
  viewer: () => Target | undefined;
  /** Other models that do, as a person names them. */
  seeing: readonly string[];
  /** Told what was attached, and how. */
  onNote: (note: string) => void;
  /** Cancels. */
  signal: AbortSignal;
}

/** `@path`, `@"a path"`, after a space or at the start. */
const MENTION = /(?<=^|\s)@(?:"([^"\n]+)"|(\S+))/g;

/** The paths that a typed question mentions and that are there. */
export async function findMentions(
  text: string,
  { workspace, userHome }: Pick<AttachmentOptions, "workspace" | "userHome">,
): Promise<string[]> {
  const found = new Set<string>();
  for (const [, quoted, plain] of text.matchAll(MENTION)) {
    // A full stop behind it may be the sentence's.
    const names = quoted === undefined
      ? [plain!, plain!.replace(/[.,;:!?)\]}'"]+$/, "")]
      : [quoted];
    for (const name of names) {
      const path = pathOf(name, workspace, userHome);
      if ((await workspace.stat(path))?.kind !== "file") continue;
      found.add(path);
      break;
    }
  }
  return [...found];
}

function pathOf(name: string, { cwd }: Workspace, userHome: string | undefined): string {
  const isHome = userHome !== undefined && /^~(?=\/|$)/.test(name);
  return resolvePath(cwd, isHome ? userHome + name.slice(1) : name);
}

/**
 * A question's blocks: the files, then the words.
 *
 * @throws {GrantwayError} `invalid_request` for a file that cannot be attached, `unsupported` for an
 * image that no model at hand can see.
 */
export async function attach(
  text: string,
  paths: readonly string[],
  options: AttachmentOptions,
): Promise<ContentBlock[]> {
  const blocks: ContentBlock[] = [];
  for (const path of paths) blocks.push(await readAttachment(path, options));
  return [...blocks, { type: "text", text }];
}

async function readAttachment(name: string, options: AttachmentOptions): Promise<ContentBlock> {
  const { workspace, onNote } = options;
  const path = pathOf(name, workspace, options.userHome);
  const shown = shownPath(workspace.cwd, path);
  const refuse = (problem: string) =>
    new GrantwayError("invalid_request", `Cannot attach ${shown}: ${problem}`);
  const real = await workspace.realPath(path);
  const hidden = await realPaths(workspace, options.hidden);
  if ([path, real ?? path].some((path) => hidden.some((folder) => isInside(folder, path)))) {
    throw refuse("it holds credentials");
  }
  const info = real === null ? null : await workspace.stat(real);
  if (real === null || info === null) throw refuse("there is no such file");
  if (info.kind !== "file") throw refuse("it is no file");
  const bytes = await workspace.read(real, { limitBytes: MAX_IMAGE_BYTES });
  const mediaType = imageType(bytes);
  if (mediaType !== undefined) {
    if (info.size > MAX_IMAGE_BYTES) throw refuse("it is larger than 10 MiB");
    return await attachImage(shown, mediaType, bytes, options);
  }
  if (isBinary(bytes)) throw refuse("it is neither text nor a PNG, JPEG, GIF or WebP image");
  if (info.size > MAX_TEXT_BYTES) throw refuse(`it is larger than ${MAX_TEXT_BYTES / 1024} KiB`);
  const text = new TextDecoder().decode(bytes);
  onNote(`Attached ${shown} (${text.split("\n").length} lines)`);
  return { type: "text", text: `<file path="${shown}">\n${text}\n</file>` };
}

/** An image as it is for a model that sees; else what a model that sees says of it. */
async function attachImage(
  shown: string,
  mediaType: string,
  bytes: Uint8Array,
  { target, viewer, seeing, onNote, signal }: AttachmentOptions,
): Promise<ContentBlock> {
  const block = imageBlock(mediaType, bytes);
  if (seesImages(target)) {
    onNote(`Attached ${shown} (image)`);
    return block;
  }
  const other = viewer();
  if (other === undefined) {
    throw new GrantwayError(
      "unsupported",
      `Cannot attach ${shown}: ${target.model} cannot see images`,
      {
        hint: `Choose one that does, such as ${seeing.join(" or ")}: grantway model`,
      },
    );
  }
  onNote(`${target.model} cannot see images: ${other.model} describes ${shown}`);
  const text = await describeImage(other, block, undefined, signal);
  return {
    type: "text",
    text: `<image path="${shown}" described-by="${other.model}">\n${text}\n</image>`,
  };
}
