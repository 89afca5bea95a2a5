import { z } from 'zod';
import type { BootId, EventsOf, StreamName } from '#kernel';
import { brandedField, eventCodec, parseId } from '#kernel';

const bootId = brandedField<BootId>();
/** Where the other gateways reach this one, for example `http://10.0.0.7:7070`. */
const peerUrl = z.string();

const schemas = {
  GatewayStarted: { version: 1, data: z.object({ bootId, peerUrl, version: z.string() }) },
  GatewayBeat: { version: 1, data: z.object({ bootId, peerUrl }) },
  GatewayStopped: { version: 1, data: z.object({ bootId }) },
};

export type GatewayEvent = EventsOf<typeof schemas>;
export const gatewayCodec = eventCodec<GatewayEvent>(schemas);

export const GATEWAY_STREAM_PREFIX = 'gateway-';

/** One stream per start of a gateway: only that process writes to it. */
export function gatewayStream(id: BootId): StreamName {
  return `${GATEWAY_STREAM_PREFIX}${id}` as StreamName;
}

/** The boot that a stream is about; `undefined` for every other stream. */
export function parseGatewayStream(stream: string): BootId | undefined {
  return stream.startsWith(GATEWAY_STREAM_PREFIX)
    ? parseId('boot', stream.slice(GATEWAY_STREAM_PREFIX.length))
    : undefined;
}
