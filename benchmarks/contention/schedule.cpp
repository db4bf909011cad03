// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "schedule.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <ostream>
#include <utility>

namespace contention {
namespace {

/// Spreads the seeds of clients, which differ by little, over all numbers (the finalizer of MurmurHash3).
[[nodiscard]] std::uint32_t mix(std::uint32_t h) noexcept
{
    h ^= h >> 16;
    h *= 0x85eb'ca6bU;
    h ^= h >> 13;
    h *= 0xc2b2'ae35U;
    return h ^ h >> 16;
}

[[nodiscard]] auto microseconds(duration d)
{
    return std::chrono::floor<std::chrono::microseconds>(d).count();
}

} // namespace

std::uint32_t random_numbers::next() noexcept
{
    std::uint32_t t = state_ += 0x6d2b'79f5U;
    t = (t ^ t >> 15) * (t | 1U);
    t ^= t + (t ^ t >> 7) * (t | 61U);
    return t ^ t >> 14;
}

double random_numbers::unit() noexcept
{
    return next() / 4294967296.0;
}

duration random_numbers::draw(const random_time& t) noexcept
{
    if (!t.exponential)
        return t.mean;
    return duration(static_cast<duration::rep>(-std::log1p(-unit()) * static_cast<double>(t.mean.count())));
}

chooser::chooser(std::size_t resources, double zipf) : resources_(resources)
{
    if (zipf == 0)
        return;
    double sum = 0;
    for (std::size_t i = 0; i < resources; ++i)
        cumulative_.push_back(sum += std::pow(static_cast<double>(i + 1), -zipf));
}

std::size_t chooser::operator()(random_numbers& random) const
{
    const double u = random.unit();
    if (cumulative_.empty())
        return static_cast<std::size_t>(u * static_cast<double>(resources_));
    const auto found = std::ranges::upper_bound(cumulative_, u * cumulative_.back());
    return std::min(static_cast<std::size_t>(found - cumulative_.begin()), resources_ - 1);
}

request_stream::request_stream(const scenario& s, const group& g, std::size_t client,
                               std::shared_ptr<const chooser> choose)
    : group_(g), random_(mix(s.seed + static_cast<std::uint32_t>(client + 1) * 0x9e37'79b9U)),
      choose_(std::move(choose)), gap_(g.think)
{
    // At random and independently: the gaps of each client's arrivals are exponential.
    if (g.open_loop())
        gap_ = {.mean = std::chrono::round<duration>(
                    std::chrono::duration<double>(static_cast<double>(g.clients) / g.rate)),
                .exponential = true};
}

const request& request_stream::next()
{
    request_.gap = random_.draw(gap_);
    request_.resources.clear();
    while (request_.resources.size() < group_.parts) {
        const std::size_t chosen = (*choose_)(random_);
        const auto place = std::ranges::lower_bound(request_.resources, chosen);
        if (place == request_.resources.end() || *place != chosen)
            request_.resources.insert(place, chosen);
    }
    request_.hold = random_.draw(group_.hold);
    request_.cleanup = random_.draw(group_.cleanup);
    return request_;
}

void write_schedule(std::ostream& out, const scenario& s, std::size_t count)
{
    out << "client,group,gap_us,resources,hold_us,cleanup_us\n";
    std::size_t client = 0;
    for (const group& g : s.groups) {
        const auto choose = std::make_shared<const chooser>(s.resources, g.zipf);
        for (std::size_t i = 0; i < g.clients; ++i, ++client) {
            request_stream requests(s, g, client, choose);
            for (std::size_t n = 0; n < count; ++n) {
                const request& r = requests.next();
                out << client << ',' << g.name << ',' << microseconds(r.gap) << ',';
                for (std::size_t k = 0; k < r.resources.size(); ++k)
                    out << (k ? " " : "") << r.resources[k];
                out << ',' << microseconds(r.hold) << ',' << microseconds(r.cleanup) << '\n';
            }
        }
    }
}

} // namespace contention
