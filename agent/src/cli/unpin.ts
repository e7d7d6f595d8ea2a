/** `spillway unpin`: takes away what `persist` has left in the kernel. */
import { Command } from 'commander';
import { openPins } from './context.ts';
import { write } from './output.ts';

export const unpinCommand = new Command('unpin')
  .description('remove the counts and probes that an agent with `persist` has left in the kernel')
  .addHelpText(
    'after',
    `
Nothing is counted from then on until an agent runs. Stop the agent first.

Examples:
  systemctl stop spillway && spillway unpin
  spillway unpin`,
  )
  .action(async () => {
    const pins = openPins();
    try {
      const probes = pins.removeAll();
      await write(
        probes === 0 ? 'nothing was pinned\n' : `${String(probes)} probes removed, and what they had counted\n`,
      );
    } finally {
      pins.close();
    }
  });
