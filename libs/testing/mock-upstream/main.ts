import { parseArgs } from 'node:util';
import { MockUpstream } from './mock-upstream';

const { values } = parseArgs({
  options: { port: { type: 'string', default: '0' }, log: { type: 'string' } },
});

MockUpstream.start({ port: Number(values.port), ...(values.log === undefined ? {} : { logFile: values.log }) }).then(
  (upstream) => {
    process.stdout.write(`${JSON.stringify({ message: 'ready', baseUrl: upstream.baseUrl })}\n`);
    const stop = () => {
      upstream.close().then(
        () => process.exit(0),
        () => process.exit(1),
      );
    };
    process.on('SIGTERM', stop);
    process.on('SIGINT', stop);
  },
  (error: unknown) => {
    process.stderr.write(`${String(error)}\n`);
    process.exit(1);
  },
);
