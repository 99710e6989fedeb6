/**
 * xAI's media: speech, transcription, images and videos, and the hosts that results lie on.
 *
 * @module
 */

import { Hono } from "hono";
import type { Ledger } from "../../ledger.ts";
import type { World } from "../../world.ts";
import { findXaiError, xaiErrorResponse } from "../errors.ts";
import { API_HOST } from "../hosts.ts";
import { answerJson, type MediaHandler, serveMedia } from "./caller.ts";
import { fileRoutes, IMAGE_HOST, VIDEO_HOST } from "./files.ts";
import { answerImages } from "./images.ts";
import { IMAGE_MODELS, VIDEO_MODELS } from "./models.ts";
import { answerSpeech, VOICES } from "./speech.ts";
import { answerTranscription } from "./transcription.ts";
import { pollVideo, startVideo } from "./videos.ts";

/** Hosts of results. */
export const RESULT_HOSTS: readonly string[] = [IMAGE_HOST, VIDEO_HOST];

/** Everything; each path begins with its host. */
export function mediaRoutes(world: World, ledger: Ledger): Hono {
  const app = new Hono();
  const base = `/${API_HOST}/v1`;
  const serve = (request: Request, kind: "speech" | "pictures", handle: MediaHandler) =>
    serveMedia(world, ledger, request, kind, handle);

  app.post(`${base}/tts`, (c) => serve(c.req.raw, "speech", (r) => answerSpeech(world, r)));
  app.post(`${base}/stt`, (c) => serve(c.req.raw, "speech", (r) => answerTranscription(world, r)));
  for (const kind of ["generations", "edits"] as const) {
    app.post(
      `${base}/images/${kind}`,
      (c) => serve(c.req.raw, "pictures", (r) => answerImages(world, r, kind)),
    );
  }
  for (const kind of ["generations", "edits", "extensions"] as const) {
    app.post(
      `${base}/videos/${kind}`,
      (c) => serve(c.req.raw, "pictures", (r, owner) => startVideo(world, r, owner, kind)),
    );
  }
  app.get(
    `${base}/videos/:id`,
    (c) =>
      serve(c.req.raw, "pictures", (r, owner) => pollVideo(world, r, owner, c.req.param("id"))),
  );

  const notFound = () => xaiErrorResponse(findXaiError("not_found")!, world.quirks.xaiErrors);
  const lists = [
    { path: "tts/voices", kind: "speech", member: "voices", rows: VOICES, id: "voice_id" },
    ...[
      { name: "image", models: IMAGE_MODELS },
      { name: "video", models: VIDEO_MODELS },
    ].map(({ name, models }) => ({
      path: `${name}-generation-models`,
      kind: "pictures",
      member: "models",
      rows: models.map(({ id, aliases, cents }) => ({
        id,
        aliases,
        input_modalities: ["text", "image"],
        output_modalities: [name],
        [`${name}_price`]: cents * 100_000_000,
      })),
      id: "id",
    })),
  ] as { path: string; kind: "speech" | "pictures"; member: string; rows: Row[]; id: string }[];
  for (const { path, kind, member, rows, id } of lists) {
    app.get(
      `${base}/${path}`,
      (c) => serve(c.req.raw, kind, () => Promise.resolve(answerJson({ [member]: rows }))),
    );
    app.get(`${base}/${path}/:id`, (c) =>
      serve(c.req.raw, kind, () => {
        const row = rows.find((row) => row[id] === c.req.param("id"));
        return Promise.resolve(row === undefined ? notFound() : answerJson(row));
      }));
  }
  app.route("/", fileRoutes(world));
  return app;
}

type Row = Record<string, unknown>;
