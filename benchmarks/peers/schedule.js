// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

'use strict';

// Which requests a client makes: the same numbers as contention/schedule.cpp, which says what they mean. The test
// contention/peers compares the two.

/** Spreads the seeds of clients (the finalizer of MurmurHash3). */
function mix(h) {
    h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
    h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
    return (h ^ (h >>> 16)) >>> 0;
}

/** Mulberry32. */
class RandomNumbers {
    constructor(seed) {
        this.state = seed | 0;
    }

    next() {
        this.state = (this.state + 0x6d2b79f5) | 0;
        let t = this.state;
        t = Math.imul(t ^ (t >>> 15), t | 1);
        t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
        return (t ^ (t >>> 14)) >>> 0;
    }

    unit() {
        return this.next() / 4294967296;
    }

    /** In milliseconds, cut off to nanoseconds. */
    draw(time) {
        if (time.constant !== undefined) return time.constant;
        return Math.trunc(-Math.log1p(-this.unit()) * time.exponential * 1e6) / 1e6;
    }
}

function chooser(resources, zipf) {
    if (zipf === 0) return (random) => Math.floor(random.unit() * resources);
    const cumulative = [];
    let sum = 0;
    for (let i = 0; i < resources; ++i) cumulative.push((sum += Math.pow(i + 1, -zipf)));
    return (random) => {
        const u = random.unit() * sum;
        let low = 0;
        let high = resources;
        while (low < high) {
            const middle = (low + high) >>> 1;
            if (cumulative[middle] > u) high = middle;
            else low = middle + 1;
        }
        return Math.min(low, resources - 1);
    };
}

class RequestStream {
    constructor(scenario, group, client, choose) {
        this.group = group;
        this.random = new RandomNumbers(mix((scenario.seed + Math.imul(client + 1, 0x9e3779b9)) | 0));
        this.choose = choose;
        this.gap = group.rate === null
            ? group.think
            : { exponential: Math.round((group.count / group.rate) * 1e9) / 1e6 };
    }

    next() {
        const request = { gap: this.random.draw(this.gap), resources: [] };
        while (request.resources.length < this.group.parts) {
            const chosen = this.choose(this.random);
            if (!request.resources.includes(chosen)) request.resources.push(chosen);
        }
        request.resources.sort((a, b) => a - b);
        request.hold = this.random.draw(this.group.hold);
        request.cleanup = this.random.draw(this.group.cleanup);
        return request;
    }
}

/** Calls visit(group, number of the client, its requests) for every client. */
function forEachClient(scenario, visit) {
    let client = 0;
    for (const group of scenario.clients) {
        const choose = chooser(scenario.resources, group.choice.zipf);
        for (let i = 0; i < group.count; ++i, ++client)
            visit(group, client, new RequestStream(scenario, group, client, choose));
    }
}

/** The first `count` requests of each client as lines of CSV. */
function scheduleLines(scenario, count) {
    const lines = ['client,group,gap_us,resources,hold_us,cleanup_us'];
    const us = (ms) => Math.floor(Math.round(ms * 1e6) / 1e3);
    forEachClient(scenario, (group, client, requests) => {
        for (let n = 0; n < count; ++n) {
            const r = requests.next();
            lines.push([client, group.name, us(r.gap), r.resources.join(' '), us(r.hold), us(r.cleanup)].join());
        }
    });
    return lines.join('\n') + '\n';
}

module.exports = { forEachClient, scheduleLines };
