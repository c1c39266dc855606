/** When the markers of an `append` folder are withdrawn and written: at once, and when the folder rests. */
import { createMarkers } from './markers.ts';
import type { FileContext } from './settled-file.ts';

export interface FolderMarkers {
  /** The file is about to be uploaded: what its directory's marker says is no longer true. */
  touch(path: Buffer): void;
  isMarker(name: string): boolean;
  /** Whether something was touched since, and the folder rests. */
  due(queued: number): boolean;
  settle(): Promise<void>;
}

/** They are looked at again when the folder rests, but not all the time. */
const SHARE_OF_TIME = 20;
/** What could not be written, on a full disk for example. */
const AGAIN_MS = 10_000;

/** @param ignored whether the folder leaves a path alone */
export function createFolderMarkers(
  context: FileContext,
  marker: string,
  ignored: (path: Buffer) => boolean,
): FolderMarkers {
  const markers = createMarkers(context, marker);
  /** At first: whoever came before may have been ended between an upload and its marker. */
  let touched = true;
  let notBeforeMs = 0;

  return {
    touch(path) {
      touched = true;
      markers.withdraw(path);
    },
    isMarker: (name) => name.split('/').at(-1) === marker,
    due: (queued) => touched && queued === 0 && performance.now() > notBeforeMs,
    async settle() {
      touched = false;
      const startedMs = performance.now();
      try {
        await markers.settle(ignored);
      } catch (error) {
        touched = true;
        notBeforeMs = performance.now() + AGAIN_MS;
        throw error;
      }
      notBeforeMs = performance.now() + (performance.now() - startedMs) * SHARE_OF_TIME;
    },
  };
}
