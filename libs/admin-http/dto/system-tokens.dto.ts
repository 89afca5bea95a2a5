import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsInt, IsString, Max, Min } from 'class-validator';
import { GRACE_SECONDS_MAX } from '#identity';
import { IsInstant, Omittable } from './rules';

export class IssueSystemTokenDto {
  @ApiProperty({ example: 'deployment' })
  @IsString()
  name!: string;

  @ApiPropertyOptional({
    example: '2026-12-31T00:00:00Z',
    description: 'The first moment at which it no longer works. Default: never.',
  })
  @Omittable()
  @IsInstant()
  expiresAt?: string;
}

export class RotateSystemTokenDto {
  @ApiProperty({ minimum: 0, maximum: GRACE_SECONDS_MAX, description: 'How long the old secret lives on.' })
  @Max(GRACE_SECONDS_MAX)
  @Min(0)
  @IsInt()
  graceSeconds!: number;
}
