import { applyDecorators } from '@nestjs/common';
import { type ClassConstructor, Type } from 'class-transformer';
import { ValidateBy, ValidateIf, ValidateNested, type ValidationOptions } from 'class-validator';
import { BACKEND_CREDENTIAL_RULE, isBackendCredential } from '#control';
import { type EpochMs, type IdPrefix, parseId, parseInstant, parseUsd } from '#kernel';
import { isPlainObject } from '../problems/body-structure';

function rule(name: string, message: string, validate: (value: unknown) => boolean, options?: ValidationOptions) {
  return ValidateBy({ name, validator: { validate, defaultMessage: () => message } }, options);
}

/** The field may be left out. Unlike the usual IsOptional it may not be `null`: that would say something else. */
export function Omittable(): PropertyDecorator {
  return ValidateIf((_body: unknown, value: unknown) => value !== undefined);
}

/** The field may be left out, and an explicit `null` removes what it names. */
export function Nullable(): PropertyDecorator {
  return ValidateIf((_body: unknown, value: unknown) => value !== undefined && value !== null);
}

/**
 * The field is an object with fields of its own; with `each`, a list of such. The usual ValidateNested alone would take a
 * list for the one object that it is to be.
 */
export function IsPart<T extends object>(type: () => ClassConstructor<T>, options?: ValidationOptions) {
  const message = options?.each === true ? '$property is a list of JSON objects' : '$property is a JSON object';
  return applyDecorators(Type(type), ValidateNested(options), rule('isPart', message, isPlainObject, options));
}

export function IsCredential(options?: ValidationOptions): PropertyDecorator {
  const validate = (value: unknown) => typeof value === 'string' && isBackendCredential(value);
  return rule('isCredential', `$property is unusable: ${BACKEND_CREDENTIAL_RULE}`, validate, options);
}

export function IsId(prefix: IdPrefix, options?: ValidationOptions): PropertyDecorator {
  const message = `$property is an id such as ${prefix}_… from the platform's answers`;
  return rule('isId', message, (value) => typeof value === 'string' && parseId(prefix, value) !== undefined, options);
}

export function IsInstant(options?: ValidationOptions): PropertyDecorator {
  const message = '$property is a time such as 2026-01-31T00:00:00Z';
  return rule('isInstant', message, (value) => typeof value === 'string' && parseInstant(value) !== undefined, options);
}

/** Not negative, at most nine decimals. */
export function IsUsd(options?: ValidationOptions): PropertyDecorator {
  const message = '$property is an amount in USD as a string, such as "0.15", with at most nine decimals';
  const isUsd = (value: unknown) => typeof value === 'string' && (parseUsd(value) ?? -1n) >= 0n;
  return rule('isUsd', message, isUsd, options);
}

/** Of a text that was validated as a time. */
export function instant(text: string): EpochMs {
  const at = parseInstant(text);
  if (at === undefined) throw new RangeError('a time was not validated');
  return at;
}
