// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

// The containers of the table, which link what they hold and allocate nothing.
//
// A waiter lives in the memory of a user's operation. So the links of waiters and holds are declared in the headers
// that users compile (detail/links.hpp), as plain pointers. What Boost.Intrusive has to know of them is only here.

#ifndef PRIORITY_REDLOCK_SRC_INTRUSIVE_HPP
#define PRIORITY_REDLOCK_SRC_INTRUSIVE_HPP

#include <priority_redlock/detail/links.hpp>

#include <boost/intrusive/derivation_value_traits.hpp>
#include <boost/intrusive/list.hpp>
#include <boost/intrusive/options.hpp>
#include <boost/intrusive/set.hpp>

#include <cstdint>

namespace priority_redlock::detail {

namespace intrusive = boost::intrusive;

template <class Tag>
struct list_node_traits
{
    using node = list_links<Tag>;
    using node_ptr = node*;
    using const_node_ptr = const node*;

    static node_ptr get_next(const_node_ptr n) noexcept { return n->next; }
    static void set_next(node_ptr n, node_ptr next) noexcept { n->next = next; }
    static node_ptr get_previous(const_node_ptr n) noexcept { return n->previous; }
    static void set_previous(node_ptr n, node_ptr previous) noexcept { n->previous = previous; }
};

/// The colour is the lowest bit of the pointer to the parent.
template <class Tag>
struct tree_node_traits
{
    using node = tree_links<Tag>;
    using node_ptr = node*;
    using const_node_ptr = const node*;
    enum color : std::uintptr_t
    {
        red_colour,
        black_colour
    };
    static_assert(alignof(node) > 1);

    static node_ptr get_parent(const_node_ptr n) noexcept
    {
        return reinterpret_cast<node_ptr>(n->parent_and_colour & ~std::uintptr_t{1});
    }
    static void set_parent(node_ptr n, node_ptr parent) noexcept
    {
        n->parent_and_colour = reinterpret_cast<std::uintptr_t>(parent) | (n->parent_and_colour & 1);
    }
    static node_ptr get_left(const_node_ptr n) noexcept { return n->left; }
    static void set_left(node_ptr n, node_ptr left) noexcept { n->left = left; }
    static node_ptr get_right(const_node_ptr n) noexcept { return n->right; }
    static void set_right(node_ptr n, node_ptr right) noexcept { n->right = right; }
    static color get_color(const_node_ptr n) noexcept { return static_cast<color>(n->parent_and_colour & 1); }
    static void set_color(node_ptr n, color c) noexcept
    {
        n->parent_and_colour = (n->parent_and_colour & ~std::uintptr_t{1}) | c;
    }
    static constexpr color red() noexcept { return red_colour; }
    static constexpr color black() noexcept { return black_colour; }
};

/// How an object is found by its links.
template <class T, class NodeTraits>
using by_links = intrusive::value_traits<intrusive::derivation_value_traits<T, NodeTraits, intrusive::normal_link>>;

template <class T, class Tag>
using list_of = intrusive::list<T, by_links<T, list_node_traits<Tag>>, intrusive::constant_time_size<false>>;

template <class T, class Tag, class Compare, bool constant_time_size = false>
using set_of = intrusive::set<T, by_links<T, tree_node_traits<Tag>>, intrusive::compare<Compare>,
                              intrusive::constant_time_size<constant_time_size>>;

template <class T, class Tag, class Compare, bool constant_time_size = false>
using multiset_of = intrusive::multiset<T, by_links<T, tree_node_traits<Tag>>, intrusive::compare<Compare>,
                                        intrusive::constant_time_size<constant_time_size>>;

} // namespace priority_redlock::detail

#endif
