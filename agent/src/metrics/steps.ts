/** Work that is done in steps, each of which is bounded: whoever runs it lets others have their turn in between. */

export type Steps<T = void> = Generator<undefined, T, undefined>;

/** All steps at once. */
export function drain<T>(steps: Steps<T>): T {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}
