/**
 * The ways in which xAI's media endpoints can depart from the well-behaved server.
 *
 * @module
 */

import { choice, flag, type Specs } from "../../quirk_spec.ts";

/** The switches of xAI's media endpoints. */
export interface SandboxMediaQuirks {
  /** What access tokens are refused for, as plans without it are: nothing, speech, or all media. */
  mediaAccess: "all" | "no_speech" | "none";
  /** What an image request ends in: images, placeholders that say so, or an answer without any. */
  imageOutcome: "good" | "moderated" | "none";
  /** Images as `response_format` asks, or always in one form. */
  imageForm: "asked" | "url" | "b64_json";
  /**
   * How a video ends; each comes as HTTP 200. `odd` is pending under a status that no client knows
   * until it is done.
   */
  videoOutcome: "done" | "failed" | "expired" | "moderated" | "odd";
  /** How long a video takes, ms. */
  videoRenderMs: number;
  /** How "not yet" is said: HTTP 202 or 200 with `status`, or 202 without a body. */
  videoPending: "202" | "202_empty" | "200";
  /** A team with zero data retention: a video must name where it is uploaded to. */
  uploadUrlRequired: boolean;
  /**
   * Where a result lies: on the vendor's own host, on another one, there over plain http, on an
   * address of a private network, or behind a user name.
   */
  resultUrl: "vendor" | "foreign" | "http" | "private" | "credentials";
  /** A result: the file, half of it, one that never ends, a redirect to another host, a page, gone. */
  resultFile: "good" | "cut" | "endless" | "redirect" | "html" | "gone";
  /** Spoken audio: whole, broken off half-way, or a page in its place. */
  speechFile: "good" | "cut" | "html";
  /** Times of the words of a transcription: there, or left out. */
  transcriptWords: "sent" | "missing";
}

/** What each of them takes. */
export const MEDIA_SPECS: Specs<SandboxMediaQuirks> = {
  mediaAccess: choice("all", "no_speech", "none"),
  imageOutcome: choice("good", "moderated", "none"),
  imageForm: choice("asked", "url", "b64_json"),
  videoOutcome: choice("done", "failed", "expired", "moderated", "odd"),
  videoRenderMs: {
    initial: 8_000,
    accepts: (value) => Number.isSafeInteger(value) && (value as number) >= 0,
  },
  videoPending: choice("202", "202_empty", "200"),
  uploadUrlRequired: flag(false),
  resultUrl: choice("vendor", "foreign", "http", "private", "credentials"),
  resultFile: choice("good", "cut", "endless", "redirect", "html", "gone"),
  speechFile: choice("good", "cut", "html"),
  transcriptWords: choice("sent", "missing"),
};
