import { applyDecorators, Controller, type Type, UseGuards } from '@nestjs/common';
import {
  ApiBearerAuth,
  ApiExtraModels,
  ApiHeader,
  ApiOperation,
  ApiProperty,
  ApiPropertyOptional,
  ApiQuery,
  ApiResponse,
  ApiTags,
  getSchemaPath,
} from '@nestjs/swagger';
import { AccessGuard } from '../access/access.guard';

class InvalidFieldView {
  @ApiProperty({ description: 'A JSON Pointer (RFC 6901) into body or query.' })
  pointer!: string;
  @ApiProperty()
  message!: string;
}

/** RFC 9457. */
class ProblemView {
  @ApiProperty()
  type!: string;
  @ApiProperty()
  title!: string;
  @ApiProperty()
  status!: number;
  @ApiProperty({ description: 'Stable; for programs.' })
  code!: string;
  @ApiProperty({ description: 'A sentence that says what to do.' })
  detail!: string;
  @ApiPropertyOptional()
  requestId?: string;
  @ApiPropertyOptional({ type: [InvalidFieldView] })
  errors?: InvalidFieldView[];
}

const PROBLEMS: Readonly<Record<number, string>> = {
  401: 'No token, or one that is unknown, expired or revoked.',
  403: 'Not permitted, or the organization is suspended.',
  404: 'Unknown, or not yours.',
  422: 'Something in the request is invalid.',
};
const COMMAND_PROBLEMS: Readonly<Record<number, string>> = {
  ...PROBLEMS,
  400: 'Malformed.',
  409: 'What is there does not let the command pass.',
  412: 'Somebody changed it since its ETag was read.',
  503: 'The record cannot be written now; try again.',
};

function problems(descriptions: Readonly<Record<number, string>>): MethodDecorator {
  const responses = Object.entries(descriptions).map(([status, description]) =>
    ApiResponse({
      status: Number(status),
      description,
      content: { 'application/problem+json': { schema: { $ref: getSchemaPath(ProblemView) } } },
    }),
  );
  return applyDecorators(ApiExtraModels(ProblemView, InvalidFieldView), ...responses);
}

const TAG_HEADER = { description: 'The version of the resource, for If-Match.', schema: { type: 'string' } } as const;
const POSITION_HEADER = { description: 'For ?atLeast= of a read.', schema: { type: 'string' } } as const;
const AT_LEAST = ApiQuery({
  name: 'atLeast',
  required: false,
  type: String,
  description: 'X-Event-Position of a command: the read waits, at most 2 s, until it knows what that did.',
});

/** A controller of the admin plane: nothing of it is served without the guard. */
export function AdminController(path: string, tag: string): ClassDecorator {
  return applyDecorators(Controller(`admin/v1/${path}`), UseGuards(AccessGuard), ApiTags(tag), ApiBearerAuth('bearer'));
}

/** Documents a command that answers with its resource. */
export function CommandRoute(summary: string, view: Type, status: 200 | 201 = 200): MethodDecorator {
  return applyDecorators(
    ApiOperation({ summary }),
    ApiHeader({
      name: 'Idempotency-Key',
      required: false,
      description: 'A repeat with the same key and body gets the same answer; another body is refused (422).',
    }),
    ApiHeader({ name: 'If-Match', required: false, description: 'An ETag: refused (412) if it is no longer so.' }),
    ApiResponse({
      status,
      type: view,
      headers: { ETag: TAG_HEADER, 'X-Event-Position': POSITION_HEADER },
      description: status === 201 ? 'Made; 200 where it was there already.' : 'As it is now.',
    }),
    problems(COMMAND_PROBLEMS),
  );
}

export function ReadRoute(summary: string, view: Type): MethodDecorator {
  return applyDecorators(
    ApiOperation({ summary }),
    AT_LEAST,
    ApiResponse({ status: 200, type: view, headers: { ETag: TAG_HEADER } }),
    problems(PROBLEMS),
  );
}

export function ListRoute(summary: string, view: Type): MethodDecorator {
  return applyDecorators(
    ApiOperation({ summary }),
    AT_LEAST,
    ApiQuery({ name: 'limit', required: false, type: Number, description: '1 to 200; default 50.' }),
    ApiQuery({ name: 'after', required: false, type: String, description: 'The `next` of the page before.' }),
    ApiExtraModels(view),
    ApiResponse({
      status: 200,
      schema: {
        type: 'object',
        required: ['data', 'next'],
        properties: {
          data: { type: 'array', items: { $ref: getSchemaPath(view) } },
          next: { type: 'string', nullable: true },
        },
      },
    }),
    problems(PROBLEMS),
  );
}
