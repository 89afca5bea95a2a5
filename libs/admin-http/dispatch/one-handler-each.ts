import { Injectable, type OnModuleInit } from '@nestjs/common';
import { DiscoveryService } from '@nestjs/core';

/** The keys under which the bus finds what a handler handles; its package does not export them. */
const HANDLER_METADATA = ['__commandHandler__', '__queryHandler__'] as const;

/** Of two handlers of one command the bus silently takes the last one: the application does not start with two. */
@Injectable()
export class OneHandlerEach implements OnModuleInit {
  constructor(private readonly discovery: DiscoveryService) {}

  onModuleInit(): void {
    const handlers = new Map<unknown, unknown>();
    for (const { metatype } of this.discovery.getProviders()) {
      if (typeof metatype !== 'function') continue;
      const handled = HANDLER_METADATA.map((key): unknown => Reflect.getMetadata(key, metatype)).find(
        (one) => one !== undefined,
      );
      if (handled === undefined) continue;
      const other = handlers.get(handled);
      if (other !== undefined && other !== metatype)
        throw new Error(`${nameOf(handled)} has two handlers: ${nameOf(other)} and ${nameOf(metatype)}`);
      handlers.set(handled, metatype);
    }
  }
}

function nameOf(type: unknown): string {
  return typeof type === 'function' ? type.name : String(type);
}
