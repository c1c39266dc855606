/**
 * The same metrics as OpenMetrics, which Prometheus prefers when it may choose:
 * https://prometheus.io/docs/specs/om/open_metrics_spec/
 */

export const OPENMETRICS_TYPE = 'application/openmetrics-text; version=1.0.0; charset=utf-8';

/** Whether a request's `Accept` would have it rather than Prometheus' own text: RFC 9110, section 12.5.1. */
export function prefersOpenMetrics(accept = ''): boolean {
  const wanted = qualityOf(accept, 'application/openmetrics-text');
  return wanted > 0 && wanted >= qualityOf(accept, 'text/plain');
}

/** From text of format 0.0.4: counters are named without `_total`, bounds are floats, no line is empty, the end is marked. */
export function openMetrics(text: string): string {
  const lines = text
    .replace(/^# (HELP|TYPE) (\w+)_total /gm, '# $1 $2 ')
    .replace(/^(\w+_bucket\{le="\d+)"/gm, '$1.0"')
    .replace(/\n{2,}/g, '\n');
  return `${lines}# EOF\n`;
}

/** The highest of what is said of the type; 0 when nothing is. */
function qualityOf(accept: string, type: string): number {
  const said = accept
    .split(',')
    .map((one) => one.split(';').map((part) => part.trim().toLowerCase()))
    .filter(([name]) => name === type)
    .map((parts) => Number(parts.find((part) => part.startsWith('q='))?.slice(2) ?? 1))
    .filter(Number.isFinite);
  return Math.max(0, ...said);
}
