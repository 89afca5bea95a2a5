import type { ProjectId } from '#kernel';

export interface Question {
  readonly title: string;
  /** Beneath `/analytics/v1/organizations/<org>/`. */
  readonly path: string;
  readonly p95MsMax: number;
}

const P95_MS_MAX = 200;

/** What an analyst asks about a year. */
export function questionsOf(from: string, to: string, projectId: ProjectId): readonly Question[] {
  const ask = (title: string, report: string, query: string): Question => ({
    title,
    path: `${report}?from=${from}&to=${to}&${query}`,
    p95MsMax: P95_MS_MAX,
  });
  return [
    ask('usage by month and model', 'usage', 'granularity=month&groupBy=model'),
    ask('usage by day in Europe/Berlin', 'usage', 'granularity=day&timeZone=Europe/Berlin'),
    ask('usage by day, key and model', 'usage', 'granularity=day&groupBy=api-key,model'),
    ask('usage by hour', 'usage', 'granularity=hour'),
    ask('usage by hour in Asia/Kolkata', 'usage', 'granularity=hour&timeZone=Asia/Kolkata'),
    ask('usage by hour of one project', 'usage', `granularity=hour&where=project:${projectId}`),
    ask(
      'usage by hour of one project in Asia/Kolkata',
      'usage',
      `granularity=hour&timeZone=Asia/Kolkata&where=project:${projectId}`,
    ),
    ask('usage by hour of one model', 'usage', 'granularity=hour&where=model:maker/large'),
    ask('latency by month and model', 'latency', 'granularity=month&groupBy=model'),
    ask('latency by day', 'latency', 'granularity=day'),
    ask('errors by month', 'errors', 'granularity=month'),
  ];
}
