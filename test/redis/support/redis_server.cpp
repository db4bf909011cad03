// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "redis/support/redis_server.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <ostream>
#include <random>
#include <sstream>
#include <stdexcept>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>

namespace test {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

namespace {

[[noreturn]] void fail(const std::string& what)
{
    throw std::runtime_error(what);
}

[[noreturn]] void fail_with_errno(const std::string& what)
{
    fail(what + ": " + std::generic_category().message(errno));
}

sockaddr_in loopback(std::uint16_t port)
{
    sockaddr_in result{};
    result.sin_family = AF_INET;
    result.sin_port = htons(port);
    result.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return result;
}

bool is_free(std::uint16_t port)
{
    const int probe = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int on = 1;
    ::setsockopt(probe, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    const sockaddr_in address = loopback(port);
    const bool result = ::bind(probe, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
    ::close(probe);
    return result;
}

fs::path find_in_path(const std::string& name)
{
    const char* path = std::getenv("PATH");
    std::istringstream directories(path ? path : "/usr/bin");
    for (std::string directory; std::getline(directories, directory, ':');)
        if (fs::path file = fs::path(directory) / name; ::access(file.c_str(), X_OK) == 0)
            return file;
    return {};
}

// A program and the name it is run under.
struct program
{
    fs::path file;
    std::string name;
};

program find_server()
{
    const char* chosen = std::getenv("PRIORITY_REDLOCK_REDIS_SERVER");
    const std::string name = chosen && *chosen ? chosen : "redis-server";
    if (name.find('/') != name.npos)
        return {name, fs::path(name).filename()};

    if (fs::path file = find_in_path(name); !file.empty())
        return {file, name};
    // The checker is the same program, which goes by its name. Debian's redis-tools and valkey-tools have it, and start
    // no daemon.
    if (const auto end = name.rfind("-server"); end != name.npos)
        if (fs::path file = find_in_path(name.substr(0, end) + "-check-rdb"); !file.empty())
            return {file, name};
    fail("there is no " + name
         + " to test with: install Debian's redis-tools (tools/run test does), or name a server in the "
           "environment variable PRIORITY_REDLOCK_REDIS_SERVER");
}

// Starts a program whose output is appended to a file, and which ends when this thread does.
pid_t run(const program& p, const std::vector<std::string>& arguments, const fs::path& output,
          const std::vector<std::string>& variables = {})
{
    // Between fork and exec nothing may allocate: another thread may have been forked away inside malloc.
    std::vector<const char*> words{p.name.c_str()};
    for (const std::string& word : arguments)
        words.push_back(word.c_str());
    words.push_back(nullptr);
    std::vector<const char*> environment;
    for (const std::string& variable : variables)
        environment.push_back(variable.c_str());
    for (char** each = environ; *each; ++each)
        environment.push_back(*each);
    environment.push_back(nullptr);

    const int log = ::open(output.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    const int nothing = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (log < 0 || nothing < 0)
        fail_with_errno("cannot open " + output.string());

    const pid_t parent = ::getpid();
    const pid_t child = ::fork();
    if (child == 0) {
        ::setpgid(0, 0); // a Ctrl-C is for the program that started it, which may still need it
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (::getppid() != parent)
            ::_exit(127);
        sigset_t none;
        ::sigemptyset(&none);
        ::sigprocmask(SIG_SETMASK, &none, nullptr);
        ::dup2(nothing, STDIN_FILENO);
        ::dup2(log, STDOUT_FILENO);
        ::dup2(log, STDERR_FILENO);
        ::close_range(3, ~0U, 0); // Asio's sockets have no close-on-exec: a peer would not see them closed
        ::execve(p.file.c_str(), const_cast<char* const*>(words.data()), const_cast<char* const*>(environment.data()));
        constexpr std::string_view text = "cannot run the program\n";
        [[maybe_unused]] const auto written = ::write(STDERR_FILENO, text.data(), text.size());
        ::_exit(127);
    }
    ::close(log);
    ::close(nothing);
    if (child < 0)
        fail_with_errno("cannot start " + p.file.string());
    return child;
}

std::string contents(const fs::path& file)
{
    std::ifstream stream(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), {}};
}

std::string quoted(const std::string& text)
{
    std::string result = "\"";
    for (const char c : text)
        result.append(c == '"' || c == '\\' ? "\\" : "") += c;
    return result += '"';
}

void copy_afresh(const fs::path& from, const fs::path& to)
{
    fs::remove_all(to);
    fs::copy(from, to, fs::copy_options::recursive);
}

} // namespace

std::uint16_t free_port()
{
    static std::mt19937 engine{std::random_device{}()};
    std::uniform_int_distribution<int> any(10'000, 32'000); // Linux gives 32768 and up to outgoing connections
    for (int tries = 0; tries < 1000; ++tries)
        if (const auto port = static_cast<std::uint16_t>(any(engine)); is_free(port))
            return port;
    fail("no free port from 10000 to 32000 on 127.0.0.1");
}

std::ostream& operator<<(std::ostream& stream, const redis_reply& reply)
{
    switch (reply.type) {
    case redis_reply::type_t::nil: return stream << "nil";
    case redis_reply::type_t::status: return stream << reply.text;
    case redis_reply::type_t::error: return stream << "(error) " << reply.text;
    case redis_reply::type_t::integer: return stream << reply.integer;
    case redis_reply::type_t::bulk: return stream << quoted(reply.text);
    case redis_reply::type_t::array: break;
    }
    stream << '[';
    for (std::size_t i = 0; i < reply.elements.size(); ++i)
        stream << (i == 0 ? "" : ", ") << reply.elements[i];
    return stream << ']';
}

redis_connection::redis_connection(std::uint16_t port, const std::string& password, milliseconds timeout)
    : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0))
{
    const auto micros = std::chrono::microseconds(timeout).count();
    const timeval limit{.tv_sec = micros / 1'000'000, .tv_usec = micros % 1'000'000};
    ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    ::setsockopt(socket_, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    const int on = 1;
    ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    try {
        const sockaddr_in address = loopback(port);
        if (::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
            fail_with_errno("127.0.0.1:" + std::to_string(port));
        if (!password.empty())
            if (const redis_reply reply = command({"AUTH", password}); reply.is_error())
                fail("127.0.0.1:" + std::to_string(port) + ": " + reply.text);
    } catch (...) {
        ::close(socket_);
        throw;
    }
}

redis_connection::~redis_connection()
{
    ::close(socket_);
}

redis_reply redis_connection::command(const std::vector<std::string>& words)
{
    std::string request = "*" + std::to_string(words.size()) + "\r\n";
    for (const std::string& word : words)
        request.append("$" + std::to_string(word.size()) + "\r\n").append(word).append("\r\n");
    for (std::string_view rest = request; !rest.empty();) {
        const auto sent = ::send(socket_, rest.data(), rest.size(), MSG_NOSIGNAL);
        if (sent < 0)
            fail_with_errno("cannot send " + words.at(0));
        rest.remove_prefix(static_cast<std::size_t>(sent));
    }
    return read();
}

redis_reply redis_connection::read()
{
    using type_t = redis_reply::type_t;
    const std::string line = read_line();
    const std::string rest = line.substr(1);
    switch (line[0]) {
    case '+': return {.type = type_t::status, .text = rest};
    case '-': return {.type = type_t::error, .text = rest};
    case ':': return {.type = type_t::integer, .integer = std::stoll(rest)};
    case '$': {
        const long long size = std::stoll(rest);
        if (size < 0)
            return {};
        redis_reply result{.type = type_t::bulk, .text = read_bytes(static_cast<std::size_t>(size))};
        read_bytes(2);
        return result;
    }
    case '*': {
        const long long size = std::stoll(rest);
        if (size < 0)
            return {};
        redis_reply result{.type = type_t::array};
        for (long long i = 0; i < size; ++i)
            result.elements.push_back(read());
        return result;
    }
    default: fail("not a reply of RESP2: " + line);
    }
}

std::string redis_connection::read_bytes(std::size_t n)
{
    while (input_.size() < n)
        fill();
    std::string result = input_.substr(0, n);
    input_.erase(0, n);
    return result;
}

std::string redis_connection::read_line()
{
    auto end = input_.find("\r\n");
    for (; end == input_.npos; end = input_.find("\r\n"))
        fill();
    std::string result = read_bytes(end);
    read_bytes(2);
    if (result.empty())
        fail("an empty line instead of a reply");
    return result;
}

void redis_connection::fill()
{
    char buffer[4096];
    const auto got = ::recv(socket_, buffer, sizeof buffer, 0);
    if (got == 0)
        fail("the server closed the connection");
    if (got < 0)
        fail_with_errno("no reply");
    input_.append(buffer, static_cast<std::size_t>(got));
}

redis_server::redis_server(redis_server_options options) : options_(std::move(options))
{
    std::string name = (fs::temp_directory_path() / "priority-redlock-test.XXXXXX").string();
    if (!::mkdtemp(name.data()))
        fail_with_errno("cannot make a directory " + name);
    directory_ = name;
    try {
        fs::create_directory(directory_ / "data");
        if (options_.tls)
            make_certificate();
        start();
    } catch (...) {
        kill();
        fs::remove_all(directory_);
        throw;
    }
}

redis_server::~redis_server()
{
    kill();
    std::error_code ignored;
    fs::remove_all(directory_, ignored);
}

std::string redis_server::address() const
{
    return "127.0.0.1:" + std::to_string(port());
}

boost::redis::config redis_server::config() const
{
    return config("default", options_.password);
}

boost::redis::config redis_server::config(const std::string& user, const std::string& password) const
{
    boost::redis::config result;
    result.addr = {"127.0.0.1", std::to_string(port())};
    result.username = user;
    result.password = password;
    result.use_ssl = options_.tls;
    return result;
}

fs::path redis_server::certificate_file() const
{
    return directory_ / "certificate.pem";
}

redis_reply redis_server::command(const std::vector<std::string>& words) const
{
    return redis_connection(port_, options_.password).command(words);
}

void redis_server::kill()
{
    if (!running())
        return;
    ::kill(process_, SIGKILL);
    wait_until_gone();
}

void redis_server::shut_down()
{
    if (!running())
        return;
    ::kill(process_, SIGTERM);
    resume();
    wait_until_gone();
}

void redis_server::stop()
{
    if (!running() || stopped_)
        return;
    ::kill(process_, SIGSTOP);
    int status = 0;
    if (::waitpid(process_, &status, WUNTRACED) != process_ || !WIFSTOPPED(status))
        fail("the server ended instead of stopping:\n" + log());
    stopped_ = true;
}

void redis_server::resume()
{
    if (!running() || !stopped_)
        return;
    ::kill(process_, SIGCONT);
    stopped_ = false;
}

void redis_server::restart(redis_data data)
{
    kill();
    switch (data) {
    case redis_data::keep: break;
    case redis_data::empty:
        fs::remove_all(directory_ / "data");
        fs::create_directory(directory_ / "data");
        break;
    case redis_data::snapshot:
        if (!fs::exists(directory_ / "snapshot"))
            fail("restart(redis_data::snapshot) needs a save_snapshot() before");
        copy_afresh(directory_ / "snapshot", directory_ / "data");
        break;
    }
    spawn();
    wait_until_ready();
}

void redis_server::save_snapshot()
{
    if (options_.persistence == redis_persistence::none)
        fail("save_snapshot() needs a persistence");
    // An append-only file holds all that was answered, if not on the disk then in the system's memory.
    if (options_.persistence == redis_persistence::snapshot)
        if (const redis_reply reply = command({"SAVE"}); reply.is_error())
            fail("SAVE: " + reply.text);
    copy_afresh(directory_ / "data", directory_ / "snapshot");
}

void redis_server::wait_until_ready(milliseconds timeout)
{
    for (const auto deadline = steady_clock::now() + timeout; !answers(1s);) {
        if (has_died())
            fail("the server ended:\n" + log());
        if (steady_clock::now() > deadline)
            fail("the server does not answer within " + std::to_string(timeout.count()) + " ms:\n" + log());
        std::this_thread::sleep_for(2ms);
    }
}

std::string redis_server::log() const
{
    return contents(directory_ / "log");
}

void redis_server::start()
{
    // A port that was free may have been taken by the time the server asks for it.
    for (int tries = 10;; --tries) {
        choose_ports();
        spawn();
        try {
            return wait_until_ready();
        } catch (const std::runtime_error&) {
            if (running() || tries == 0 || log().find("in use") == std::string::npos)
                throw;
        }
    }
}

void redis_server::choose_ports()
{
    port_ = free_port();
    do
        client_port_ = options_.tls ? free_port() : port_;
    while (options_.tls && client_port_ == port_);
    write_configuration();
}

void redis_server::make_certificate()
{
    const program openssl{find_in_path("openssl"), "openssl"};
    if (openssl.file.empty())
        fail("there is no openssl command to make a certificate with: install Debian's openssl (tools/run test does)");
    const pid_t process =
        run(openssl,
            {"req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
             "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", directory_ / "key.pem",
             "-out", certificate_file()},
            directory_ / "log");
    int status = 0;
    if (::waitpid(process, &status, 0) != process || status != 0)
        fail("openssl made no certificate:\n" + log());
}

void redis_server::write_configuration() const
{
    std::ofstream file(directory_ / "server.conf");
    file << "bind 127.0.0.1\n"
         << "port " << port_ << '\n'
         << "dir " << quoted(directory_ / "data") << '\n'
         << "logfile \"\"\n"                   // the output, see run()
         << "repl-diskless-sync-delay 0\n"     // else a replica waits for more of them to come
         << "auto-aof-rewrite-percentage 0\n"; // an append-only file stays what can be copied

    switch (options_.persistence) {
    case redis_persistence::none: file << "save \"\"\n"; break;
    case redis_persistence::snapshot: file << "save 3600 1\n"; break;
    case redis_persistence::aof_every_sec: file << "save \"\"\nappendonly yes\nappendfsync everysec\n"; break;
    case redis_persistence::aof_always: file << "save \"\"\nappendonly yes\nappendfsync always\n"; break;
    }
    if (options_.tls)
        file << "tls-port " << client_port_ << '\n'
             << "tls-cert-file " << quoted(certificate_file()) << '\n'
             << "tls-key-file " << quoted(directory_ / "key.pem") << '\n'
             << "tls-ca-cert-file " << quoted(certificate_file()) << '\n'
             << "tls-auth-clients no\n";
    if (!options_.password.empty())
        file << "requirepass " << quoted(options_.password) << '\n';
    if (const redis_server* master = options_.replica_of) {
        file << "replicaof 127.0.0.1 " << master->port_ << '\n';
        if (!master->options_.password.empty())
            file << "masterauth " << quoted(master->options_.password) << '\n';
    }
    for (const std::string& line : options_.users)
        file << line << '\n';
    for (const std::string& line : options_.config)
        file << line << '\n';
}

void redis_server::spawn()
{
    process_ = run(find_server(), {directory_ / "server.conf"}, directory_ / "log", options_.environment);
    stopped_ = false;
}

void redis_server::wait_until_gone()
{
    int status = 0;
    while (::waitpid(process_, &status, 0) == -1 && errno == EINTR) {
    }
    process_ = -1;
    stopped_ = false;
}

bool redis_server::has_died()
{
    int status = 0;
    if (running() && ::waitpid(process_, &status, WNOHANG) == process_)
        process_ = -1;
    return !running();
}

bool redis_server::answers(milliseconds timeout) const
try {
    // Whoever got the port before this server would also answer a PING.
    redis_connection connection(port_, options_.password, timeout);
    return connection.command({"PING"}).text == "PONG"
           && connection.command({"INFO", "server"}).text.find("process_id:" + std::to_string(process_) + "\r")
                  != std::string::npos;
} catch (const std::runtime_error&) {
    return false;
}

redis_nodes::redis_nodes(std::size_t count, const redis_server_options& options)
{
    while (nodes_.size() < count)
        nodes_.emplace_back(options);
}

std::vector<boost::redis::config> redis_nodes::configs() const
{
    std::vector<boost::redis::config> result;
    for (const redis_server& node : nodes_)
        result.push_back(node.config());
    return result;
}

std::string redis_nodes::addresses() const
{
    std::string result;
    for (const redis_server& node : nodes_)
        result.append(result.empty() ? "" : ",").append(node.address());
    return result;
}

} // namespace test
