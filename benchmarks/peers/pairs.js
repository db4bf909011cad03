// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

'use strict';

// pairs.js HOST:PORT,HOST:PORT,... CLIENTS PAIRS
//
// Each client acquires and releases locks that nobody else wants, one after the other, and measures each pair. Prints
// what the row redis/pair of redis.cpp counts.

const { connectRedlock } = require('./contenders.js');

const keys = 1000;

async function main([nodes, clientsText, pairsText]) {
    const clients = Number(clientsText);
    const locks = connectRedlock(nodes.split(','));
    const times = [];
    const client = async (number, pairs) => {
        for (let k = 0; k < pairs; ++k) {
            const key = number + clients * (k % Math.floor(keys / clients));
            const start = performance.now();
            const lock = await locks.acquire([`pairs-resource-${String(key).padStart(11, '0')}`], 10_000);
            await lock.release();
            times.push((performance.now() - start) * 1e3);
        }
    };
    const run = (pairs) => Promise.all(Array.from({ length: clients }, (_, number) => client(number, pairs)));

    await run(Math.ceil(2000 / clients)); // until its code is compiled
    times.length = 0;
    const start = performance.now();
    await run(Number(pairsText));
    const seconds = (performance.now() - start) / 1e3;
    times.sort((a, b) => a - b);
    const quantile = (q) => times[Math.min(times.length - 1, Math.floor(q * times.length))];
    console.log(JSON.stringify({ p50_us: quantile(0.5), p99_us: quantile(0.99), pairs_per_s: times.length / seconds }));
    process.exit(0);
}

main(process.argv.slice(2)).catch((error) => {
    console.error(`pairs.js: ${error.stack ?? error}`);
    process.exit(1);
});
