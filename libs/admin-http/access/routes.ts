import 'reflect-metadata';
import { RequestMethod, type Type } from '@nestjs/common';
import { METHOD_METADATA, PATH_METADATA } from '@nestjs/common/constants';

/** Paths under which nothing is served that the access table does not name. */
export const ADMIN_PREFIX = '/admin/v1';

function joined(...parts: readonly string[]): string {
  return `/${parts
    .map((part) => part.replace(/^\/|\/$/g, ''))
    .filter((part) => part !== '')
    .join('/')}`;
}

function pathOf(target: object): string | undefined {
  const path: unknown = Reflect.getMetadata(PATH_METADATA, target);
  return typeof path === 'string' ? path : undefined;
}

/** The route that a method of a controller serves, as the access table names it; `undefined` for other methods. */
export function routeKey(controller: Type, handler: object): string | undefined {
  const path = pathOf(handler);
  const method: unknown = Reflect.getMetadata(METHOD_METADATA, handler);
  if (path === undefined || typeof method !== 'number') return undefined;
  return `${RequestMethod[method]} ${joined(pathOf(controller) ?? '', path)}`;
}
