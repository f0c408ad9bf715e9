"use strict";
(() => {
  const SVG = "http://www.w3.org/2000/svg";
  const make = (tag, text, name) => {
    const e = document.createElement(tag);
    if (text) e.textContent = text;
    if (name) e.className = name;
    return e;
  };
  const hash = new URLSearchParams(location.hash.slice(1));

  /* ---- tables: sort by any column, filter by text and verdict -------------------------------- */
  const compareCells = (a, b) => {
    const x = a.dataset.v, y = b.dataset.v;
    if (x === undefined && y === undefined) return a.textContent.localeCompare(b.textContent);
    return Number(x) - Number(y);
  };
  const isEmpty = (cell) => cell.dataset.v === "" || cell.textContent === "";

  function sortTable(table, column, down) {
    const body = table.tBodies[0];
    const rows = [...body.rows].sort((a, b) => {
      const x = a.cells[column], y = b.cells[column];
      if (isEmpty(x) || isEmpty(y)) return isEmpty(x) - isEmpty(y); /* unknown ones stay last */
      return down ? compareCells(y, x) : compareCells(x, y);
    });
    body.append(...rows);
    [...table.tHead.rows[0].cells].forEach((th, i) => {
      th.setAttribute("aria-sort", i !== column ? "none" : down ? "descending" : "ascending");
    });
  }

  function setUpSorting(table) {
    [...table.tHead.rows[0].cells].forEach((th, column) => {
      const button = make("button", th.textContent);
      button.type = "button";
      th.replaceChildren(button);
      th.setAttribute("aria-sort", "none");
      button.addEventListener("click", () => {
        const sorted = th.getAttribute("aria-sort");
        const down = sorted === "none" ? th.classList.contains("n") : sorted === "ascending";
        sortTable(table, column, down);
      });
      const wanted = hash.get("sort") || "";
      if (wanted.replace("-", "") === th.dataset.key) sortTable(table, column, wanted[0] === "-");
    });
  }

  const GROUPS = [
    ["regressed", "slower"], ["invalid", "invalid"], ["undecided", "unclear"], ["spared", "slower but not counted"],
    ["improved", "faster"],
    ["added", "added"], ["removed", "removed"], ["minor", "unclear but not counted"],
    ["unchanged", "unchanged"]];
  const QUIET = ["unchanged", "minor"]; /* hidden by default */

  function setUpFilter(table) {
    const rows = [...table.tBodies[0].rows];
    const tools = make("div", "", "tools");
    const search = make("input");
    const shown = new Set();
    const isWhole = (row) => row.classList.contains("whole"); /* what all did is always of interest */
    search.type = "search";
    search.placeholder = "Filter functions";
    search.setAttribute("aria-label", "Filter functions");
    const apply = () => {
      const words = search.value.toLowerCase();
      for (const row of rows)
        row.hidden = !(isWhole(row) || shown.has(row.dataset.group)) ||
          !row.textContent.toLowerCase().includes(words);
    };
    tools.append(search);
    for (const [group, word] of GROUPS) {
      const n = rows.filter((row) => row.dataset.group === group && !isWhole(row)).length;
      if (n === 0) continue;
      const box = make("input");
      box.type = "checkbox";
      box.checked = !QUIET.includes(group);
      if (box.checked) shown.add(group);
      box.addEventListener("change", () => {
        if (box.checked) shown.add(group); else shown.delete(group);
        apply();
      });
      const label = make("label", "", group);
      label.append(box, `${n} ${word}`);
      tools.append(label);
    }
    if (rows.every((row) => QUIET.includes(row.dataset.group))) { /* nothing else: then they are all there is */
      tools.querySelectorAll("input[type=checkbox]").forEach((box) => { box.checked = true; });
      for (const [group] of GROUPS) shown.add(group);
    }
    search.addEventListener("input", apply);
    table.parentNode.before(tools);
    apply();
  }

  /* ---- flame graph: root at the top, widths by total time ------------------------------------ */
  const ROW = 19, MIN = 0.5;
  const time = (ns) => {
    const units = [["ns", 1e3], ["µs", 1e6], ["ms", 1e9], ["s", Infinity]];
    const i = units.findIndex((u) => ns < u[1]);
    const value = i > 0 ? ns / units[i - 1][1] : ns;
    return `${value >= 1000 ? value.toFixed(0) : Number(value.toPrecision(3))} ${units[i][0]}`;
  };
  const many = (n) => n >= 1e6 ? `${(n / 1e6).toPrecision(3)} M` : Number(n.toPrecision(4)).toLocaleString("en");

  function readTree(data) {
    const nodes = data.total.map((total, i) => ({
      i, total, self: data.self[i], calls: data.calls[i], f: data.functions[data.function[i]],
      parent: null, children: [], sum: 0, depth: 0, x: 0, w: 0}));
    nodes.forEach((node, i) => {
      if (i === 0) return;
      node.parent = nodes[data.parent[i]];
      node.depth = node.parent.depth + 1;
      node.parent.children.push(node);
      node.parent.sum += node.total;
    });
    for (const node of nodes) node.children.sort((a, b) => b.total - a.total);
    return nodes;
  }

  /* Positions in the unit of the zoomed node's width; children share what their parent has. */
  function place(root, width) {
    const out = [], chain = [];
    for (let up = root.parent; up; up = up.parent) chain.unshift(up);
    for (const node of chain) { node.x = 0; node.w = width; out.push(node); }
    root.x = 0;
    root.w = width;
    const stack = [root];
    while (stack.length > 0) {
      const node = stack.pop();
      out.push(node);
      const whole = Math.max(node.total, node.sum) || 1;
      let x = node.x;
      for (const child of node.children) {
        child.x = x;
        child.w = node.w * child.total / whole;
        x += child.w;
        if (child.w >= MIN) stack.push(child);
      }
    }
    return out;
  }

  function frame(node, above) {
    const g = document.createElementNS(SVG, "g"), rect = document.createElementNS(SVG, "rect");
    g.setAttribute("class", `${node.f[3] || `k${(node.f[0].length * 7 + node.depth) % 3}`}${above ? " above" : ""}`);
    g.setAttribute("tabindex", "-1");
    g.setAttribute("role", "button");
    rect.setAttribute("x", node.x.toFixed(2));
    rect.setAttribute("y", node.depth * ROW);
    rect.setAttribute("width", Math.max(node.w, MIN).toFixed(2));
    rect.setAttribute("height", ROW - 1);
    rect.setAttribute("rx", node.w > 6 ? 2 : 0);
    g.append(rect);
    const room = Math.floor((node.w - 8) / 6.7);
    if (room >= 3) {
      const text = document.createElementNS(SVG, "text"), name = node.f[0];
      text.setAttribute("x", (node.x + 5).toFixed(2));
      text.setAttribute("y", node.depth * ROW + 13);
      text.textContent = name.length > room ? `${name.slice(0, room - 1)}…` : name;
      g.append(text);
    }
    return g;
  }

  function describe(node, root) {
    const [name, where, , , change] = node.f;
    const parts = [`total ${time(node.total)}`, `self ${time(node.self)}`,
      `${(root.total > 0 ? node.total / root.total * 100 : 0).toFixed(1)} % of the target`];
    if (node.calls > 0) parts.push(`${many(node.calls)} ${node.calls === 1 ? "call" : "calls"}`);
    if (change) parts.push(change);
    if (where) parts.push(where);
    return [name, parts];
  }

  function setUpFlame(box) {
    const nodes = readTree(JSON.parse(document.getElementById(box.dataset.tree).textContent));
    const view = make("div", "", "view"), svg = document.createElementNS(SVG, "svg");
    const detail = make("div", "", "detail"), tools = make("div", "", "tools");
    const search = make("input"), found = make("span", "", "about"), reset = make("button", "Whole graph", "reset");
    let zoomed = nodes[0], groups = new Map(), current = nodes[0], width = 0;
    let owners = new Map();

    search.type = "search";
    search.placeholder = "Find in the graph";
    search.setAttribute("aria-label", "Find a function in the flame graph");
    reset.type = "button";
    svg.setAttribute("role", "group");
    svg.setAttribute("aria-label", "Flame graph; arrow keys move, Enter zooms, Escape shows the whole");
    detail.setAttribute("aria-live", "polite");
    tools.append(search, found, make("span", "slower", "key slow"), make("span", "faster", "key fast"),
      make("span", "neither", "key"), reset);

    const show = (node) => {
      const [name, parts] = describe(node, nodes[0]);
      detail.replaceChildren(make("b", name, "mono"), ...parts.map((part) => make("span", part)));
    };
    const mark = () => {
      const word = search.value.toLowerCase();
      const matches = (node) => word !== "" && node.f[0].toLowerCase().includes(word);
      groups.forEach((g, node) => g.classList.toggle("hit", matches(node)));
      let sum = 0; /* time below the topmost matches, so that recursion counts once */
      const inside = new Uint8Array(nodes.length);
      for (const node of nodes) {
        const within = node.parent && inside[node.parent.i];
        const match = matches(node);
        if (match && !within) sum += node.total;
        inside[node.i] = within || match ? 1 : 0;
      }
      found.textContent = word === "" ? "" : `${(nodes[0].total > 0 ? sum / nodes[0].total * 100 : 0).toFixed(1)} % of the target`;
    };
    const focusable = (node) => {
      groups.get(current)?.setAttribute("tabindex", "-1");
      current = groups.has(node) ? node : zoomed;
      groups.get(current).setAttribute("tabindex", "0");
    };
    const draw = () => {
      width = view.clientWidth || 800;
      const placed = place(zoomed, width);
      const depth = placed.reduce((most, node) => Math.max(most, node.depth), 0);
      groups = new Map(placed.map((node) => [node, frame(node, node.depth < zoomed.depth)]));
      owners = new Map([...groups].map(([node, g]) => [g, node]));
      for (const [node, g] of groups) g.setAttribute("aria-label", describe(node, nodes[0]).flat().join(", "));
      svg.replaceChildren(...groups.values());
      svg.setAttribute("height", (depth + 1) * ROW);
      svg.setAttribute("viewBox", `0 0 ${width} ${(depth + 1) * ROW}`);
      reset.hidden = zoomed === nodes[0];
      focusable(current);
      mark();
    };
    const zoom = (node, focus) => {
      zoomed = node;
      draw();
      show(node);
      if (!focus) return;
      focusable(node);
      groups.get(current).focus({preventScroll: true});
    };
    const nodeOf = (event) => {
      const g = event.target.closest("g");
      return g ? owners.get(g) : null;
    };
    const sibling = (node, step) => {
      const row = [...groups.keys()].filter((other) => other.depth === node.depth).sort((a, b) => a.x - b.x);
      return row[row.indexOf(node) + step];
    };
    svg.addEventListener("click", (event) => { const node = nodeOf(event); if (node) zoom(node, true); });
    svg.addEventListener("pointerover", (event) => { const node = nodeOf(event); if (node) show(node); });
    svg.addEventListener("focusin", (event) => { const node = nodeOf(event); if (node) { focusable(node); show(node); } });
    svg.addEventListener("keydown", (event) => {
      const steps = {
        ArrowUp: () => current.parent, ArrowDown: () => current.children.find((c) => groups.has(c)),
        ArrowLeft: () => sibling(current, -1), ArrowRight: () => sibling(current, 1)};
      if (event.key === "Enter" || event.key === " ") zoom(current, true);
      else if (event.key === "Escape") zoom(nodes[0], true);
      else if (steps[event.key]) {
        const next = steps[event.key]();
        if (next && groups.has(next)) groups.get(next).focus();
      } else return;
      event.preventDefault();
    });
    search.addEventListener("input", mark);
    reset.addEventListener("click", () => zoom(nodes[0], true));
    view.append(svg);
    box.replaceChildren(view, detail);
    box.before(tools);
    search.value = hash.get("find") || "";
    draw();
    show(nodes[0]);
    new ResizeObserver(() => { if (view.clientWidth !== width) draw(); }).observe(view);
  }

  document.querySelectorAll("table").forEach((table) => { setUpSorting(table); setUpFilter(table); });
  document.querySelectorAll(".flame[data-tree]").forEach(setUpFlame);
  document.documentElement.dataset.ready = "yes";
})();
