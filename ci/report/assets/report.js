'use strict';
// Sorting, filtering and flame graphs of the report. Data stands in <script type="application/json">.
(function () {
  const ns = 'http://www.w3.org/2000/svg';
  const rowHeight = 19;

  function formatTime(value) {
    const units = [['s', 1e9], ['ms', 1e6], ['µs', 1e3], ['ns', 1]];
    const unit = units.find(u => value >= u[1]) || units[3];
    return (value / unit[1]).toPrecision(3) + ' ' + unit[0];
  }

  // ---- tables ----
  document.querySelectorAll('section.target').forEach(section => {
    const body = section.querySelector('tbody');
    const search = section.querySelector('input.filter');
    const all = section.querySelector('input.all');
    if (!body) return;
    function filter() {
      const text = search.value.toLowerCase();
      for (const row of body.rows) {
        const quiet = row.dataset.quiet === '1' && !all.checked && !text;
        row.hidden = quiet || (text !== '' && !row.textContent.toLowerCase().includes(text));
      }
    }
    search.addEventListener('input', filter);
    all.addEventListener('change', filter);
    filter();
    section.querySelectorAll('th').forEach((head, column) => {
      const button = head.querySelector('button');
      button.addEventListener('click', () => {
        const descending = head.getAttribute('aria-sort') !== 'descending';
        section.querySelectorAll('th').forEach(h => h.removeAttribute('aria-sort'));
        head.setAttribute('aria-sort', descending ? 'descending' : 'ascending');
        const key = row => {
          const cell = row.cells[column];
          return cell.dataset.value !== undefined ? Number(cell.dataset.value) : cell.textContent;
        };
        const compare = (a, b) => (typeof a === 'number' ? a - b : a.localeCompare(b));
        [...body.rows].sort((a, b) => compare(key(a), key(b)) * (descending ? -1 : 1))
          .forEach(row => body.append(row));
      });
    });
  });

  // ---- flame graphs ----
  // data: functions [name, file, line, class, change]; nodes [parent, function, self, total, calls]
  function flame(section, data) {
    const box = section.querySelector('.flame');
    const details = section.querySelector('.details');
    const search = section.querySelector('input.find');
    const nodes = data.nodes.map((n, i) => ({ i, parent: n[0], f: data.functions[n[1]], self: n[2], total: n[3],
      calls: n[4], children: [] }));
    nodes.forEach(n => { if (n.i > 0) nodes[n.parent].children.push(n); });
    nodes.forEach(n => n.children.sort((a, b) => b.total - a.total));
    nodes[0].depth = 0;
    nodes.forEach(n => { if (n.i > 0) n.depth = nodes[n.parent].depth + 1; });
    let zoomed = nodes[0];

    function describe(n) {
      const share = (100 * n.total / nodes[0].total).toFixed(1);
      const where = n.f[1] ? '  ' + n.f[1] + (n.f[2] ? ':' + n.f[2] : '') : '';
      details.textContent = n.f[0] + where + ' — total ' + formatTime(n.total) + ' (' + share + ' %), self ' +
        formatTime(n.self) + (n.calls ? ', ' + n.calls.toPrecision(4) + ' calls' : '') + (n.f[4] ? ', ' + n.f[4] : '');
    }

    function draw() {
      const width = Math.max(box.clientWidth, 280);
      const svg = document.createElementNS(ns, 'svg');
      const wanted = search.value.toLowerCase();
      let rows = 0;
      function put(n, x, w, above) {
        if (w < 0.5) return;
        rows = Math.max(rows, n.depth + 1);
        const g = document.createElementNS(ns, 'g');
        const rect = document.createElementNS(ns, 'rect');
        rect.setAttribute('x', x); rect.setAttribute('width', w);
        rect.setAttribute('y', n.depth * rowHeight); rect.setAttribute('height', rowHeight);
        g.append(rect);
        const letters = Math.floor((w - 6) / 7.3);
        if (letters > 2) {
          const text = document.createElementNS(ns, 'text');
          text.setAttribute('x', x + 4); text.setAttribute('y', n.depth * rowHeight + 14);
          text.textContent = n.f[0].length > letters ? n.f[0].slice(0, letters - 1) + '…' : n.f[0];
          g.append(text);
        }
        g.setAttribute('class', (n.f[3] || '') + (above ? ' above' : '') +
          (wanted && n.f[0].toLowerCase().includes(wanted) ? ' found' : ''));
        g.setAttribute('tabindex', '0'); g.setAttribute('role', 'button'); g.setAttribute('aria-label', n.f[0]);
        g.addEventListener('mouseenter', () => describe(n));
        g.addEventListener('focus', () => describe(n));
        const zoom = () => { zoomed = n; draw(); };
        g.addEventListener('click', zoom);
        g.addEventListener('keydown', e => { if (e.key === 'Enter' || e.key === ' ') { e.preventDefault(); zoom(); } });
        svg.append(g);
      }
      const path = [];
      for (let n = zoomed; ; n = nodes[n.parent]) { path.unshift(n); if (n.i === 0) break; }
      path.slice(0, -1).forEach(n => put(n, 0, width, true));
      const stack = [[zoomed, 0, width]];
      while (stack.length) {
        const [n, x, w] = stack.pop();
        if (w < 0.5) continue;
        put(n, x, w, false);
        let at = x;
        for (const child of n.children) {
          const part = n.total > 0 ? w * child.total / n.total : 0;
          stack.push([child, at, part]);
          at += part;
        }
      }
      svg.setAttribute('height', rows * rowHeight);
      svg.setAttribute('viewBox', '0 0 ' + width + ' ' + rows * rowHeight);
      box.replaceChildren(svg);
      describe(zoomed);
    }
    search.addEventListener('input', draw);
    let last = 0;
    new ResizeObserver(() => { if (box.clientWidth !== last) { last = box.clientWidth; draw(); } }).observe(box);
    draw();
  }
  document.querySelectorAll('script[type="application/json"]').forEach(script => {
    flame(script.closest('section'), JSON.parse(script.textContent));
  });
})();
