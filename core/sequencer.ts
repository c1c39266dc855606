/** The order of two S3 events of one key. */

/** What an event, or the ledger row it left, says about its place in the key's history. */
export interface EventMark {
  /** As received; empty when the source has none that can be trusted. */
  sequencer: string;
  etag: string;
  timeMs: number;
}

export type EventOrder = 'older' | 'same' | 'newer' | 'undecidable';

const HEX = /^[0-9a-f]+$/i;

/**
 * Where `event` stands relative to `known`.
 *
 * Sequencers are hexadecimal and comparable for one key only. AWS has published both "pad on the right" and "pad on
 * the left" for values of different lengths, so those are undecidable, as are absent and malformed ones. An equal
 * sequencer is the same event only when its ETag and time agree: LocalStack gives every event of a key the same one.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
 */
export function orderOfEvents(event: EventMark, known: EventMark): EventOrder {
  const left = event.sequencer.toLowerCase();
  const right = known.sequencer.toLowerCase();
  if (!HEX.test(left) || !HEX.test(right) || left.length !== right.length) return 'undecidable';
  if (left === right) {
    return event.etag === known.etag && event.timeMs === known.timeMs ? 'same' : 'undecidable';
  }
  return left < right ? 'older' : 'newer';
}

/** Whether later events can be ordered against this one at all. */
export function isOrdered({ sequencer }: Pick<EventMark, 'sequencer'>): boolean {
  return HEX.test(sequencer);
}
