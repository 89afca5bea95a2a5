import pino, { type Logger } from 'pino';
import { redactOwnSecrets } from '#kernel';

export type { Logger } from 'pino';

/** Fields that could carry a secret are censored wherever they turn up, should anyone ever log them. */
const CENSORED = ['authorization', 'apiKey', 'secret', 'systemToken', 'masterKey', 'credential', 'cookie'].flatMap(
  (name) => [name, `*.${name}`, `*.*.${name}`],
);

/** Lines are written together: under load one write per line would keep the threads busy that make the record durable. */
const BUFFERED_BYTES = 8_192;
const FLUSH_MS = 50;

/** One JSON object per line on standard output, at most FLUSH_MS late. */
export function createLogger(level: string, service: string): Logger {
  return pino(
    {
      level,
      base: { service },
      messageKey: 'message',
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: CENSORED, censor: '[censored]' },
      serializers: { error: pino.stdSerializers.err },
      // Paths, messages and stacks hold what clients sent, wherever in a line they stand.
      hooks: { streamWrite: redactOwnSecrets },
    },
    pino.destination({ fd: 1, sync: false, minLength: BUFFERED_BYTES, periodicFlush: FLUSH_MS }),
  );
}
