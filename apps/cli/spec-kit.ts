import { run } from './run';

export interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs a command in this process, as `main` would. */
export async function aiaas(args: readonly string[], environment: NodeJS.ProcessEnv = {}): Promise<Ended> {
  let out = '';
  let err = '';
  const code = await run(args, {
    environment,
    streams: {
      out: (text) => {
        out += text;
      },
      err: (text) => {
        err += text;
      },
    },
    signal: new AbortController().signal,
    version: '0.0.0-spec',
  });
  return { code, out, err };
}
