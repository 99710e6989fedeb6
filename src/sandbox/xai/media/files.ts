/**
 * Where results lie: files on hosts of their own, under addresses that say all there is to know of
 * them and run out. A bearer has no place there.
 *
 * @module
 */

import { Hono } from "hono";
import { siteUrl } from "../../address.ts";
import { failureResponse } from "../../faults.ts";
import type { World } from "../../world.ts";
import { paint } from "./png.ts";
import { film } from "./mp4.ts";

/** Host of images. */
export const IMAGE_HOST = "imgen.x.ai";
/** Host of videos. */
export const VIDEO_HOST = "vidgen.x.ai";

/** How long an address works, ms. */
const LIFETIME_MS = 60 * 60_000;
const CHUNK_BYTES = 16 * 1024;
const NAME = /^(\d+)-([0-9a-f]{1,16})-(\d{1,4})x(\d{1,4})-(\d{1,2})\.(?:png|mp4)$/;

/** What a result is drawn from. */
export interface Drawing {
  /** A few hex digits; the same ones give the same picture. */
  seed: string;
  width: number;
  height: number;
  /** Length of a video, s. */
  seconds?: number;
}

/** The address of a result, as a client sees it that sent `request`. */
export function resultUrl(world: World, request: Request, drawing: Drawing): string {
  const { seed, width, height, seconds } = drawing;
  const host = seconds === undefined ? IMAGE_HOST : VIDEO_HOST;
  const name = `${world.now() + LIFETIME_MS}-${seed}-${width}x${height}-${seconds ?? 0}.${
    seconds === undefined ? "png" : "mp4"
  }`;
  const path = `/results/${name}`;
  switch (world.quirks.resultUrl) {
    case "vendor":
      return siteUrl(request, host, path);
    case "foreign":
      return `https://x.ai.media.example${path}`;
    case "http":
      return `http://${host}${path}`;
    case "private":
      return `http://169.254.169.254${path}`;
    case "credentials": {
      const url = new URL(siteUrl(request, host, path));
      url.username = "x.ai";
      return url.href;
    }
  }
}

/** A file in pieces, as it is set to arrive. */
export function fileResponse(
  bytes: Uint8Array<ArrayBuffer>,
  type: string,
  form: "good" | "cut" | "endless",
  headers: Record<string, string> = {},
): Response {
  let at = 0;
  const end = form === "cut" ? Math.floor(bytes.length / 2) : bytes.length;
  const body = new ReadableStream<Uint8Array>({
    pull: (controller) => {
      if (form === "endless") return controller.enqueue(new Uint8Array(1024 * 1024));
      if (at < end) {
        controller.enqueue(bytes.slice(at, at = Math.min(end, at + CHUNK_BYTES)));
      } else if (form === "cut") {
        controller.error(new TypeError("error reading a body from connection"));
      } else controller.close();
    },
  });
  return new Response(body, {
    headers: {
      "content-type": type,
      ...(form === "good" ? { "content-length": String(bytes.length) } : {}),
      ...headers,
    },
  });
}

/** The routes; each path begins with its host. */
export function fileRoutes(world: World): Hono {
  const app = new Hono();
  for (const host of [IMAGE_HOST, VIDEO_HOST]) {
    app.get(`/${host}/results/:name`, async (c) => {
      const { resultFile } = world.quirks;
      // As the store behind it answers one who signs twice.
      if (c.req.header("authorization") !== undefined) {
        return c.text("InvalidArgument: only one auth mechanism allowed", 400);
      }
      if (resultFile === "html") return await failureResponse("html", c.req.raw);
      if (resultFile === "redirect") return c.redirect("https://media.example/elsewhere", 302);
      const match = NAME.exec(c.req.param("name"));
      const isGone = match === null || Number(match[1]) < world.now() || resultFile === "gone";
      if (isGone) return c.text("AccessDenied: request has expired", 403);
      const [seed, width, height, seconds] = [match[2]!, ...match.slice(3).map(Number)] as [
        string,
        number,
        number,
        number,
      ];
      return host === IMAGE_HOST
        ? fileResponse(await paint(seed, width, height), "image/png", resultFile)
        : fileResponse(film(seed, width, height, seconds), "video/mp4", resultFile);
    });
  }
  return app;
}
