/** The queues of a deployed stack, by the names of its outputs; an environment has no room for all of their URLs. */
import { CloudFormationClient, DescribeStacksCommand } from '@aws-sdk/client-cloudformation';
import { SyncError } from '#core/errors.ts';

export interface NamedQueue {
  /** `MirrorOffsite`, `EventReplay`. */
  name: string;
  url: string;
  deadLettersUrl: string;
}

/** In the order of their names. https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeStacks.html */
export async function stackQueues(stack: string, endpoint?: string): Promise<NamedQueue[]> {
  const client = new CloudFormationClient(endpoint === undefined ? {} : { endpoint });
  try {
    const { Stacks = [] } = await client.send(new DescribeStacksCommand({ StackName: stack }));
    const outputs = new Map((Stacks[0]?.Outputs ?? []).map((one) => [one.OutputKey ?? '', one.OutputValue]));
    return [...outputs]
      .flatMap(([key, url = '']) => {
        const name = key.endsWith('QueueUrl') ? key.slice(0, -'QueueUrl'.length) : undefined;
        const deadLettersUrl = outputs.get(`${name}DlqUrl`);
        return name === undefined || deadLettersUrl === undefined ? [] : [{ name, url, deadLettersUrl }];
      })
      .sort((left, right) => (left.name < right.name ? -1 : 1));
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    throw new SyncError(`DescribeStacks ${stack}: ${error.name}: ${error.message}`, {
      op: 'DescribeStacks',
      retryable: error.name !== 'AccessDenied' && error.name !== 'ValidationError',
      code: error.name,
      cause: error,
    });
  } finally {
    client.destroy();
  }
}
