// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

// Drives a browser over the pipe of its debugging protocol, with nothing but Node: page.sh calls it.

import {spawn} from 'node:child_process';
import {once} from 'node:events';
import {writeFileSync} from 'node:fs';
import {createInterface} from 'node:readline';

const [program, browser_path, work, pictures] = process.argv.slice(2);
const children = [];

function check(holds, what) {
    if (!holds) throw new Error(`not so: ${what}`);
}

// The browser.

const browser = spawn(browser_path, ['--headless=new', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage',
    '--no-first-run', '--disable-background-networking', `--user-data-dir=${work}/profile`, '--remote-debugging-pipe'],
    {stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe']});
children.push(browser);
const answers = new Map();
const listeners = [];
let sent = 0;
let rest = '';
browser.stdio[4].setEncoding('utf8').on('data', (text) => {
    const parts = (rest + text).split('\0');
    rest = parts.pop();
    for (const each of parts) {
        const message = JSON.parse(each);
        if (message.id === undefined) {
            for (const listener of listeners) listener(message);
            continue;
        }
        const {resolve, reject} = answers.get(message.id);
        answers.delete(message.id);
        if (message.error) reject(new Error(message.error.message));
        else resolve(message.result);
    }
});

function call(method, params = {}, sessionId = undefined) {
    const id = ++sent;
    browser.stdio[3].write(`${JSON.stringify({id, method, params, sessionId})}\0`);
    return new Promise((resolve, reject) => answers.set(id, {resolve, reject}));
}

class tab {
    static async open(address) {
        const {targetId} = await call('Target.createTarget', {url: 'about:blank'});
        const {sessionId} = await call('Target.attachToTarget', {targetId, flatten: true});
        const result = new tab();
        result.session = sessionId;
        result.target = targetId;
        result.requests = [];
        result.faults = [];
        listeners.push((message) => {
            if (message.sessionId !== sessionId) return;
            if (message.method === 'Network.requestWillBeSent') result.requests.push(message.params.request.url);
            if (message.method === 'Runtime.exceptionThrown')
                result.faults.push(message.params.exceptionDetails.exception?.description ?? message.params.exceptionDetails.text);
        });
        for (const domain of ['Network', 'Runtime', 'Page']) await result.call(`${domain}.enable`);
        await result.call('Page.navigate', {url: address});
        return result;
    }

    call(method, params) { return call(method, params, this.session); }

    async get(expression) {
        const {result, exceptionDetails} = await this.call('Runtime.evaluate',
            {expression, returnByValue: true, awaitPromise: true});
        if (exceptionDetails) throw new Error(`${expression}: ${exceptionDetails.exception?.description}`);
        return result.value;
    }

    /// Waits until an expression holds. It is asked in the page, which tells by that that it is not frozen.
    async until(expression, what, seconds = 30) {
        const end = Date.now() + seconds * 1000;
        while (!await this.get(expression).catch(() => false)) {
            if (Date.now() > end)
                throw new Error(`not so within ${seconds} s: ${what}\n${(await this.get('document.body.innerText')).slice(0, 2000)}`);
            await new Promise((resolve) => setTimeout(resolve, 50));
        }
    }

    async press(key, code, virtual) {
        for (const type of ['keyDown', 'keyUp'])
            await this.call('Input.dispatchKeyEvent', {type, key, code, windowsVirtualKeyCode: virtual,
                text: type === 'keyDown' && key.length === 1 ? key : type === 'keyDown' && key === 'Enter' ? '\r' : undefined});
    }

    async looks(name) {
        const problems = [];
        for (const width of [390, 1280]) for (const scheme of ['light', 'dark']) {
            await this.call('Emulation.setDeviceMetricsOverride', {width, height: 900, deviceScaleFactor: 1, mobile: false});
            await this.call('Emulation.setEmulatedMedia', {features: [{name: 'prefers-color-scheme', value: scheme}]});
            await this.get('new Promise((resolve) => setTimeout(resolve, 150))');
            for (const each of await this.get(looking)) problems.push(`${name}, ${width} px, ${scheme}: ${each}`);
            if (pictures) {
                const {data} = await this.call('Page.captureScreenshot', {format: 'png'});
                writeFileSync(`${pictures}/${name}-${width}-${scheme}.png`, Buffer.from(data, 'base64'));
            }
        }
        check(problems.length === 0, `the page can be read: ${problems.slice(0, 8).join('; ')}`);
    }

    async close() {
        check(this.faults.length === 0, `no error is thrown: ${this.faults[0]}`);
        await call('Target.closeTarget', {targetId: this.target});
    }
}

/// What is wrong with the looks of the page: it is wider than the window, or a text is faint on its background.
const looking = `(() => {
    const problems = [];
    const luminance = (colour) => {
        const [r, g, b] = colour.match(/[\\d.]+/g).map((each) => (each / 255) ** 2.2);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b + 0.05;
    };
    const background = (node) => {
        for (; node; node = node.parentElement) {
            const colour = getComputedStyle(node).backgroundColor;
            if (!/, 0\\)$|transparent/.test(colour)) return colour;
        }
        return 'rgb(255, 255, 255)';
    };
    if (document.documentElement.scrollWidth > innerWidth)
        problems.push('the page is ' + document.documentElement.scrollWidth + ' wide');
    for (const each of document.querySelectorAll('p, td, th, li, h1, h2, small, strong, output, figcaption, button:not(:disabled), #range')) {
        if (!each.offsetParent || !each.textContent.trim()) continue;
        const a = luminance(getComputedStyle(each).color), b = luminance(background(each));
        if (Math.max(a / b, b / a) < 4.5) problems.push(each.tagName + ' "' + each.textContent.slice(0, 30) + '" is faint');
    }
    return problems;
})()`;

// The server.

async function serve(name, scenario) {
    writeFileSync(`${work}/${name}.json`, JSON.stringify(scenario));
    const server = spawn(program, ['0', `${work}/${name}.json`], {stdio: ['ignore', 'pipe', 'inherit']});
    children.push(server);
    const [line] = await once(createInterface(server.stdout), 'line');
    server.address = line.match(/^http:\S+(?=,)/)[0];
    return server;
}

const shown = `document.querySelector('#rows').innerText`;

async function main() {
    const long = 3000000;

    await call('Browser.getVersion'); // it has started

    const idle = await serve('idle', {steps: [{locker: 'late', resource: 'later', start: 3600000, hold: 0}]});
    let page = await tab.open(idle.address);
    await page.until(`document.querySelector('#state').textContent === 'live'`, 'the page is live');
    await page.until(`document.querySelector('#empty').innerText.includes('No resource')`, 'an empty page says so');
    await page.looks('empty');
    await page.close();
    idle.kill();

    // Over and over: alice has a lock, is told to go, and loses it.
    const hostile = {locker: '<img src=x onerror="document.title=1">', resource: '<b>&amp; "quoted" \u202e'};
    const few = await serve('few', {steps: [
        {locker: 'alice', resource: 'printer', start: 0, hold: 5000, cleanup: 5000, grace: 2000},
        {...hostile, start: 0, hold: 7000},
        {locker: 'waits', resource: 'printer', start: 200, hold: 10, priority: -1},
        {locker: 'bob', resource: 'printer', start: 2000, hold: 10, priority: 5},
    ]});
    page = await tab.open(few.address);
    await page.until(`${shown}.includes('alice') && !${shown}.includes('told to go')`, 'alice has the printer');
    await page.until(`${shown}.includes('told to go for bob (5); grace ends in')`, 'she is told to go for bob');
    await page.until(`document.querySelector('#events').innerText.includes('alice (0) is told to go for bob (5)')`, 'it is an event');
    await page.until(`document.querySelector('#rows').innerText.includes('bob')`, 'bob has it when her grace is over');
    await page.until(`${shown}.includes('<b>') && ${shown}.indexOf('printer') >= 0
        && ${shown}.indexOf('printer') < ${shown}.indexOf('<b>')`, 'the contended comes first');
    check(await page.get(`document.querySelector('#rows').textContent.includes('onerror') && !document.querySelector('img, b') && document.title === 'Locks'`),
        'names are text');
    await page.looks('few');
    // By keyboard: to the filter, to a resource, and back.
    await page.press('/', 'Slash', 191);
    check(await page.get(`document.activeElement.id === 'filter'`), '/ leads to the filter');
    await page.call('Input.insertText', {text: 'ALICE'});
    await page.until(`document.querySelectorAll('#rows tr').length === 1`, 'the filter finds lockers');
    await page.get(`document.querySelector('#rows button').focus()`);
    await page.press('Enter', 'Enter', 13);
    await page.until(`document.querySelector('#details').open && document.querySelector('#details').innerText.includes('2 waiting')
        && document.querySelector('#details_waiters').innerText.startsWith('bob')`, 'a resource says who waits');
    await page.press('Escape', 'Escape', 27);
    await page.until(`!document.querySelector('#details').open`, 'Escape closes it');
    await page.get(`document.querySelector('#filter').value = ''; document.querySelector('#search').requestSubmit()`);
    await page.until(`document.querySelectorAll('#rows tr').length === 2`, 'all are there again');
    check(page.requests.every((each) => each.startsWith(few.address) || each.startsWith('data:')),
        `nothing else is loaded: ${page.requests.find((each) => !each.startsWith(few.address))}`);
    await page.close();
    few.kill();

    // Ten thousand resources.
    const steps = [];
    for (let i = 0; i < 10000; ++i)
        steps.push({locker: `locker ${i}`, resource: `resource ${String(i).padStart(5, '0')}`, start: 0, hold: long});
    const many = await serve('many', {steps});
    page = await tab.open(many.address);
    await page.until(`document.querySelector('#range').textContent === '1–50 of 10,000'`, 'ten thousand are on pages');
    check(await page.get(`document.querySelectorAll('*').length`) < 2000, 'a page has a bounded number of elements');
    await page.get(`document.querySelector('#next').click()`);
    await page.until(`document.querySelector('#range').textContent.startsWith('51–100') && ${shown}.includes('resource 00050')`, 'there is a next page');
    await page.get(`const f = document.querySelector('#filter'); f.value = 'locker 7777'; f.dispatchEvent(new Event('input'))`);
    await page.until(`document.querySelector('#range').textContent === '1–1 of 1' && ${shown}.includes('resource 07777')`, 'one is found');
    await page.get(`f.value = ''; f.dispatchEvent(new Event('input'))`);
    await page.until(`document.querySelector('#range').textContent === '1–50 of 10,000'`, 'all are there again');
    await page.looks('many');
    await page.close();
    many.kill();

    // A thousand preemptions a second.
    const storm = {steps: []};
    for (let i = 0; i < 3000; ++i)
        storm.steps.push({locker: 'low', resource: `r${i}`, start: i, hold: 60000, grace: 0},
            {locker: 'high', resource: `r${i}`, start: i + 5, hold: 1, priority: 1});
    const busy = await serve('storm', storm);
    page = await tab.open(busy.address);
    await page.until(`page.events.length > 100`, 'events come');
    await page.get(`var longest = 0, frames = 0, last = performance.now(); (function note(now) {
        longest = Math.max(longest, now - last); last = now; ++frames; requestAnimationFrame(note); })(last)`);
    const before = await page.get(`page.managers[0].metrics.preemptions`);
    const began = Date.now();
    await page.until(`page.managers[0].metrics.preemptions > ${before} + 3000`, 'the preemptions go on', 60);
    const rate = Math.round(3000 / (Date.now() - began) * 1000);
    const {longest, frames} = await page.get(`({longest: Math.round(longest), frames})`);
    check(longest < 1500 && frames > 20, `the page is not frozen: ${frames} frames, none for ${longest} ms`);
    check(await page.get(`document.querySelectorAll('#events li').length`) === 200, 'the last events are shown, no more');
    await page.looks('storm');
    console.log(`${rate} preemptions a second, ${frames} frames, none for ${longest} ms`);
    await page.close();
    busy.kill();
}

let status = 0;
const late = setTimeout(() => { console.error('page: it takes too long'); end(1); }, 220000);
function end(with_status) {
    clearTimeout(late);
    for (const each of children) each.kill('SIGKILL');
    process.exit(with_status);
}
try {
    await main();
} catch (error) {
    console.error(`page: ${error.message}`);
    status = 1;
}
// It goes by itself, so that none of its own children still writes into the directory that is taken away next.
const gone = once(browser, 'exit');
call('Browser.close').catch(() => {});
await gone;
end(status);
