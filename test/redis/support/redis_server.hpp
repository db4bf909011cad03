// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_TEST_REDIS_REDIS_SERVER_HPP
#define PRIORITY_REDLOCK_TEST_REDIS_REDIS_SERVER_HPP

#include <boost/redis/config.hpp>

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <iosfwd>
#include <string>
#include <vector>

namespace test {

/// What a server answered, in RESP2.
struct redis_reply
{
    enum class type_t
    {
        nil,
        status,
        error,
        integer,
        bulk,
        array
    };

    type_t type = type_t::nil;
    std::string text{};                  // of a status, an error or a bulk string
    std::int64_t integer = 0;            // of an integer
    std::vector<redis_reply> elements{}; // of an array

    [[nodiscard]] bool is_error() const noexcept { return type == type_t::error; }
    [[nodiscard]] bool is_nil() const noexcept { return type == type_t::nil; }

    /// For messages: `OK`, `(error) ERR ...`, `7`, `"text"`, `[1, "x"]`, `nil`.
    friend std::ostream& operator<<(std::ostream& stream, const redis_reply& reply);
};

/// A plain blocking connection to a server on this machine, independent of Boost.Redis. Throws `std::runtime_error`
/// when the server does not answer within the timeout.
class redis_connection
{
public:
    explicit redis_connection(std::uint16_t port, const std::string& password = {},
                              std::chrono::milliseconds timeout = std::chrono::seconds(10));
    redis_connection(const redis_connection&) = delete;
    redis_connection& operator=(const redis_connection&) = delete;
    ~redis_connection();

    /// Sends a command and waits for its reply; an error is a reply as well.
    redis_reply command(const std::vector<std::string>& words);

    /// The next reply, e.g. a message after SUBSCRIBE.
    redis_reply read();

private:
    std::string read_bytes(std::size_t n);
    std::string read_line();
    void fill();

    int socket_;
    std::string input_;
};

/// A port of 127.0.0.1 that nobody uses now. Not one of those that the system gives to outgoing connections: while a
/// server is down, none of them takes its port, and a client that tries to connect to it does not meet itself.
[[nodiscard]] std::uint16_t free_port();

/// What survives the end of a server.
enum class redis_persistence
{
    none,
    snapshot,      // what was there at the last `save_snapshot()` or SAVE
    aof_every_sec, // all but the last second
    aof_always,    // everything that was answered
};

/// What a server that is restarted finds.
enum class redis_data
{
    keep,     // what its persistence left
    empty,    // nothing
    snapshot, // what there was at the last `save_snapshot()`
};

class redis_server;

struct redis_server_options
{
    redis_persistence persistence = redis_persistence::none;

    /// Of the user `default`; empty: none.
    std::string password{};

    /// Lines of a configuration file: of users, `user alice on >secret ~prefix:* &prefix:* +@all`, and others.
    std::vector<std::string> users{};
    std::vector<std::string> config{};

    /// Of its environment, in addition: NAME=VALUE.
    std::vector<std::string> environment{};

    /// Clients are served over TLS with a certificate for localhost and 127.0.0.1, see `certificate_file()`.
    bool tls = false;

    /// Starts as a replica of that one.
    const redis_server* replica_of = nullptr;
};

/// A server process on a free port of the loopback interface, with a temporary directory of its own; both go with this
/// object. The program is `redis-server`, or what the environment names in PRIORITY_REDLOCK_REDIS_SERVER.
///
/// The process is killed when the thread that started it ends, so that it cannot outlive a test that crashed.
/// For one thread. Throws `std::runtime_error`; its text holds the server's log.
class redis_server
{
public:
    /// Starts the server and waits until it answers.
    explicit redis_server(redis_server_options options = {});
    redis_server(const redis_server&) = delete;
    redis_server& operator=(const redis_server&) = delete;
    ~redis_server();

    /// Where clients connect to, and 127.0.0.1:PORT.
    [[nodiscard]] std::uint16_t port() const noexcept { return client_port_; }
    [[nodiscard]] std::string address() const;

    /// What clients connect with: as the user `default`, or as another.
    [[nodiscard]] boost::redis::config config() const;
    [[nodiscard]] boost::redis::config config(const std::string& user, const std::string& password) const;

    /// With `options::tls`: the certificate (PEM), signed by itself.
    [[nodiscard]] std::filesystem::path certificate_file() const;

    /// Makes another certificate and key in the same files, which the server reads when it is started again.
    void renew_certificate() { make_certificate(); }

    /// Runs a command as the user `default`, on a connection of its own and never over TLS.
    redis_reply command(const std::vector<std::string>& words) const;

    /// SIGKILL; returns when the process is gone.
    void kill();

    /// SIGTERM, at which a server writes what its persistence asks for; returns when the process is gone.
    void shut_down();

    /// SIGSTOP and SIGCONT; return when the process has stopped or goes on. A stopped server's port still takes
    /// connections, which then hang.
    void stop();
    void resume();

    /// Starts the server again on the same port, after a `kill()` if it runs.
    void restart(redis_data data);

    /// Keeps a copy of what the server's persistence holds now, for `redis_data::snapshot`. Needs a persistence.
    void save_snapshot();

    /// Waits until the server answers a PING, which a constructor and a restart have done already.
    void wait_until_ready(std::chrono::milliseconds timeout = std::chrono::seconds(20));

    [[nodiscard]] bool running() const noexcept { return process_ > 0; }
    [[nodiscard]] pid_t process() const noexcept { return process_; }

    /// Everything the server printed so far.
    [[nodiscard]] std::string log() const;

private:
    void start();
    void choose_ports();
    void make_certificate();
    void write_configuration() const;
    void spawn();
    void wait_until_gone();
    [[nodiscard]] bool has_died();
    [[nodiscard]] bool answers(std::chrono::milliseconds timeout) const;

    redis_server_options options_;
    std::filesystem::path directory_;
    std::uint16_t port_ = 0;        // plain, where the tests' own commands go
    std::uint16_t client_port_ = 0; // the same, or that of TLS
    pid_t process_ = -1;
    bool stopped_ = false;
};

/// Independent servers, the nodes of one lock service.
class redis_nodes
{
public:
    explicit redis_nodes(std::size_t count, const redis_server_options& options = {});

    [[nodiscard]] std::size_t size() const noexcept { return nodes_.size(); }
    [[nodiscard]] redis_server& operator[](std::size_t index) { return nodes_.at(index); }
    [[nodiscard]] auto begin() noexcept { return nodes_.begin(); }
    [[nodiscard]] auto end() noexcept { return nodes_.end(); }

    [[nodiscard]] std::vector<boost::redis::config> configs() const;

    /// `127.0.0.1:PORT` with commas in between, as for `parse_redis_nodes`.
    [[nodiscard]] std::string addresses() const;

private:
    std::deque<redis_server> nodes_; // which does not move them
};

} // namespace test

#endif
