import { Injectable, type OnModuleInit } from '@nestjs/common';
import { GUARDS_METADATA } from '@nestjs/common/constants';
import { DiscoveryService, MetadataScanner } from '@nestjs/core';
import { AccessGuard } from './access.guard';
import { ACCESS_TABLE } from './access-table';
import { ADMIN_PREFIX, routeKey } from './routes';

/** Refuses to start while a route of the admin plane has no row, has no guard, or a row has no route. */
@Injectable()
export class AccessCheck implements OnModuleInit {
  constructor(
    private readonly discovery: DiscoveryService,
    private readonly scanner: MetadataScanner,
  ) {}

  onModuleInit(): void {
    const routes = new Set<string>();
    for (const { metatype, instance } of this.discovery.getControllers()) {
      if (typeof metatype !== 'function' || typeof instance !== 'object' || instance === null) continue;
      const prototype: object = Object.getPrototypeOf(instance);
      for (const name of this.scanner.getAllMethodNames(prototype)) {
        const handler: unknown = Reflect.get(prototype, name);
        const route = typeof handler === 'function' ? routeKey(metatype as never, handler) : undefined;
        if (route === undefined || !route.includes(` ${ADMIN_PREFIX}`)) continue;
        if (!isGuarded(metatype)) throw new Error(`${route} is served without the access guard`);
        if (!Object.hasOwn(ACCESS_TABLE, route)) throw new Error(`${route} has no row in the access table`);
        routes.add(route);
      }
    }
    const unserved = Object.keys(ACCESS_TABLE).filter((route) => !routes.has(route));
    if (unserved.length > 0)
      throw new Error(`the access table names routes that nobody serves: ${unserved.join(', ')}`);
  }
}

function isGuarded(controller: object): boolean {
  const guards: unknown = Reflect.getMetadata(GUARDS_METADATA, controller);
  return Array.isArray(guards) && guards.includes(AccessGuard);
}
