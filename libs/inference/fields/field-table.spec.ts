import { allowedFields, unknownFieldRefusal } from './allowed-fields';
import { FieldTable } from './field-table';
import { isNeverField, NEVER_FIELDS } from './never-fields';

const table = new FieldTable({
  metered: ['model', 'max_tokens', 'n'],
  unpriced: ['tools'],
  known: ['temperature', 'thinking', 'schema'],
  members: { thinking: ['type', 'format'] },
});

describe('a field that never passes', () => {
  it.each([
    'n_predict',
    'max_new_tokens',
    'min_tokens',
    'num_predict',
    'max_length',
    'api_base',
    'base_url',
    'api_key',
    'mock_response',
    'kv_transfer_params',
    'extra_body',
    'extra_headers',
    'options',
    'nvext',
    'vendor',
    'num_ctx',
    'best_of',
    'aws_session_token',
    'vertex_project',
  ])('%s, and however else it is spelled', (name) => {
    expect(table.isUnpriced(name, 1)).toBe(true);
    for (const spelled of [name.toUpperCase(), name.replaceAll('_', ''), name.replaceAll('_', '-')])
      expect(table.mistakenFor(spelled) !== undefined || table.isUnpriced(spelled, 1)).toBe(true);
  });

  it('passes as what changes nothing', () => {
    expect(table.isUnpriced('n_predict', null)).toBe(false);
    expect(table.isUnpriced('ignore_eos', false)).toBe(false);
    expect(table.isUnpriced('ignore_eos', true)).toBe(true);
    expect(table.isUnpriced('modalities', ['text'])).toBe(false);
    expect(table.isUnpriced('modalities', ['text', 'audio'])).toBe(true);
  });

  it('is found where hosts hide such fields, at any depth, but not in what a client describes', () => {
    expect(table.hiddenIn('future', { a: [{ n_predict: 1 }] })).toBe('future.a[0].n_predict');
    expect(table.hiddenIn('future', { maxTokens: 1 })).toBeUndefined();
    expect(table.hiddenIn('future', { max_tokens: 1 })).toBe('future.max_tokens');
    expect(table.hiddenIn('thinking', { type: 'enabled', apiBase: 'http://x' })).toBe('thinking.apiBase');
    expect(table.hiddenIn('thinking', { format: { properties: { url: {} } } })).toBeUndefined();
    expect(table.hiddenIn('schema', { properties: { options: {}, n_predict: {} } })).toBeUndefined();
  });

  it('is none of those that routes read', () => {
    expect(table.isUnpriced('n', 2)).toBe(false);
    expect(new FieldTable({ metered: ['best_of'], unpriced: [], known: [] }).isUnpriced('best_of', 2)).toBe(false);
    for (const name of NEVER_FIELDS) expect(isNeverField(name)).toBe(true);
    for (const name of ['temperature', 'max_tokens', 'mock', 'seed', 'thinking'])
      expect(isNeverField(name)).toBe(false);
  });
});

describe('a field that nobody knows', () => {
  const body = {
    model: 'm',
    temperature: 1,
    future: 1,
    empty: null,
    thinking: { type: 'on', depth: 3, nothing: null },
  };
  const unknown = table.unknownIn(body);
  const backend = { dropFields: [] };

  it('is told by its path', () => expect(unknown).toEqual(['future', 'thinking.depth']));

  it('goes only where an operator vouches for it, or drops it', () => {
    expect(unknownFieldRefusal(unknown, backend)).toMatchObject({ code: 'unsupported_field', param: 'future' });
    expect(unknownFieldRefusal(unknown, { ...backend, allowFields: ['future'] })?.param).toBe('thinking.depth');
    expect(unknownFieldRefusal(unknown, { ...backend, allowFields: ['future', 'thinking.depth'] })).toBeUndefined();
    expect(unknownFieldRefusal(unknown, { dropFields: ['future'], allowFields: ['thinking'] })).toBeUndefined();
    expect(unknownFieldRefusal([], backend)).toBeUndefined();
  });

  it('says who can let it through', () =>
    expect(unknownFieldRefusal(unknown, backend)?.message).toMatch(/'future' .* operator .* 'allowFields'/));

  it('is passed on where it was vouched for, not where it is dropped', () =>
    expect(allowedFields(unknown, { dropFields: ['thinking'], allowFields: ['future'] })).toEqual(['future']));
});
