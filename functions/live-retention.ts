/** The rules of what is removed by age. */
import { type RetentionRule, retentionRules } from '#core/settings/retention-rule.ts';
import { settingOf } from './environment.ts';
import { env, once } from './live.ts';

export const liveRetention = once((): RetentionRule[] => settingOf(env, 'retention', retentionRules));
