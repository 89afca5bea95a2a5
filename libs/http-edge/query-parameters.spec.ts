import { queryProblem } from './query-parameters';

const takes = { from: 'once', where: 'repeatable' } as const;

describe('the names in a query', () => {
  it.each([undefined, {}, { from: 'x' }, { from: '', where: 'a' }, { where: ['a', 'b'] }])(
    '%j is in order',
    (query) => {
      expect(queryProblem(query, takes)).toBeUndefined();
    },
  );

  it.each([
    [
      { from: 'x', model: 'y' },
      { parameter: 'model', message: "There is no parameter 'model'. Those here are: from, where." },
    ],
    [{ From: 'x' }, { parameter: 'From', message: expect.stringContaining("'From'") }],
    [{ from: ['x', 'y'] }, { parameter: 'from', message: "'from' is given more than once." }],
    [JSON.parse('{"__proto__":"x"}'), { parameter: '__proto__', message: expect.anything() }],
    [{ toString: 'x' }, { parameter: 'toString', message: expect.anything() }],
    [{ '': 'x' }, { parameter: '', message: expect.anything() }],
  ])('%j is not', (query, problem) => {
    expect(queryProblem(query, takes)).toEqual(problem);
  });

  it('are none where a route takes none', () => {
    expect(queryProblem({ a: '1' }, {})?.message).toBe("There is no parameter 'a'. There are none here.");
  });
});
