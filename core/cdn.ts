/** The port of a content delivery network: what it must no longer serve from its caches. */
export interface Cdn {
  /**
   * Resolves once the network has taken the request; the caches follow within minutes. The same reference with the
   * same paths is the same request, so a lost answer is asked for again with it.
   *
   * @param paths as `invalidationBatches` answers them
   * @throws SyncError `TooManyInvalidationsInProgress` (retryable) while too much of earlier requests is under way
   */
  invalidate(paths: readonly string[], callerReference: string): Promise<void>;
}
