import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { BACKEND_SERVICES, type BackendService } from '#inference/catalogue';
import { formatInstant } from '#kernel';
import type { RoutedAttempt, RoutedBackend } from '../routing-insight';

const CIRCUITS = ['closed', 'half-open', 'open'] as const satisfies readonly RoutedBackend['circuit'][];
const DECISIONS = ['primary', 'failover', 'override'] as const satisfies readonly RoutedAttempt['decision'][];

/** How well a backend is for one organization's calls of one model. */
export class OwnCircuitView {
  @ApiProperty()
  organizationId!: string;
  @ApiProperty()
  model!: string;
  @ApiProperty({ enum: CIRCUITS })
  circuit!: RoutedBackend['circuit'];
  @ApiProperty()
  consecutiveFailures!: number;
  @ApiPropertyOptional()
  lastFailure?: string;
}

export class RoutedBackendView {
  @ApiProperty()
  id!: string;
  @ApiProperty()
  name!: string;
  @ApiProperty({ enum: BACKEND_SERVICES, description: 'What an operator decided.' })
  service!: BackendService;
  @ApiProperty({ enum: CIRCUITS, description: 'open: all calls avoid it, after a run of failed connections.' })
  circuit!: RoutedBackend['circuit'];
  @ApiProperty()
  consecutiveFailures!: number;
  @ApiPropertyOptional()
  lastFailure?: string;
  @ApiPropertyOptional({ description: 'When a probe last asked it whether it is back.' })
  lastCheckedAt?: string;
  @ApiProperty({
    type: [OwnCircuitView],
    description: 'Organizations whose calls of one model avoid it after a run of errors; the latest 100.',
  })
  ownCircuits!: readonly OwnCircuitView[];
}

export function routedBackendView({
  backendId,
  lastCheckedAt,
  ownCircuits,
  ...status
}: RoutedBackend): RoutedBackendView {
  const { name, service, circuit, consecutiveFailures, lastFailure } = status;
  return {
    id: backendId,
    name,
    service,
    circuit,
    consecutiveFailures,
    ...(lastFailure === undefined ? {} : { lastFailure }),
    ...(lastCheckedAt === undefined ? {} : { lastCheckedAt: formatInstant(lastCheckedAt) }),
    ownCircuits: ownCircuits.map(({ orgId: organizationId, ...own }) => ({ organizationId, ...own })),
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
