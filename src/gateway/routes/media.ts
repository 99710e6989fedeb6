/**
 * The routes for speech and pictures, loaded with the first request for one.
 *
 * @module
 */

export { speech, transcription } from "./audio.ts";
export { images } from "./images.ts";
export { createVideo, video, videoContent } from "./videos.ts";
