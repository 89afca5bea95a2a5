export { embeddingValues } from './answers';
export { MockUpstream, type MockUpstreamOptions } from './mock-upstream';
export { DEFAULT_PLAN, type MockEnding, type MockPlan, type MockUsage, modelFor } from './plan';
export type { ReceivedCall } from './received-calls';
