'use strict';
// What is shown comes from others: names are only ever set as text.

const element = (id) => document.getElementById(id);
const base = location.pathname.replace(/\/$/, '');
const rows_a_page = 50;
const most_events = 200;
const most_points = 480; // of a chart: two minutes

const page = {managers: [], manager: null, from: 0, matching: 0, seen: null, seen_at: 0, events: [], missed: 0,
    is_paused: false, is_asking: false, asks_again: false, source: null, open: null, history: new Map()};

function set_text(node, text) {
    if (node.textContent !== text) node.textContent = text;
}

function make(tag, text, kind) {
    const node = document.createElement(tag);
    if (text !== undefined) node.textContent = text;
    if (kind) node.className = kind;
    return node;
}

function time(seconds) {
    if (seconds === null || seconds === undefined) return '–';
    if (seconds < 0) seconds = 0;
    if (seconds < 1e-3) return `${Math.round(seconds * 1e6)} µs`;
    if (seconds < 1) return `${Math.round(seconds * 1e3)} ms`;
    if (seconds < 100) return `${seconds.toFixed(1)} s`;
    if (seconds < 6000) return `${Math.round(seconds / 60)} min`;
    return seconds < 172800 ? `${Math.round(seconds / 3600)} h` : `${Math.round(seconds / 86400)} d`;
}

function count(n) {
    return n === null ? '–' : n < 10 && n % 1 ? n.toFixed(1) : Math.round(n).toLocaleString('en');
}

const who = (locker) => locker.locker_id === null ? 'a locker of another manager' : locker.locker_id;

// The charts.

/// What was measured between two histograms: the least bound below which a part of the durations was; null: none was.
function percentile(before, now, part) {
    const counts = now.buckets.map((each, i) => each.count - (before ? before.buckets[i].count : 0));
    const all = counts.reduce((sum, each) => sum + each, 0);
    if (all <= 0) return null;
    let below = 0;
    for (let i = 0; i < counts.length; ++i) {
        below += counts[i];
        if (below >= part * all) return now.buckets[i].up_to_seconds ?? 60;
    }
    return null;
}

function note_metrics(manager, at) {
    let history = page.history.get(manager.name);
    if (!history) page.history.set(manager.name, history = {last: null, points: []});
    const last = history.last;
    const m = manager.metrics;
    if (last && at - last.at < 200) return;
    if (last) {
        const rate = (name) => Math.max(0, (m[name] - last.metrics[name]) / (at - last.at) * 1000);
        // Waits of the last ten seconds, as few are measured in memory.
        const old = history.points.length > 40 ? history.points[history.points.length - 40].wait : history.first_wait;
        history.points.push({grants: rate('grants'), preemptions: rate('preemptions'),
            p50: percentile(old, m.wait_time, 0.5), p99: percentile(old, m.wait_time, 0.99), wait: m.wait_time});
        if (history.points.length > most_points) history.points.shift();
    } else {
        history.first_wait = m.wait_time;
    }
    history.last = {at, metrics: m};
}

function draw(name, text, is_rate) {
    const points = page.history.get(page.manager)?.points ?? [];
    const values = points.map((each) => each[name]);
    const most = Math.max(...values.filter((each) => each !== null), 1e-9);
    let path = '';
    values.forEach((value, i) => {
        if (value === null) return;
        const x = 240 - (values.length - 1 - i) * 240 / most_points;
        path += `${path && values[i - 1] !== null ? 'L' : 'M'}${x.toFixed(1)} ${(57 - value / most * 54).toFixed(1)}`;
    });
    element(`${name}_chart`).firstElementChild.setAttribute('d', path);
    // A rate of the last second.
    const latest = values.slice(-4).filter((each) => each !== null);
    set_text(element(name), latest.length === 0 ? '–' : text(is_rate
        ? latest.reduce((a, b) => a + b, 0) / latest.length : latest[latest.length - 1]));
}

// The resources.

function row_of(index) {
    const rows = element('rows');
    while (rows.children.length <= index) {
        const row = make('tr');
        for (const label of ['Resource', 'Holder', 'Priority', 'State', 'Held', 'Ends in', 'Waiters']) {
            const cell = make('td');
            cell.dataset.label = label;
            if (label === 'Resource') cell.append(make('button'));
            else cell.append(make('span', '', 'cut'));
            if (label === 'Priority' || label === 'Held' || label === 'Ends in') cell.className = 'number';
            if (label === 'State') cell.className = 'state';
            row.append(cell);
        }
        row.querySelector('button').type = 'button';
        row.querySelector('button').addEventListener('click', () => open_details(row.resource));
        rows.append(row);
    }
    return rows.children[index];
}

function state_of(holder, age) {
    if (!holder) return ['free', ''];
    if (holder.state !== 'revoking') return ['held', ''];
    const told = holder.told_seconds_ago === null ? 0 : holder.told_seconds_ago + age;
    const thief = holder.thief ? ` for ${who(holder.thief)} (${holder.thief.priority})` : '';
    const grace = holder.grace_seconds;
    if (grace === null) return [`told to go ${time(told)} ago${thief}; no end of its grace`, 'going'];
    if (told <= grace) return [`told to go${thief}; grace ends in ${time(grace - told)}`, 'going'];
    return [`overruns by ${time(told - grace)}${thief}`, 'going overrun'];
}

function waiters_of(resource, age) {
    const shown = resource.waiters.slice(0, 3).map((each) => {
        const since = each.waiting_seconds === null ? '' : `, ${time(each.waiting_seconds + age)}`;
        return `${each.locker_id} (${count(each.rank)}${since})`;
    });
    const more = resource.waiting - shown.length;
    return shown.join(', ') + (more > 0 ? ` and ${count(more)} more` : '');
}

function show_resources() {
    const seen = page.seen;
    if (!seen) return;
    const age = seen.age_seconds + (performance.now() - page.seen_at) / 1000;
    seen.resources.forEach((resource, i) => {
        const row = row_of(i);
        const holder = resource.holder;
        const plus = (seconds) => seconds === null ? null : seconds + age;
        const [state, kind] = state_of(holder, age);
        if (row.className !== kind) row.className = kind;
        row.resource = resource.resource;
        const texts = [resource.resource, holder ? holder.locker_id : '–', holder ? String(holder.priority) : '–', state,
            holder ? time(plus(holder.held_seconds)) : '–',
            holder?.expires_in_seconds == null ? '–' : time(holder.expires_in_seconds - age), waiters_of(resource, age)];
        texts.forEach((text, k) => set_text(row.children[k].firstElementChild, text));
    });
    const rows = element('rows');
    while (rows.children.length > seen.resources.length) rows.lastElementChild.remove();

    const none = seen.resources.length === 0;
    element('table').hidden = none;
    element('empty').hidden = !none;
    if (none) {
        set_text(element('empty'), seen.is_gone ? 'This manager does not exist any more.'
            : seen.total > 0 ? `None of ${count(seen.total)} resources matches the filter.`
            : 'No resource is held or waited for.');
    }
    page.matching = seen.matching;
    const last = seen.from + seen.resources.length;
    set_text(element('range'), none ? '' : `${count(seen.from + 1)}–${count(last)} of ${count(seen.matching)}`);
    element('previous').disabled = seen.from === 0;
    element('next').disabled = last >= seen.matching;
    const m = seen.metrics;
    set_text(element('totals'), `${count(m.held)} held, ${count(m.waiting)} waiting. Since the start: ${count(m.grants)} granted, `
        + `${count(m.preemptions)} preempted, ${count(m.overruns)} overran, ${count(m.expiries)} expired, ${count(m.losses)} lost, `
        + `${count(m.timeouts)} timed out, ${count(m.refusals)} refused.`);
}

async function ask() {
    if (page.is_paused || document.hidden) return;
    if (page.is_asking) { page.asks_again = true; return; }
    page.is_asking = true;
    const query = new URLSearchParams({from: page.from, count: rows_a_page, waiters: 3, order: element('order').value,
        match: element('filter').value});
    if (page.manager !== null) query.set('manager', page.manager);
    try {
        const answer = await fetch(`${base}.json?${query}`);
        const seen = (await answer.json()).managers[0];
        if (seen && !page.is_paused) {
            page.seen = seen;
            page.seen_at = performance.now();
            if (page.open !== null) show_details(page.open);
            if (seen.resources.length === 0 && seen.matching > 0 && page.from > 0) turn_to(Math.floor((seen.matching - 1) / rows_a_page) * rows_a_page);
        }
    } catch { // the stream of events says that there is no connection
    }
    // Not more often than this, however long the text is.
    setTimeout(() => {
        page.is_asking = false;
        if (page.asks_again) { page.asks_again = false; ask(); }
    }, 200);
}

function turn_to(from) {
    page.from = Math.max(0, from);
    page.asks_again = page.is_asking;
    ask();
}

// The events.

const said = {
    revoking: 'is told to go', preempted: 'was preempted', expired: 'has expired', lost: 'was lost', overrun: 'overruns',
};

function event_item(each) {
    const item = make('li', undefined, each.event);
    const line = make('div');
    line.append(make('strong', `${each.locker_id} (${each.priority}) ${said[each.event] ?? each.event}`));
    if (each.thief) line.append(` for ${who(each.thief)} (${each.thief.priority})`);
    item.append(line, make('small', `${each.resource} · ${each.at.toLocaleTimeString('en-GB')}`
        + (each.told_ms_ago === null ? '' : ` · told ${time(each.told_ms_ago / 1000)} ago`)));
    return item;
}

function show_events() {
    const list = element('events');
    const events = page.events;
    element('quiet').hidden = events.length > 0 || page.missed > 0;
    element('missed').hidden = page.missed === 0;
    set_text(element('missed'), `${count(page.missed)} more came too fast to be shown.`);
    if (!page.has_news) return;
    page.has_news = false;
    // The newest first. Those that are shown already stay.
    const fresh = [];
    for (let i = events.length - 1; i >= 0 && !events[i].is_shown; --i) {
        events[i].is_shown = true;
        fresh.push(event_item(events[i]));
    }
    list.prepend(...fresh);
    while (list.children.length > most_events) list.lastElementChild.remove();
}

function hear(message) {
    const now = performance.now();
    page.managers = message.managers;
    for (const each of message.managers) note_metrics(each, now);
    page.missed += message.missed;
    const wall = Date.now();
    for (const each of message.events) {
        if (each.manager !== page.manager && page.manager !== null) continue;
        each.at = new Date(wall - each.seconds_ago * 1000);
        page.events.push(each);
        page.has_news = true;
    }
    if (page.events.length > most_events) page.events.splice(0, page.events.length - most_events);
    show_choice();
    ask();
}

function show_choice() {
    const choice = element('manager');
    const names = page.managers.map((each) => each.name);
    if (page.manager === null && names.length > 0) page.manager = names[0];
    if (names.length !== choice.options.length)
        choice.replaceChildren(...names.map((each) => { const o = make('option', each); o.value = each; return o; }));
    element('choice').hidden = names.length < 2;
}

// The nodes of a store.

const has_nodes = () => page.managers.find((each) => each.name === page.manager)?.has_nodes ?? false;

async function ask_nodes(resource) {
    const query = new URLSearchParams({manager: page.manager});
    if (resource !== undefined) query.set('resource', resource);
    const answer = await fetch(`${base}/nodes?${query}`);
    if (!answer.ok) throw new Error(await answer.text());
    return answer.json();
}

function node_item(node) {
    const is_well = node.answered && !node.trouble;
    return make('li', `${node.name}: ${is_well ? 'votes' : node.trouble || 'does not answer'}`
        + (node.waiting > 0 ? `, ${count(node.waiting)} waiting` : ''), is_well ? 'well' : 'ill');
}

async function show_nodes() {
    const shown = has_nodes();
    element('nodes').hidden = !shown;
    if (!shown || page.is_paused || document.hidden) return;
    try {
        element('node_list').replaceChildren(...(await ask_nodes()).nodes.map(node_item));
    } catch (error) {
        element('node_list').replaceChildren(make('li', `not known: ${error.message}`, 'ill'));
    }
}

// One resource.

async function open_details(name) {
    page.open = name;
    set_text(element('details_title'), name);
    for (const id of ['details_holder', 'details_waiting', 'cluster_state']) set_text(element(id), '');
    for (const id of ['details_waiters', 'cluster_list']) element(id).replaceChildren();
    element('cluster').hidden = !has_nodes();
    element('details').showModal();
    show_details(name);
    if (!has_nodes()) return;
    set_text(element('cluster_state'), 'asking …');
    try {
        const seen = await ask_nodes(name);
        if (page.open !== name) return;
        set_text(element('cluster_state'), seen.error ?? `A quorum is ${seen.quorum} of ${seen.nodes.length} nodes.`);
        element('cluster_list').replaceChildren(
            ...seen.holders.map((each) => make('li', `${each.locker_id} (${each.priority}) `
                + `${each.has_quorum ? 'holds it' : 'has no quorum'}, token ${each.fencing_token}, `
                + `until in ${time(each.ends_in_seconds)}, on ${each.nodes.join(', ')}`)),
            ...seen.waiters.map((each) => make('li', `${each.locker_id} (${each.priority}) waits for `
                + `${time(each.waiting_seconds)}, on ${each.nodes.join(', ')}`)),
            ...seen.nodes.map(node_item));
    } catch (error) {
        set_text(element('cluster_state'), error.message);
    }
}

async function show_details(name) {
    const query = new URLSearchParams({manager: page.manager, resource: name, waiters: 200});
    let seen;
    try {
        seen = (await (await fetch(`${base}.json?${query}`)).json()).managers[0];
    } catch {
        return;
    }
    if (page.open !== name) return;
    const resource = seen.resources[0];
    if (!resource) {
        set_text(element('details_holder'), 'It is free, and nobody waits for it.');
        set_text(element('details_waiting'), '');
        element('details_waiters').replaceChildren();
        return;
    }
    const h = resource.holder;
    set_text(element('details_holder'), h ? `${h.locker_id}, priority ${h.priority}, ${state_of(h, seen.age_seconds)[0]}; `
        + `held for ${time(h.held_seconds)}, ${h.expires_in_seconds === null ? 'without an end' : `ends in ${time(h.expires_in_seconds)}`}; `
        + `${h.handles} ${h.handles === 1 ? 'handle' : 'handles'}, fencing token ${h.fencing_token}` : 'Nobody holds it.');
    set_text(element('details_waiting'), `${count(resource.waiting)} waiting`);
    element('details_waiters').replaceChildren(...resource.waiters.map((each) => make('li', `${each.locker_id}, priority `
        + `${each.priority}, rank ${count(each.rank)}, waits for ${time(each.waiting_seconds)}`)));
}

// All of it.

function show() {
    for (const name of ['grants', 'preemptions']) draw(name, count, true);
    for (const name of ['p50', 'p99']) draw(name, (seconds) => `≤ ${time(seconds)}`, false);
    show_resources();
    show_events();
}

function set_state(text, kind) {
    set_text(element('state'), text);
    element('state').className = kind;
}

function connect() {
    page.source?.close();
    page.source = new EventSource(`${base}/events`);
    page.source.onopen = () => set_state('live', 'live');
    page.source.onmessage = (message) => hear(JSON.parse(message.data));
    page.source.onerror = () => {
        set_state('no connection, trying again', 'broken');
        // A browser does not come back by itself after a refusal.
        if (page.source?.readyState === EventSource.CLOSED) setTimeout(() => { if (page.source) connect(); }, 2000);
    };
}

function disconnect(why) {
    page.source?.close();
    page.source = null;
    set_state(why, '');
}

element('pause').addEventListener('click', () => {
    page.is_paused = !page.is_paused;
    element('pause').setAttribute('aria-pressed', String(page.is_paused));
    set_text(element('pause'), page.is_paused ? 'Go on' : 'Pause');
    if (page.is_paused) disconnect('paused');
    else connect();
});
let typing;
element('filter').addEventListener('input', () => { clearTimeout(typing); typing = setTimeout(() => turn_to(0), 150); });
element('search').addEventListener('submit', (event) => { event.preventDefault(); turn_to(0); });
element('order').addEventListener('change', () => turn_to(0));
element('previous').addEventListener('click', () => turn_to(page.from - rows_a_page));
element('next').addEventListener('click', () => turn_to(page.from + rows_a_page));
element('manager').addEventListener('change', () => {
    page.manager = element('manager').value;
    page.events = [];
    page.missed = 0;
    element('events').replaceChildren();
    turn_to(0);
    show_nodes();
});
element('details').addEventListener('close', () => { page.open = null; });
document.addEventListener('keydown', (event) => {
    if (event.key !== '/' || event.ctrlKey || event.metaKey || event.altKey || event.target.matches('input, select, dialog *')) return;
    event.preventDefault();
    element('filter').focus();
});
// Nobody looks at a page behind others: it costs the server nothing.
document.addEventListener('visibilitychange', () => {
    if (page.is_paused) return;
    if (document.hidden) disconnect('hidden');
    else connect();
});

connect();
ask();
setInterval(show_nodes, 10000);
setTimeout(show_nodes, 1000);
// Times go on between two answers. However fast news come, the page is drawn a few times a second.
setInterval(() => { if (!page.is_paused && !document.hidden) show(); }, 250);
