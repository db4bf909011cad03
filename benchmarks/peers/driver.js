// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

'use strict';

// driver.js CONTENDER SCENARIO.json          plays the scenario and prints what came of it
// driver.js --schedule COUNT SCENARIO.json   prints the first requests of each client
//
// The scenario has every key, as the contention program writes it; the result is what contention/result.hpp reads.

const fs = require('node:fs');
const timers = require('node:timers/promises');

const { contenders } = require('./contenders.js');
const { Recorder } = require('./recorder.js');
const { forEachClient, scheduleLines } = require('./schedule.js');

/** Node has no timers shorter than 1 ms. Zero is one turn of the event loop. */
function hold(ms) {
    return ms === 0 ? timers.setImmediate() : timers.setTimeout(ms);
}

async function play(client, contender, recorder) {
    while (recorder.active) {
        const request = client.next();
        const early = request.gap > 0 ? client.due - performance.now() : 0;
        if (early > 0) await timers.setTimeout(Math.ceil(early)); // it cuts off fractions, and would be early
        client.asks();
        await contender.visit(client, request, hold);
    }
}

function showProgress(name, recorder) {
    const { granted, p99_us } = recorder.look();
    const seconds = (performance.now() - recorder.start) / 1e3;
    process.stderr.write(`\r\x1b[K${name}  ${seconds.toFixed(1)} s  ${Math.round(granted / seconds)} granted/s  `
        + `wait p99 ${granted ? `${(p99_us / 1e3).toFixed(3)} ms` : '-'}`);
}

async function run(name, scenario) {
    const contender = contenders[name](scenario);
    const recorder = new Recorder(scenario);
    const clients = [];
    forEachClient(scenario, (...which) => clients.push(recorder.client(...which)));

    const interrupt = new AbortController();
    for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => interrupt.abort());
    const watch = process.stderr.isTTY && setInterval(() => showProgress(name, recorder), 500);
    recorder.begin();
    const playing = Promise.all(clients.map((client) => play(client, contender, recorder)));
    const over = timers.setTimeout(scenario.duration, null, { signal: interrupt.signal }).catch(() => {});
    await Promise.race([over, playing]);
    const result = { contender: name, version: contender.version, ...recorder.end(interrupt.signal.aborted) };
    if (watch) {
        clearInterval(watch);
        process.stderr.write('\r\x1b[K');
    }
    result.note = contender.note;
    return result;
}

async function main([first, ...rest]) {
    const scenario = JSON.parse(fs.readFileSync(rest.at(-1), 'utf8'));
    const text = first === '--schedule'
        ? scheduleLines(scenario, Number(rest[0]))
        : JSON.stringify(await run(first, scenario)) + '\n';
    // All of it, and no waiting for what the clients still do.
    for (let left = Buffer.from(text); left.length > 0;) left = left.subarray(fs.writeSync(1, left));
    process.exit(0);
}

main(process.argv.slice(2)).catch((error) => {
    console.error(`driver.js: ${error.stack ?? error}`);
    process.exit(1);
});
