import type { NeutralSource } from './call';

const DATA_URL = /^data:([^;,]+);base64,/;

/** Where a part's bytes are, from a URL or a data URL. */
export function sourceOf(url: string): NeutralSource {
  const head = DATA_URL.exec(url.slice(0, 256));
  const mediaType = head?.[1];
  if (head === null || mediaType === undefined) return { kind: 'url', url };
  return { kind: 'base64', mediaType, data: url.slice(head[0].length) };
}

export function urlOf(source: NeutralSource): string {
  return source.kind === 'url' ? source.url : `data:${source.mediaType};base64,${source.data}`;
}
