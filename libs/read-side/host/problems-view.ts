import type { EventId } from '#kernel';
import { watermarkOf } from '#projections/calls';
import { pageLimit, QueryRefusedError, readCursor, writeCursor } from '#projections/common';
import {
  type Documents,
  type FindCursor,
  type Projection,
  projection,
  put,
  type ReadSnapshot,
  type Table,
} from '#read-store';
import type { Problem, ProblemsPage, ProblemsParams } from '../problems';
import type { Step } from './generation-folder';

/** The newest so many are kept. */
export const PROBLEMS_MAX = 10_000;
export const PROBLEMS_VIEW = 'problems';

interface KeptProblem {
  readonly serial: number;
  readonly problem: Problem;
}

type StoredProblem = Omit<Problem, 'position'> & { readonly position: string };

const problemsTable: Table<KeptProblem> = {
  schema: { name: 'problems', columns: { serial: 'integer' }, indexes: [{ columns: ['serial'] }] },
  encode: ({ serial, problem }) => ({
    columns: { serial },
    rest: { ...problem, position: String(problem.position) },
  }),
  decode: ({ columns, rest }) => {
    const { position, eventId, ...problem } = rest as unknown as StoredProblem;
    return {
      serial: Number(columns.serial),
      problem: { ...problem, eventId: eventId as EventId, position: BigInt(position) },
    };
  },
};

/** One document: how many problems there ever were. */
const totalsTable: Table<number> = {
  schema: { name: 'totals', columns: { total: 'integer' }, indexes: [] },
  encode: (total) => ({ columns: { total }, rest: null }),
  decode: ({ columns }) => Number(columns.total),
};
const TOTAL = 'all';

/** Events that views could not take in. The host writes it; nothing is folded into it. */
export const problemsProjection: Projection = projection(PROBLEMS_VIEW, 1, [problemsTable, totalsTable], []);

function slotOf(serial: number): string {
  return String(serial % PROBLEMS_MAX);
}

/** Notes one problem; the oldest gives way. */
export function noteProblem(problem: Problem): Step {
  const total = (documents: Documents) => documents.get(totalsTable, TOTAL) ?? 0;
  return {
    position: problem.position,
    touches: () => [{ table: totalsTable, id: TOTAL }],
    evolve: (documents: Documents) => {
      const serial = total(documents);
      return [put(problemsTable, slotOf(serial), { serial, problem }), put(totalsTable, TOTAL, serial + 1)];
    },
  };
}

function cursorOf(text: string): FindCursor {
  const cursor = readCursor(text);
  if (cursor === undefined || typeof cursor.value !== 'number')
    throw new QueryRefusedError('cursor_invalid', 'Use the "next" of the page before as "after", unchanged.');
  return cursor;
}

export async function problems(snapshot: ReadSnapshot, { limit, after }: ProblemsParams): Promise<ProblemsPage> {
  const page = await snapshot.find(PROBLEMS_VIEW, 'problems', {
    where: {},
    orderBy: { column: 'serial', direction: 'descending' },
    limit: pageLimit(limit),
    ...(after === undefined ? {} : { after: cursorOf(after) }),
  });
  const [total] = await snapshot.load(PROBLEMS_VIEW, 'totals', [TOTAL]);
  return {
    problems: page.documents.map((document) => problemsTable.decode(document).problem),
    total: total === undefined ? 0 : totalsTable.decode(total),
    next: page.next === undefined ? null : writeCursor(page.next),
    watermark: await watermarkOf(snapshot, PROBLEMS_VIEW, undefined),
  };
}
