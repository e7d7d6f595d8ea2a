/** All boards, and the text of their files. */
import { fleet } from './fleet.ts';
import { health } from './health.ts';
import { host } from './host.ts';
import { type Board, boardJson } from './panel.ts';

const BOARDS: readonly Board[] = [fleet, host, health];

/** By the name of its file: the board as Grafana imports it. */
export const boardFiles = (): ReadonlyMap<string, string> =>
  new Map(BOARDS.map((board) => [`${board.uid}.json`, `${JSON.stringify(boardJson(board), null, 2)}\n`]));
