/** The page's only script: it puts in what the server has rendered, and sends what a button asks for. */
export const SCRIPT = `
const token = document.querySelector('meta[name=sluice-token]').content;
const said = document.getElementById('said');
const connection = document.getElementById('connection');
const asOf = document.getElementById('as-of');
const parser = new DOMParser();
let source;

function show(event) {
  const { at, parts, buttons } = JSON.parse(event.data);
  for (const [name, html] of Object.entries(parts)) {
    const place = document.getElementById('part-' + name);
    place?.replaceChildren(...parser.parseFromString(html, 'text/html').body.childNodes);
  }
  for (const [id, { action, label }] of Object.entries(buttons)) {
    const button = document.getElementById(id);
    if (button === null) continue;
    button.dataset.action = action;
    if (button.textContent !== label) button.textContent = label;
  }
  asOf.textContent = 'As of ' + at + '.';
  connection.textContent = '';
}

function listen() {
  source = new EventSource('/events');
  source.addEventListener('state', show);
  source.addEventListener('error', () => {
    connection.textContent = 'The connection to npm start is lost: what is shown is old. Trying again.';
    if (source.readyState !== EventSource.CLOSED) return;
    setTimeout(listen, 2000);
  });
}

for (const button of document.querySelectorAll('button[data-action]')) {
  button.addEventListener('click', async () => {
    if (button.ariaBusy === 'true') return;
    button.ariaBusy = 'true';
    said.textContent = '';
    try {
      const answer = await fetch('/do/' + button.dataset.action, { method: 'POST', headers: { 'x-sluice-token': token } });
      said.textContent = await answer.text();
    } catch (error) {
      said.textContent = 'npm start does not answer: ' + error.message;
    }
    button.ariaBusy = 'false';
  });
}
listen();
`;
