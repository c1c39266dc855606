/** Settings with one of everything that the stack can have, for tests that look at all of it. */
export const FULL_SETTINGS = {
  destinations: [
    { name: 'copy', bucket: 'somewhere-else', prefix: 'hub/' },
    { name: 'keep-all', bucket: 'an-archive', deletes: false, createBucket: true, reconcile: 'off' },
    {
      name: 'off-site',
      type: 'b2',
      bucket: 'far-away',
      endpoint: 'https://s3.example.org',
      credentials: 'sluice/off-site',
      enabled: false,
      concurrency: 4,
    },
  ],
  agents: [{ name: 'site', folders: [{ prefix: 'input/', mode: 'receive' }] }],
  fileManager: { url: 'https://files.example.org', secret: 'sluice/files' },
  cdn: { distribution: 'E1EXAMPLE' },
  ingest: { token: 'sluice/ingest' },
  retention: [{ name: 'old', olderThan: '30d', requires: 'nothing' }],
  report: { endpoints: [{ url: 'https://reports.example.org', secret: 'sluice/reports' }] },
  alarms: { emails: ['operations@example.org'] },
  tags: { team: 'files' },
  tracing: true,
} as const;
