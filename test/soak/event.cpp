// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "soak/event.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <fstream>
#include <map>
#include <stdexcept>
#include <system_error>
#include <utility>

namespace soak {

namespace {

constexpr std::array<std::string_view, 13> kinds{"asked",  "granted", "released", "told",  "lost",
                                                 "missed", "failed",  "phase",    "fault", "undone",
                                                 "killed", "crashed", "sample"};

std::int64_t number_of(time_point t)
{
    return std::chrono::nanoseconds(t.time_since_epoch()).count();
}

template <class Integer>
Integer number(std::string_view word)
{
    Integer result{};
    const auto [end, ec] = std::from_chars(word.data(), word.data() + word.size(), result);
    if (ec != std::errc() || end != word.data() + word.size())
        throw std::runtime_error("'" + std::string(word) + "' is no number");
    return result;
}

time_point time_of(std::string_view word)
{
    return time_point(std::chrono::nanoseconds(number<std::int64_t>(word)));
}

} // namespace

std::string to_line(const event& e)
{
    std::string result = std::to_string(number_of(e.at));
    result.append(" ").append(e.who).append(" ").append(kinds.at(static_cast<std::size_t>(e.what)));
    result.append(" ").append(std::to_string(e.acquire)).append(" ").append(e.resource);
    result.append(" ").append(std::to_string(e.n)).append(" ").append(std::to_string(number_of(e.until)));
    return result.append(" ").append(e.why);
}

event parse_line(std::string_view line)
try {
    std::array<std::string_view, 8> words;
    std::string_view rest = line;
    for (std::string_view& word : words) {
        if (rest.empty())
            throw std::runtime_error("it has fewer than " + std::to_string(words.size()) + " words");
        const auto end = std::min(rest.find(' '), rest.size());
        word = rest.substr(0, end);
        rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    if (!rest.empty())
        throw std::runtime_error("it has more than " + std::to_string(words.size()) + " words");
    const auto kind = std::find(kinds.begin(), kinds.end(), words[2]);
    if (kind == kinds.end())
        throw std::runtime_error("there is no event '" + std::string(words[2]) + "'");
    return {.at = time_of(words[0]),
            .what = static_cast<event::kind>(kind - kinds.begin()),
            .who = std::string(words[1]),
            .acquire = number<std::uint64_t>(words[3]),
            .resource = std::string(words[4]),
            .n = number<std::uint64_t>(words[5]),
            .until = time_of(words[6]),
            .why = std::string(words[7])};
} catch (const std::runtime_error& e) {
    throw std::runtime_error("not a line of a log: '" + std::string(line) + "': " + e.what());
}

std::vector<event> read_logs(const std::filesystem::path& directory)
{
    std::vector<event> result;
    for (const auto& entry : std::filesystem::directory_iterator(directory)) {
        if (entry.path().extension() != ".log")
            continue;
        std::ifstream file(entry.path());
        for (std::string line; std::getline(file, line) && !file.eof();)
            result.push_back(parse_line(line));
    }
    // Those of one moment keep their order. (std::stable_sort uses what clang says is deprecated.)
    std::multimap<time_point, event> ordered;
    for (event& each : result)
        ordered.emplace_hint(ordered.end(), each.at, std::move(each));
    result.clear();
    for (auto& [at, each] : ordered)
        result.push_back(std::move(each));
    return result;
}

event_log::event_log(const std::filesystem::path& file)
    : file_(::open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600))
{
    if (file_ < 0)
        throw std::system_error(errno, std::generic_category(), "cannot write " + file.string());
}

event_log::~event_log()
{
    ::close(file_);
}

void event_log::write(const event& e)
{
    const std::string line = to_line(e) + '\n';
    if (::write(file_, line.data(), line.size()) != static_cast<ssize_t>(line.size()))
        throw std::system_error(errno, std::generic_category(), "cannot write a log");
}

} // namespace soak
