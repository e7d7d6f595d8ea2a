/** The landing page: plain HTML that needs no script, no style sheet of others and no network. Pure. */
import type { AlertsView, FiringView } from '../alerts/view.ts';
import type { Build } from '../metrics/index.ts';
import type { ProgramStatus } from '../model/snapshot.ts';
import { printable } from '../model/text.ts';
import { subjectText } from './alerts-json.ts';

/** Nothing may be loaded; the page's own style is all there is. */
export const PAGE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

/** What fires, what is watched, what is not and why, and where to look. Without alerts nothing is said of them. */
export function landingPage(
  build: Build,
  ready: boolean,
  programs: readonly ProgramStatus[],
  alerts?: AlertsView,
): string {
  const unavailable = programs.filter(({ state }) => state === 'unavailable').length;
  const attached = programs.filter(({ state }) => state === 'attached').length;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>spillway ${escapeHtml(build.version)}</title>
<style>
:root { color-scheme: light dark; }
body { font-family: system-ui, sans-serif; line-height: 1.5; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; }
th, td { text-align: left; vertical-align: top; padding: .2rem 1.5rem .2rem 0; }
</style>
</head>
<body>
<main>
<h1>spillway</h1>
<p>Counts every zero-copy attempt on this host. Version ${escapeHtml(build.version)} (${escapeHtml(build.revision)}), kernel ${escapeHtml(build.kernel)}.</p>
<p>${ready ? 'Ready' : 'Not ready yet'}: ${attached} programs attached, ${unavailable} unavailable.</p>
<nav aria-label="Pages">
<ul>
<li><a href="/metrics">Metrics</a> for Prometheus</li>
<li><a href="/api/v1/snapshot">Snapshot</a> of all counters as JSON</li>${alerts === undefined ? '' : ALERTS_LINK}
<li><a href="/-/healthy">Healthy</a>: the agent runs</li>
<li><a href="/-/ready">Ready</a>: it counts</li>
</ul>
</nav>${alerts === undefined ? '' : firingAlerts(alerts.firing)}
<h2 id="programs">Programs</h2>
<table aria-labelledby="programs">
<thead><tr><th scope="col">Program</th><th scope="col">Hook</th><th scope="col">State</th><th scope="col">Skipped runs</th></tr></thead>
<tbody>
${programs.map(programRow).join('\n')}
</tbody>
</table>
</main>
</body>
</html>
`;
}

const ALERTS_LINK = '\n<li><a href="/api/v1/alerts">Alerts</a>: the state of every rule as JSON</li>';

function firingAlerts(firing: readonly FiringView[]): string {
  const title = '\n<h2 id="alerts">Alerts</h2>';
  if (firing.length === 0) return `${title}\n<p>No alert fires.</p>`;
  return `${title}
<table aria-labelledby="alerts">
<thead><tr><th scope="col">Rule</th><th scope="col">Subject</th><th scope="col">Since</th><th scope="col">Summary</th></tr></thead>
<tbody>
${firing.map(firingRow).join('\n')}
</tbody>
</table>`;
}

function firingRow({ rule, subject, firedAtMs, summary }: FiringView): string {
  const texts = [subjectText(subject), new Date(firedAtMs).toISOString(), summary];
  // names are from others: nothing in them may turn the text around them
  const cells = texts.map((text) => `<td>${escapeHtml(printable(text))}</td>`).join('');
  return `<tr><th scope="row">${escapeHtml(printable(rule))}</th>${cells}</tr>`;
}

function programRow({ name, hook, state, reason, missedRuns }: ProgramStatus): string {
  const told = reason === '' ? state : `${state}: ${reason}`;
  const cells = [hook, told, String(missedRuns)].map((cell) => `<td>${escapeHtml(cell)}</td>`).join('');
  return `<tr><th scope="row">${escapeHtml(name)}</th>${cells}</tr>`;
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Text for elements and quoted attributes. */
function escapeHtml(text: string): string {
  return text.toWellFormed().replace(/[&<>"']/g, (character) => ENTITIES[character] ?? character);
}
