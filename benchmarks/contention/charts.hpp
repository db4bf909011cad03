// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

// The pictures of a report, drawn by gnuplot.

#ifndef PRIORITY_REDLOCK_BENCHMARKS_CONTENTION_CHARTS_HPP
#define PRIORITY_REDLOCK_BENCHMARKS_CONTENTION_CHARTS_HPP

#include "result.hpp"
#include "scenario.hpp"

#include <array>
#include <string>
#include <string_view>
#include <vector>

namespace contention {

/// A colour, which a page has for a light and for a dark background. In pictures it is the CSS variable `--name`.
struct ink
{
    std::string_view name;
    std::string_view on_light;
    std::string_view on_dark;
};

/// The first four tell lines apart, for the colour-blind too (after Okabe and Ito).
inline constexpr std::array inks{
    ink{"blue", "#0072b2", "#5ab4f0"},   ink{"orange", "#d55e00", "#ff9a5c"}, ink{"green", "#008a63", "#3fd0a4"},
    ink{"purple", "#a0407f", "#e29ac6"}, ink{"red", "#c00000", "#ff7b7b"},    ink{"text", "#404040", "#c8c8c8"},
    ink{"axis", "#707070", "#8c8c8c"},   ink{"grid", "#d8d8d8", "#3c3c3c"},
};

/// What a kind of line or area stands for.
struct key_entry
{
    std::string meaning;
    std::string_view colour; ///< the name of an ink
    bool dashed = false;
};

struct panel
{
    std::string title;
    int width = 0;
    int height = 0;
    std::string drawing; ///< what is to be inside of an svg element
};

/// Panels that are read alike.
struct chart
{
    std::string id;
    std::string title;
    std::string caption; ///< how to read it
    std::vector<key_entry> key;
    std::vector<panel> panels; ///< empty: there was nothing to draw
};

/// How long who waited and what was completed over time, with a panel for each group; and who held the hot resource,
/// with a panel for each run.
/// @throws std::runtime_error gnuplot failed
[[nodiscard]] std::vector<chart> draw_charts(const scenario& s, const std::vector<run_result>& runs);

/// A mark on an axis.
struct tick
{
    double at;
    std::string label;
};

/// From 0 to that much at most: about five, whose labels all differ.
[[nodiscard]] std::vector<tick> linear_ticks(double most);

/// Powers of ten, from below the one time to above the other.
[[nodiscard]] std::vector<tick> time_ticks(double least_us, double most_us);

} // namespace contention

#endif
