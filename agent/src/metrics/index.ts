/** What other rooms use of metrics. */
export type { Build, Collection } from './agent-series.ts';
export { DEFAULT_LIMITS, Exporter, type Limits } from './exporter.ts';
export type { Body } from './pages.ts';
export { figuresOf, type ProcessFigures, processRegistry } from './process.ts';
export type { Steps } from './steps.ts';
export { CONTENT_TYPE } from './text.ts';
