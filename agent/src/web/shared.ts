/** One piece of work that all who ask for it at the same time share. */

/** `work`, but whoever calls while it is under way gets the result of that. A result is not kept. */
export function shared<T>(work: () => Promise<T>): () => Promise<T> {
  let underWay: Promise<T> | null = null;
  return () => {
    underWay ??= work().finally(() => {
      underWay = null;
    });
    return underWay;
  };
}
