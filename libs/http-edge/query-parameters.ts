/** The parameters that a route takes, and whether each may be repeated. */
export type QueryParameters = Readonly<Record<string, 'once' | 'repeatable'>>;

export interface QueryProblem {
  readonly parameter: string;
  readonly message: string;
}

function knownText(parameters: QueryParameters): string {
  const names = Object.keys(parameters);
  return names.length === 0 ? 'There are none here.' : `Those here are: ${names.join(', ')}.`;
}

/**
 * What is wrong with the names in a query: a parameter that a route does not know would be left out of the question in
 * silence, and of one that is given twice only one value could be meant. Nothing of either is guessed.
 *
 * @param query as Fastify reads it: a parameter that is repeated is a list.
 */
export function queryProblem(query: unknown, parameters: QueryParameters): QueryProblem | undefined {
  for (const [parameter, value] of Object.entries((query ?? {}) as Record<string, unknown>)) {
    const rule = Object.hasOwn(parameters, parameter) ? parameters[parameter] : undefined;
    if (rule === undefined)
      return { parameter, message: `There is no parameter '${parameter.slice(0, 60)}'. ${knownText(parameters)}` };
    if (rule === 'once' && typeof value !== 'string')
      return { parameter, message: `'${parameter}' is given more than once.` };
  }
  return undefined;
}
