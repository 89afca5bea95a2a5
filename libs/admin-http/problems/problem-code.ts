import type { FastifyRequest } from 'fastify';

const codes = new WeakMap<FastifyRequest['raw'], string>();

/** Remembers what a request was answered with, for whoever writes it down afterwards. */
export function rememberProblemCode({ raw }: Pick<FastifyRequest, 'raw'>, code: string): void {
  codes.set(raw, code);
}

export function problemCodeOf({ raw }: Pick<FastifyRequest, 'raw'>): string | undefined {
  return codes.get(raw);
}
