/** Whether `deliver` leaves the file manager alone: only the function knows, and it says so in its log. */
import { FilterLogEventsCommand } from '@aws-sdk/client-cloudwatch-logs';
import { GetFunctionConfigurationCommand } from '@aws-sdk/client-lambda';
import type { Metric } from '#core/names.ts';
import type { Clients } from '../../ops/clients.ts';

/** What it counts, as a line of its log, when it refuses a call because the breaker is open. */
const REFUSED: Metric = 'BreakerOpen';

/** Answers milliseconds since 1970 of the last refusal after `sinceMs`; `undefined`: there was none. */
export function createBreakerReader(
  clients: Clients,
  functionName: string,
): (sinceMs: number) => Promise<number | undefined> {
  let logGroup: string | undefined;

  async function findGroup(): Promise<string> {
    const { LoggingConfig } = await clients
      .lambda()
      .send(new GetFunctionConfigurationCommand({ FunctionName: functionName }));
    return LoggingConfig?.LogGroup ?? `/aws/lambda/${functionName}`;
  }

  return async (sinceMs) => {
    logGroup ??= await findGroup();
    const { events = [] } = await clients.logs().send(
      new FilterLogEventsCommand({
        logGroupName: logGroup,
        startTime: sinceMs,
        filterPattern: `"${REFUSED}"`,
      }),
    );
    const times = events
      .filter(({ message = '' }) => message.includes(REFUSED))
      .map(({ timestamp = 0 }) => timestamp);
    return times.length === 0 ? undefined : Math.max(...times);
  };
}
