/** That something long goes on, for people who wait for it: on a terminal only. */

/** Where progress is shown, as far as it is needed. */
interface Screen {
  readonly isTTY?: boolean;
  write(text: string): unknown;
}

/**
 * Counts seconds on one line of stderr, `3 s of 10 s`, until the function that it gives is called, which clears the line. Elsewhere
 * than on a terminal nothing is written.
 */
export function countSeconds(milliseconds: number | undefined, screen: Screen = process.stderr): () => void {
  if (screen.isTTY !== true) return () => undefined;
  const whole = milliseconds === undefined ? ', Ctrl-C ends it' : ` of ${seconds(milliseconds)} s`;
  const started = performance.now();
  const timer = setInterval(() => screen.write(`\r${seconds(performance.now() - started)} s${whole}`), 1000);
  return () => {
    clearInterval(timer);
    screen.write('\r\x1b[K');
  };
}

const seconds = (milliseconds: number): string => String(Math.round(milliseconds / 1000));
