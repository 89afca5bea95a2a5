import { ApiProperty } from '@nestjs/swagger';
import { IsIn, IsString } from 'class-validator';
import { BACKEND_SERVICES, type BackendService } from '#inference/catalogue';

export class BackendServiceDto {
  @ApiProperty({
    enum: BACKEND_SERVICES,
    description:
      'degraded: takes calls only when no other can. draining: takes no new ones. out-of-service: the kill switch.',
  })
  @IsIn(BACKEND_SERVICES)
  service!: BackendService;

  @ApiProperty({ example: 'Its provider reports an outage.' })
  @IsString()
  reason!: string;
}
