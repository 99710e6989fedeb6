/**
 * The canonical model of requests, answers and streams, and the codecs of each dialect.
 *
 * @module
 */

export type * from "./codec.ts";
export type * from "./event.ts";
export { ZERO_USAGE } from "./event.ts";
export {
  encodeMessagesModel,
  encodeModelList,
  encodeOpenAiModel,
  type ListedModel,
  type ModelListRequest,
  modelListShape,
} from "./model_list.ts";
export { chatClientCodec, chatCodec } from "./chat/codec.ts";
export { messagesClientCodec } from "./messages/client_codec.ts";
export { messagesCodec } from "./messages/codec.ts";
export { responsesClientCodec } from "./responses/client_codec.ts";
export { responsesCodec } from "./responses/codec.ts";
