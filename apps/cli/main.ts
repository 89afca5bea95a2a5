#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeFilesPrivately } from '#environment';
import { run } from './run';

/** From the compiled file as well as from its source. */
function version(): string {
  for (const up of ['../..', '../../..']) {
    try {
      const { name, version } = JSON.parse(readFileSync(join(__dirname, up, 'package.json'), 'utf8')) as {
        readonly name: string;
        readonly version: string;
      };
      if (name === 'aiaas') return version;
    } catch {
      // Not there: one directory further up.
    }
  }
  return 'unknown';
}

// A copy of the record is as private as the record.
makeFilesPrivately();

const interruption = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => interruption.abort(new Error(`interrupted by ${signal}`)));

run(process.argv.slice(2), {
  environment: process.env,
  streams: {
    out: (text) => void process.stdout.write(text),
    err: (text) => void process.stderr.write(text),
  },
  signal: interruption.signal,
  version: version(),
}).then(
  (code) => {
    // Not process.exit: what was written to a pipe leaves first.
    process.exitCode = code;
  },
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
    process.exitCode = 1;
  },
);
