// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

'use strict';

// Writes down what clients go through, and adds it up as contention/recorder.cpp does. Times are in milliseconds, those
// of results in microseconds.

const steps = 100;
const mostHotHolds = 150;

/** 64 buckets in each power of two, as contention/histogram.hpp. */
class Histogram {
    counts = new Map();
    count = 0;
    sum = 0;
    max = 0;

    add(ms) {
        const ns = Math.max(0, Math.round(ms * 1e6));
        const shift = Math.max(0, Math.floor(Math.log2(ns || 1)) - 6);
        const scale = 2 ** shift;
        const bound = (Math.floor(ns / scale) + 1) * scale - 1;
        this.counts.set(bound, (this.counts.get(bound) ?? 0) + 1);
        this.count += 1;
        this.sum += ns;
        this.max = Math.max(this.max, ns);
    }

    percentile(share) {
        const rank = Math.ceil(share * this.count);
        let seen = 0;
        for (const [bound, n] of [...this.counts].sort((a, b) => a[0] - b[0]))
            if ((seen += n) >= rank) return Math.min(bound, this.max) / 1e3;
        return this.max / 1e3;
    }

    result() {
        return {
            count: this.count,
            mean_us: this.count ? this.sum / 1e3 / this.count : 0,
            p50_us: this.percentile(0.5),
            p90_us: this.percentile(0.9),
            p99_us: this.percentile(0.99),
            p999_us: this.percentile(0.999),
            max_us: this.max / 1e3,
            buckets: [...this.counts].sort((a, b) => a[0] - b[0]).map(([bound, n]) => [bound / 1e3, n]),
        };
    }
}

class Client {
    constructor(recorder, sums, group, number, requests) {
        Object.assign(this, { recorder, sums, group, number, requests });
        this.grants = 0;
        this.due = 0;
        this.waitsSince = Infinity;
        this.holdsSince = Infinity;
        sums.clients.push(this);
    }

    /** Draws the next request. */
    next() {
        this.request = this.requests.next();
        const from = this.group.rate !== null && this.due ? this.due : performance.now();
        this.due = from + this.request.gap;
        return this.request;
    }

    /** In an open loop the wait counts from when the request was due. */
    asks() {
        this.waitsSince = this.group.rate !== null ? this.due : performance.now();
    }

    refused(timedOut) {
        if (!this.recorder.active) return;
        this.waitsSince = Infinity;
        if (timedOut) ++this.sums.timed_out;
        else ++this.sums.failed;
    }

    /** @param until when the lock ends by itself */
    granted(until = Infinity) {
        const { recorder, sums } = this;
        if (!recorder.active) return;
        const now = performance.now();
        this.until = until;
        for (const r of this.request.resources) {
            const other = recorder.holders.get(r);
            if (other && other.until > now) ++recorder.overlaps;
            recorder.holders.set(r, this);
        }
        sums.wait.add(now - this.waitsSince);
        ++sums.granted;
        ++this.grants;
        this.waitsSince = Infinity;
        this.holdsSince = now;
    }

    /** To be called before the lock is released. */
    letGo(how) {
        const { recorder, sums } = this;
        if (!recorder.active) return;
        const now = performance.now();
        for (const r of this.request.resources) if (recorder.holders.get(r) === this) recorder.holders.delete(r);
        const step = Math.floor(((now - recorder.start) * steps) / recorder.scenario.duration);
        if (how === 'released') ++sums.completed_over_time[Math.min(steps - 1, step)];
        if (how === 'expired') ++sums.expired;
        if (how === 'lost') ++sums.lost;
        sums.hold.add(now - this.holdsSince);
        this.addHold(now);
        if (this.request.resources[0] === 0)
            recorder.show({
                client: this.number,
                from_us: (this.holdsSince - recorder.start) * 1e3,
                to_us: (now - recorder.start) * 1e3,
                ended: how,
            });
        this.holdsSince = Infinity;
    }

    addHold(now) {
        const held = now - this.holdsSince;
        this.recorder.held += held * this.request.resources.length;
        if (this.request.resources[0] === 0) this.recorder.hotHeld += held;
    }

    /** What is left when the run ends. */
    finish(end) {
        const waits = (since) => {
            ++this.sums.still_waiting;
            this.sums.longest_waiting_us = Math.max(this.sums.longest_waiting_us, (end - since) * 1e3);
        };
        if (this.waitsSince < end) waits(this.waitsSince);
        if (this.holdsSince < end) this.addHold(end);
        if (this.group.rate !== null)
            while (this.due < end && (this.due += this.requests.next().gap) < end) waits(this.due);
    }
}

class Recorder {
    active = true;
    holders = new Map();
    overlaps = 0;
    held = 0;
    hotHeld = 0;
    hotHolds = [];
    sums = [];

    constructor(scenario) {
        this.scenario = scenario;
        for (const group of scenario.clients)
            this.sums.push({
                name: group.name, priority: group.priority, clients: [],
                granted: 0, preempted: 0, overrun: 0, expired: 0, lost: 0, timed_out: 0, failed: 0,
                still_waiting: 0, longest_waiting_us: 0,
                wait: new Histogram(), hold: new Histogram(), completed_over_time: new Array(steps).fill(0),
            });
    }

    client(group, number, requests) {
        return new Client(this, this.sums[this.scenario.clients.indexOf(group)], group, number, requests);
    }

    begin() {
        const { duration, faults } = this.scenario;
        this.start = performance.now();
        this.timelineFrom = faults.length ? faults[0].at - duration / 50 : duration / 2;
    }

    /** Keeps the last holds until the middle of the run, and from there on the first ones. */
    show(hold) {
        if (this.hotHolds.length === mostHotHolds) {
            if (this.hotHolds[0].from_us >= this.timelineFrom * 1e3) return;
            this.hotHolds.shift();
        }
        this.hotHolds.push(hold);
    }

    look() {
        const waits = new Histogram();
        let granted = 0;
        for (const g of this.sums) {
            granted += g.granted;
            for (const [bound, n] of g.wait.counts) waits.counts.set(bound, (waits.counts.get(bound) ?? 0) + n);
            waits.count += g.wait.count;
            waits.max = Math.max(waits.max, g.wait.max);
        }
        return { granted, p99_us: waits.percentile(0.99) };
    }

    /** @returns what contention/result.hpp reads */
    end(interrupted) {
        this.active = false;
        const end = performance.now();
        const elapsed = end - this.start;
        for (const g of this.sums) for (const client of g.clients) client.finish(end);
        const done = Math.min(steps, Math.max(1, Math.ceil((elapsed * steps) / this.scenario.duration)));
        const cut = this.hotHolds.length === mostHotHolds;
        return {
            note: '',
            seconds: elapsed / 1e3,
            interrupted,
            groups: this.sums.map(({ clients, wait, hold, completed_over_time, ...sums }) => ({
                ...sums,
                clients: clients.length,
                most_served: clients.reduce((most, c) => Math.max(most, c.grants), 0),
                least_served: clients.reduce((least, c) => Math.min(least, c.grants), Infinity),
                wait: wait.result(),
                hold: hold.result(),
                completed_over_time: completed_over_time.slice(0, done),
                preempted_over_time: new Array(done).fill(0),
            })),
            step_seconds: this.scenario.duration / 1e3 / steps,
            hot_utilisation: this.hotHeld / elapsed,
            utilisation: this.held / elapsed / this.scenario.resources,
            overlaps: this.overlaps,
            commands: null,
            hot_from_us: cut ? this.hotHolds[0].from_us : 0,
            hot_to_us: cut ? this.hotHolds.at(-1).to_us : elapsed * 1e3,
            hot_holds: this.hotHolds,
        };
    }
}

module.exports = { Recorder };
