// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "table/resource_index.hpp"

#include <boost/test/unit_test.hpp>

#include <cstddef>
#include <memory>
#include <random>
#include <set>
#include <utility>
#include <vector>

namespace priority_redlock::test {

namespace {

using detail::resource;
using detail::resource_index;
using detail::resource_walk;

/// What a walk may and must visit.
struct watched_walk
{
    resource_walk at;
    std::set<const resource*> to_visit; // there from its beginning on
    std::set<const resource*> visited;
};

class random_index
{
public:
    explicit random_index(unsigned seed) : random_(seed) {}

    void add()
    {
        there_.push_back(std::make_unique<resource>());
        index_.add(*there_.back());
    }

    /// One that goes stays allocated, so that no other has its address.
    void remove_any()
    {
        if (there_.empty())
            return;
        std::swap(there_[below(there_.size())], there_.back());
        index_.remove(*there_.back());
        for (const auto& each : walks_)
            each->to_visit.erase(there_.back().get());
        gone_.push_back(std::move(there_.back()));
        there_.pop_back();
    }

    void begin()
    {
        walks_.push_back(std::make_unique<watched_walk>());
        for (const auto& each : there_)
            walks_.back()->to_visit.insert(each.get());
        index_.begin(walks_.back()->at);
    }

    void step_any()
    {
        if (!walks_.empty())
            step(below(walks_.size()));
    }

    void stop_any()
    {
        if (walks_.empty())
            return;
        const std::size_t i = below(walks_.size());
        index_.end(walks_[i]->at);
        walks_.erase(walks_.begin() + static_cast<std::ptrdiff_t>(i));
    }

    void finish_all()
    {
        while (!walks_.empty())
            step(0);
    }

    [[nodiscard]] std::size_t below(std::size_t n)
    {
        return std::uniform_int_distribution<std::size_t>(0, n - 1)(random_);
    }
    [[nodiscard]] std::size_t walks() const noexcept { return walks_.size(); }

private:
    void step(std::size_t i)
    {
        watched_walk& w = *walks_[i];
        const resource* const r = index_.next(w.at);
        if (!r) {
            BOOST_TEST(w.to_visit.empty());
            index_.end(w.at);
            walks_.erase(walks_.begin() + static_cast<std::ptrdiff_t>(i));
            return;
        }
        BOOST_TEST(w.visited.insert(r).second);
        BOOST_TEST(w.to_visit.erase(r) == 1u); // neither new nor gone
    }

    std::mt19937 random_;
    resource_index index_;
    std::vector<std::unique_ptr<resource>> there_, gone_;
    std::vector<std::unique_ptr<watched_walk>> walks_;
};

} // namespace

BOOST_AUTO_TEST_SUITE(resource_index_walks)

BOOST_AUTO_TEST_CASE(what_is_there_all_the_time_is_visited_once)
{
    for (unsigned seed = 1; seed <= 200; ++seed)
        BOOST_TEST_CONTEXT("seed " << seed)
        {
            random_index index(seed);
            for (int i = 0; i < 600; ++i)
                switch (index.below(12)) {
                case 0:
                    if (index.walks() < 4)
                        index.begin();
                    break;
                case 1:
                    if (index.below(8) == 0)
                        index.stop_any();
                    break;
                case 2:
                case 3:
                case 4: index.add(); break;
                case 5:
                case 6:
                case 7: index.remove_any(); break;
                default: index.step_any();
                }
            index.finish_all();
        }
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace priority_redlock::test
