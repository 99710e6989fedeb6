/**
 * Citations of web pages, which each dialect writes in its own way. Other citations (of documents, of
 * files) have no counterpart, and stay in their dialect.
 *
 * @module
 */

import { isJsonObject } from "../core/http.ts";
import { optional, readNumber, readString } from "./fields.ts";

/** A page that a text refers to. */
export interface UrlCitation {
  /** Its address. */
  url: string;
  /** Its title; empty where it was not told. */
  title: string;
  /** Where in the text the reference begins and ends; absent where the whole text refers to it. */
  start?: number | undefined;
  /** See `start`. */
  end?: number | undefined;
}

/** The page that a citation of any dialect refers to; `undefined` where it is no page. */
export function readUrlCitation(citation: unknown): UrlCitation | undefined {
  if (!isJsonObject(citation)) return undefined;
  // Chat has the fields one level deeper than Responses; Messages has others besides them.
  const value = isJsonObject(citation["url_citation"]) ? citation["url_citation"] : citation;
  const url = readString(value["url"]);
  if (url === undefined) return undefined;
  return {
    url,
    title: readString(value["title"]) ?? "",
    ...optional("start", readNumber(value["start_index"])),
    ...optional("end", readNumber(value["end_index"])),
  };
}
