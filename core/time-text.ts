/** Times as people of a timezone read them. */

/**
 * `2026-03-29 03:00:05+02:00`; with `fraction`, `2026-03-29 03:00:05.678+02:00`. Sorts as the times do, but for the hour
 * that a zone has twice.
 *
 * @param timezone an IANA name; throws `RangeError` for anything else
 */
export function timeText(timeMs: number, timezone: string, options: { fraction?: boolean } = {}): string {
  const parts = formatFor(timezone).formatToParts(timeMs);
  const part = (type: Intl.DateTimeFormatPartTypes) => parts.find((one) => one.type === type)?.value ?? '';
  const date = `${part('year').padStart(4, '0')}-${part('month')}-${part('day')}`;
  const time = `${part('hour')}:${part('minute')}:${part('second')}`;
  const fraction = options.fraction === true ? `.${part('fractionalSecond')}` : '';
  // `GMT` alone is an offset of nothing.
  const offset = part('timeZoneName').replace(/^GMT/, '') || '+00:00';
  return `${date} ${time}${fraction}${offset}`;
}

/** Whether it is the name of a zone that is known here. */
export function isTimezone(text: string): boolean {
  try {
    formatFor(text);
    return true;
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return false;
  }
}

const formats = new Map<string, Intl.DateTimeFormat>();

/** Made once for each zone: it takes a thousand times as long as its use. */
function formatFor(timeZone: string): Intl.DateTimeFormat {
  const known = formats.get(timeZone);
  if (known !== undefined) return known;
  const made = new Intl.DateTimeFormat('en', {
    timeZone,
    calendar: 'iso8601',
    numberingSystem: 'latn',
    hourCycle: 'h23',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    fractionalSecondDigits: 3,
    timeZoneName: 'longOffset',
  });
  formats.set(timeZone, made);
  return made;
}
