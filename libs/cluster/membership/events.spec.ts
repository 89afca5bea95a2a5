import { join } from 'node:path';
import type { BootId } from '#kernel';
import type { EventSamples } from '#testing/golden';
import { goldenChecks } from '#testing/golden';
import { type GatewayEvent, gatewayCodec, gatewayStream, parseGatewayStream } from './events';

const bootId = 'boot_01k00000000000000000000000' as BootId;
const peerUrl = 'http://10.0.0.7:7070';

const samples: EventSamples<GatewayEvent> = {
  GatewayStarted: [{ type: 'GatewayStarted', data: { bootId, peerUrl, version: '1.2.3' } }],
  GatewayBeat: [{ type: 'GatewayBeat', data: { bootId, peerUrl } }],
  GatewayStopped: [{ type: 'GatewayStopped', data: { bootId } }],
};

describe('events of a gateway', () => {
  it.each(goldenChecks({ codec: gatewayCodec, samples, folder: join(__dirname, 'golden') }))('$name', ({ run }) =>
    run(),
  );
});

describe('the stream of a gateway', () => {
  it('is composed and parsed in one place', () => {
    expect(gatewayStream(bootId)).toBe(`gateway-${bootId}`);
    expect(parseGatewayStream(gatewayStream(bootId))).toBe(bootId);
    expect(parseGatewayStream('gateway-key_01k00000000000000000000000')).toBeUndefined();
    expect(parseGatewayStream(bootId)).toBeUndefined();
  });
});
