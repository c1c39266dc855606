/** The switches between queues and functions: Lambda's event source mappings. */
import {
  type EventSourceMappingConfiguration,
  ListEventSourceMappingsCommand,
  UpdateEventSourceMappingCommand,
} from '@aws-sdk/client-lambda';
import type { Clients } from './clients.ts';

export interface Switch {
  id: string;
  /** https://docs.aws.amazon.com/lambda/latest/api/API_GetEventSourceMapping.html */
  state: string;
  paused: boolean;
}

/** Those of one function; a function of ours has one. */
export async function switchesOf(clients: Clients, functionName: string): Promise<Switch[]> {
  const { EventSourceMappings = [] } = await clients
    .lambda()
    .send(new ListEventSourceMappingsCommand({ FunctionName: functionName }));
  return EventSourceMappings.map(switchOf);
}

export async function turn(clients: Clients, id: string, on: boolean): Promise<Switch> {
  return switchOf(
    await clients.lambda().send(new UpdateEventSourceMappingCommand({ UUID: id, Enabled: on })),
  );
}

function switchOf({ UUID = '', State = 'unknown' }: EventSourceMappingConfiguration): Switch {
  return { id: UUID, state: State, paused: /^Disabl/.test(State) };
}
