import { Injectable, type PipeTransform } from '@nestjs/common';
import { type ClassConstructor, plainToInstance } from 'class-transformer';
import { type ValidationError, validate } from 'class-validator';
import { foreignText } from '#kernel';
import { isPlainObject, pointerTo, structureProblem } from './body-structure';
import { type InvalidField, invalidRequest } from './problem';

/** Whoever sends more wrong fields than these mends them first. */
const FIELDS_SHOWN_MAX = 50;
const POINTER_BYTES_MAX = 256;

function fieldsOf(errors: readonly ValidationError[], parent = ''): InvalidField[] {
  return errors.flatMap(({ property, constraints = {}, children = [] }) => {
    const pointer = pointerTo(parent, property);
    const own = Object.entries(constraints).map(([rule, message]) => ({
      pointer: foreignText(pointer, POINTER_BYTES_MAX),
      message: rule === 'whitelistValidation' ? 'There is no such field here.' : message,
    }));
    return [...own, ...fieldsOf(children, pointer)];
  });
}

/** A class declares all its fields, so those that were left out are there as `undefined`: which is not the same. */
function dropAbsent(value: unknown): void {
  if (typeof value !== 'object' || value === null) return;
  for (const [key, member] of Object.entries(value))
    if (member === undefined) Reflect.deleteProperty(value, key);
    else dropAbsent(member);
}

/** Makes a body an instance of its class, or says what is wrong with each field; unknown fields are wrong. */
@Injectable()
class ValidatedBody<T extends object> implements PipeTransform {
  constructor(private readonly type: ClassConstructor<T>) {}

  async transform(body: unknown): Promise<T> {
    // A command that needs nothing may come without a body.
    const given = body ?? {};
    if (!isPlainObject(given)) throw invalidRequest([{ pointer: '', message: 'The body is to be a JSON object.' }]);
    const problem = structureProblem(given);
    if (problem !== undefined) throw invalidRequest([problem]);
    const instance = plainToInstance(this.type, given);
    const errors = await validate(instance, {
      whitelist: true,
      forbidNonWhitelisted: true,
      forbidUnknownValues: false,
      stopAtFirstError: true,
      validationError: { target: false, value: false },
    });
    if (errors.length > 0) throw invalidRequest(fieldsOf(errors.slice(0, FIELDS_SHOWN_MAX)).slice(0, FIELDS_SHOWN_MAX));
    dropAbsent(instance);
    return instance;
  }
}

export function validated<T extends object>(type: ClassConstructor<T>): PipeTransform {
  return new ValidatedBody(type);
}
