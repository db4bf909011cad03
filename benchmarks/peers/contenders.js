// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

'use strict';

// The peers. Each has a version, a note on what it leaves out of a scenario, and visit(client, request, hold): acquire
// what the request wants, hold it, let go, and tell the client of each step.

const { dependencies } = require('./package.json'); // exact versions

/** Redlock over ioredis, which sends the commands of one turn of the event loop together. */
function connectRedlock(nodes, settings) {
    const Redis = require('ioredis');
    const { default: Redlock } = require('redlock');
    const connections = nodes.map((node) => {
        const colon = node.lastIndexOf(':');
        const connection = new Redis({
            host: node.slice(0, colon),
            port: Number(node.slice(colon + 1)),
            enableAutoPipelining: true,
        });
        connection.on('error', () => {}); // a node that fails is part of the scenario
        return connection;
    });
    const locks = new Redlock(connections, { automaticExtensionThreshold: 0, ...settings });
    locks.on('error', () => {}); // votes of nodes that said no
    return locks;
}

/** npm async-mutex: a mutex for each resource, made by its first user. */
function asyncMutex() {
    const { Mutex, withTimeout, E_TIMEOUT } = require('async-mutex');
    const mutexes = new Map();
    const mutexOf = (resource) => {
        if (!mutexes.has(resource)) mutexes.set(resource, new Mutex());
        return mutexes.get(resource);
    };
    return {
        version: dependencies['async-mutex'],
        note: 'Node; first come first served: no priorities, grace, ttl or ageing; one thread',
        async visit(client, request, hold) {
            const releases = [];
            try {
                for (const resource of request.resources) {
                    const mutex = mutexOf(resource);
                    const { timeout } = client.group;
                    releases.push(await (timeout === null ? mutex : withTimeout(mutex, timeout)).acquire());
                }
                client.granted();
                await hold(request.hold);
                client.letGo('released');
            } catch (error) {
                if (error !== E_TIMEOUT) throw error;
                client.refused(true);
            }
            for (const release of releases) release();
        },
    };
}

/** npm redlock. */
function redlock(scenario) {
    const { ExecutionError } = require('redlock');
    const retryDelay = 20; // its default of 200 leaves the resource idle most of the time
    const lease = 10_000; // the library's lease, for who asks for no ttl
    const locks = connectRedlock(scenario.nodes, { retryDelay, retryJitter: retryDelay / 2 });
    return {
        version: dependencies.redlock,
        note: `Node; retries each ${retryDelay} ms or so for ever: no priorities, grace or queue; one thread`,
        async visit(client, request, hold) {
            const { ttl, timeout } = client.group;
            const names = request.resources.map((resource) => `{contention}resource ${resource}`);
            let lock;
            try {
                lock = await locks.acquire(names, ttl ?? lease, {
                    retryCount: timeout === null ? -1 : Math.ceil(timeout / retryDelay),
                });
            } catch (error) {
                if (!(error instanceof ExecutionError)) throw error;
                client.refused(timeout !== null);
                return;
            }
            const left = lock.expiration - Date.now();
            client.granted(performance.now() + left);
            await hold(Math.min(request.hold, Math.max(left, 0)));
            client.letGo(request.hold < left ? 'released' : 'expired');
            await lock.release().catch(() => {}); // it may have expired
        },
    };
}

module.exports = { contenders: { 'async-mutex': asyncMutex, redlock }, connectRedlock };
