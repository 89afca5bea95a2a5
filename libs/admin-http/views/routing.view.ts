import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { BACKEND_SERVICES, type BackendService } from '#inference/catalogue';
import { formatInstant } from '#kernel';
import type { RoutedAttempt, RoutedBackend } from '../routing-insight';

const CIRCUITS = ['closed', 'half-open', 'open'] as const satisfies readonly RoutedBackend['circuit'][];
const DECISIONS = ['primary', 'failover', 'override'] as const satisfies readonly RoutedAttempt['decision'][];

export class RoutedBackendView {
  @ApiProperty()
  id!: string;
  @ApiProperty()
  name!: string;
  @ApiProperty({ enum: BACKEND_SERVICES, description: 'What an operator decided.' })
  service!: BackendService;
  @ApiProperty({ enum: CIRCUITS, description: 'open: calls avoid it after a run of failures.' })
  circuit!: RoutedBackend['circuit'];
  @ApiProperty()
  consecutiveFailures!: number;
  @ApiPropertyOptional()
  lastFailure?: string;
  @ApiPropertyOptional({ description: 'When a probe last asked it whether it is back.' })
  lastCheckedAt?: string;
}

export function routedBackendView({ backendId, lastCheckedAt, ...status }: RoutedBackend): RoutedBackendView {
  const { name, service, circuit, consecutiveFailures, lastFailure } = status;
  return {
    id: backendId,
    name,
    service,
    circuit,
    consecutiveFailures,
    ...(lastFailure === undefined ? {} : { lastFailure }),
    ...(lastCheckedAt === undefined ? {} : { lastCheckedAt: formatInstant(lastCheckedAt) }),
  };
}

export class RoutedAttemptView {
  @ApiProperty()
  at!: string;
  @ApiProperty()
  requestId!: string;
  @ApiProperty()
  model!: string;
  @ApiProperty({ description: "The backend's name." })
  backend!: string;
  @ApiProperty({ enum: DECISIONS })
  decision!: RoutedAttempt['decision'];
  @ApiPropertyOptional({ description: 'Why the attempt came to nothing.' })
  failure?: string;
}

export class RoutedAttemptsView {
  @ApiProperty({ type: [RoutedAttemptView] })
  data!: readonly RoutedAttemptView[];
}

export function routedAttemptView({ at, callId, model, backend, decision, failure }: RoutedAttempt): RoutedAttemptView {
  return {
    at: formatInstant(at),
    requestId: callId,
    model,
    backend,
    decision,
    ...(failure === undefined ? {} : { failure }),
  };
}
