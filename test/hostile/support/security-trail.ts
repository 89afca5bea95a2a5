import { type SecurityEvent, securityCodec } from '#control';
import type { PlatformProcess } from '#testing/platform-process';

type Failure = SecurityEvent['data']['failures'][number];

/** What the record has of failed authentications; a process that stops in good order writes down what it counted. */
export async function securityFailuresOf(platform: PlatformProcess): Promise<readonly Failure[]> {
  await platform.restart('SIGTERM');
  const events = await platform.allEvents();
  return events.flatMap((stored) => securityCodec.decode(stored)?.event.data.failures ?? []);
}
