/** What an outbox that is too full lets go of. */
import type { Entry } from './store.ts';

export interface OutboxLimits {
  readonly events: number;
  readonly bytes: number;
}

/**
 * The entries to drop, of `entries` in their order, so that the rest is within the limits: first what is over, oldest first (of an
 * incident of which a receiver may know only the triggers: its resolve must still close it), then the oldest triggers, then the
 * oldest of all. What is pinned stays, whatever the limits say.
 */
export function victimsOf(
  entries: readonly Entry[],
  limits: OutboxLimits,
  isPinned: (entry: Entry) => boolean,
): ReadonlySet<Entry> {
  const victims = new Set<Entry>();
  let count = entries.length;
  let bytes = entries.reduce((sum, entry) => sum + entry.bytes, 0);
  const fits = () => count <= limits.events && bytes <= limits.bytes;
  if (fits()) return victims;
  const drop = (entry: Entry) => {
    if (victims.has(entry) || isPinned(entry)) return;
    victims.add(entry);
    count--;
    bytes -= entry.bytes;
  };
  for (const over of incidentsThatAreOver(entries)) {
    if (fits()) return victims;
    over.forEach(drop);
  }
  const triggers = entries.filter((entry) => entry.stored.event.action === 'trigger');
  for (const entry of [...triggers, ...entries]) {
    if (fits()) return victims;
    drop(entry);
  }
  return victims;
}

/** Of each incident whose resolve is here too: what can go without leaving an incident open. In the order in which they ended. */
function* incidentsThatAreOver(entries: readonly Entry[]): Generator<readonly Entry[]> {
  const triggers = new Map<string, Entry[]>();
  for (const entry of entries) {
    const { action, incident } = entry.stored.event;
    const before = triggers.get(incident.dedupKey);
    if (action === 'trigger') triggers.set(incident.dedupKey, [...(before ?? []), entry]);
    else if (before !== undefined) {
      triggers.delete(incident.dedupKey);
      const unknown = before[0]?.stored.opening === true && before.every(({ marks }) => marks.size === 0);
      yield unknown ? [...before, entry] : before;
    }
  }
}
