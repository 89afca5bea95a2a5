/** An answer of the admin plane that is not what the test asked for. */
export class AdminError extends Error {
  override readonly name = 'AdminError';
  constructor(
    readonly status: number,
    readonly body: string,
    readonly what: string,
  ) {
    super(`${what} was answered with ${status}: ${body}`);
  }
}

type Json = Readonly<Record<string, unknown>>;

export interface ModelWanted {
  readonly id: string;
  readonly upstreamModel: string;
  readonly backend: string;
  readonly kind?: 'chat' | 'completion' | 'embedding';
  readonly contextTokens?: number;
  readonly maxOutputTokens?: number;
  /** USD per million tokens. */
  readonly prices?: { readonly input: string; readonly output: string };
  /** Everything else, as the admin plane takes it. */
  readonly rest?: Json;
}

/** Commands over the admin plane, as an operator's automation sends them. */
export class AdminClient {
  constructor(
    private readonly url: () => string,
    private readonly token: () => string,
  ) {}

  /** The answer as it came, whatever its status. */
  send(method: string, path: string, body?: Json, headers: Readonly<Record<string, string>> = {}): Promise<Response> {
    return fetch(`${this.url()}/admin/v1${path}`, {
      method,
      headers: {
        authorization: `Bearer ${this.token()}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  }

  /** @throws AdminError when it is not answered with 2xx. */
  async request<T = Json>(method: string, path: string, body?: Json): Promise<T> {
    const response = await this.send(method, path, body);
    const text = await response.text();
    if (!response.ok) throw new AdminError(response.status, text, `${method} ${path}`);
    return (text === '' ? {} : JSON.parse(text)) as T;
  }

  async createOrganization(name: string, slug: string): Promise<string> {
    const { id } = await this.request<{ id: string }>('POST', '/organizations', { name, slug });
    return id;
  }

  async createProject(org: string, name: string): Promise<string> {
    const { id } = await this.request<{ id: string }>('POST', `/organizations/${org}/projects`, { name });
    return id;
  }

  createKey(org: string, projectId: string, rest: Json = {}): Promise<{ id: string; secret: string }> {
    return this.request('POST', `/organizations/${org}/api-keys`, { name: 'Key', projectId, ...rest });
  }

  async createBudget(org: string, limit: string, rest: Json = {}): Promise<string> {
    const budget = { name: 'Budget', scope: { type: 'organization' }, unit: 'cost', period: 'total', mode: 'block' };
    const { id } = await this.request<{ id: string }>('POST', `/organizations/${org}/budgets`, {
      ...budget,
      limit,
      ...rest,
    });
    return id;
  }

  budget(org: string, id: string): Promise<Readonly<Record<string, string>>> {
    return this.request('GET', `/organizations/${org}/budgets/${id}`);
  }

  setKeyLimits(org: string, keyId: string, limits: Json): Promise<Json> {
    return this.request('PUT', `/organizations/${org}/api-keys/${keyId}/limits`, limits);
  }

  async createBackend(name: string, baseUrl: string, rest: Json = {}): Promise<string> {
    const { id } = await this.request<{ id: string }>('POST', '/backends', { name, kind: 'openai', baseUrl, ...rest });
    return id;
  }

  createModel({ id, backend, upstreamModel, ...wanted }: ModelWanted): Promise<Json> {
    const kind = wanted.kind ?? 'chat';
    return this.request('POST', '/models', {
      id,
      kind,
      routes: [{ backend, upstreamModel }],
      contextTokens: wanted.contextTokens ?? 8_000,
      ...(kind === 'embedding' ? {} : { maxOutputTokens: wanted.maxOutputTokens ?? 4_000 }),
      ...(wanted.prices === undefined ? {} : { prices: wanted.prices }),
      ...wanted.rest,
    });
  }

  resolveCall(org: string, callId: string, cost: string, reason: string): Promise<Json> {
    return this.request('POST', `/organizations/${org}/calls/${callId}/resolve`, { cost, reason });
  }
}
