/** A `receive` folder for as long as the agent runs: claimed, let go and claimed again as any folder is. */
import type { FolderContext, FolderRunner } from './folder.ts';
import { createFolderRunner } from './folder-runner.ts';
import { openReceiveFolder, type ReceiveOptions } from './receive-folder.ts';

/** Objects below the prefix become files, and go from the bucket when the files are safe. */
export function createReceiveRunner(context: FolderContext, options: ReceiveOptions = {}): FolderRunner {
  return createFolderRunner(context, (folder, claim, ownership) =>
    openReceiveFolder(folder, claim, ownership, options),
  );
}
