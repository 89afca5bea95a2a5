import { type JsonDocument, type JsonObject, onOneLine, writeAnew } from '../../json';
import { type ErrorCode, type ErrorOptions, errorBody } from '../errors';

/**
 * One event of a response; its name stands in the data as well.
 * @param request where the event repeats parts of it: they are written as they were sent.
 */
export function responsesEventFrame(type: string, sequence: number, rest: JsonObject, request?: JsonDocument): string {
  const event = { type, ...rest, sequence_number: sequence };
  const data = request === undefined ? JSON.stringify(event) : onOneLine(writeAnew(event, request));
  return `event: ${type}\ndata: ${data}\n\n`;
}

/**
 * The event of a failure after the stream has begun; `response.failed` follows it. Some clients read the error's members
 * beside the type, others in an object of their own.
 */
export function responsesErrorFrame(code: ErrorCode, options: ErrorOptions, sequence: number): string {
  const { error } = errorBody(code, options);
  const { code: shown, message, param } = error;
  return responsesEventFrame('error', sequence, { code: shown, message, param, error });
}
