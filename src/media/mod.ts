/**
 * Media by the same sign-in: speech, transcription, images and videos. Each function takes a source of
 * bearers and where they may go; it opens no store and keeps no state.
 *
 * @module
 */

export type { MediaOptions } from "./api.ts";
export type { Download } from "./download.ts";
export {
  type GeneratedImage,
  type ImageRequest,
  type ImageResult,
  MAX_EDIT_SOURCES,
  MAX_IMAGES,
  requestImages,
} from "./image.ts";
export type { FileSource } from "./multipart.ts";
export { MAX_PICTURE_BYTES, type PictureSource, pictureTypeOf } from "./picture.ts";
export {
  MAX_SPEECH_CHARACTERS,
  requestSpeech,
  requestVoices,
  type Speech,
  SPEECH_CODECS,
  type SpeechCodec,
  type SpeechRequest,
  type Voice,
} from "./speech.ts";
export { formatSrt, formatVtt } from "./subtitles.ts";
export {
  MAX_RECORDING_BYTES,
  requestTranscription,
  type TranscribedWord,
  type Transcription,
  type TranscriptionRequest,
} from "./transcription.ts";
export {
  awaitVideo,
  type AwaitVideoOptions,
  MAX_REFERENCES,
  MAX_VIDEO_SECONDS,
  openVideo,
  requestVideo,
  submitVideo,
  type VideoJob,
  type VideoRequest,
  type VideoSource,
  type VideoStatus,
} from "./video.ts";
