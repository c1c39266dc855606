/** The media type that a name suggests. */
import mime from 'mime/lite';

/** From the registry of https://www.iana.org/assignments/media-types; `undefined` when the name tells nothing. */
export function contentType(key: string): string | undefined {
  return mime.getType(key) ?? undefined;
}
