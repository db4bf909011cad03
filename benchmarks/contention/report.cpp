// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "report.hpp"

#include "environment.hpp"
#include "table.hpp"

#include <chrono>
#include <sstream>
#include <string_view>

namespace contention {
namespace {

constexpr std::string_view style = R"css(
body { font: 15px/1.5 system-ui, sans-serif; color: #222; background: #fff; max-width: 1080px; margin: 2em auto; padding: 0 1em; }
h1 { font-size: 1.5em; line-height: 1.25; }
h2 { font-size: 1.15em; margin: 2.2em 0 .4em; }
table { border-collapse: collapse; font-size: 12.5px; font-variant-numeric: tabular-nums; }
th, td { padding: .25em .5em; text-align: right; border-bottom: 1px solid #ddd; white-space: nowrap; }
th { border-bottom: 2px solid #888; }
th:first-child, td:first-child { text-align: left; padding-left: 0; }
.wide { overflow-x: auto; }
.broken { color: #c00000; font-weight: bold; }
figure { margin: 1.5em 0 2.5em; }
figcaption { margin-bottom: .4em; }
svg { width: 100%; height: auto; display: block; }
pre { background: #f5f5f5; padding: 1em; overflow-x: auto; font-size: 13px; }
footer { color: #666; font-size: 13px; margin-top: 3em; }
)css";

[[nodiscard]] std::string escaped(std::string_view text)
{
    std::string result;
    for (const char c : text) {
        switch (c) {
        case '&': result += "&amp;"; break;
        case '<': result += "&lt;"; break;
        case '>': result += "&gt;"; break;
        case '"': result += "&quot;"; break;
        default: result += c;
        }
    }
    return result;
}

void write_table(std::ostream& out, const table& lines)
{
    out << "<div class=\"wide\"><table>\n";
    for (const auto& line : lines) {
        const char* const cell = &line == &lines.front() ? "th" : "td";
        out << "<tr>";
        for (const std::string& each : line)
            out << '<' << cell << '>' << escaped(each) << "</" << cell << '>';
        out << "</tr>\n";
    }
    out << "</table></div>\n";
}

} // namespace

std::string write_report(const scenario& s, const std::string& source, const std::vector<run_result>& runs,
                         const std::vector<chart>& charts)
{
    const std::string title = escaped(s.title.empty() ? "Contention for locks" : s.title);
    std::ostringstream out;
    out << "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
        << "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>" << title
        << "</title>\n<style>" << style << "</style>\n</head>\n<body>\n<h1>" << title << "</h1>\n";
    if (runs.size() > 1) {
        out << "<h2>Side by side</h2>\n";
        write_table(out, comparison_table(runs));
    }
    for (const run_result& r : runs) {
        out << "<h2>" << escaped(headline(r)) << "</h2>\n";
        write_table(out, group_table(r));
        for (const std::string& each : remarks(r))
            out << "<p" << (each.starts_with("EXCLUSION") ? " class=\"broken\"" : "") << '>' << escaped(each)
                << "</p>\n";
    }
    for (const chart& c : charts)
        if (!c.svg.empty())
            out << "<figure id=\"" << c.id << "\">\n<figcaption><strong>" << escaped(c.title) << ".</strong> "
                << escaped(c.caption) << "</figcaption>\n"
                << c.svg << "</figure>\n";
    out << "<h2>The scenario</h2>\n<pre>" << escaped(source) << "</pre>\n<p>Played for "
        << std::chrono::duration<double>(s.length).count() << " s on " << s.threads
        << (s.threads == 1 ? " thread" : " threads") << " with " << s.resources
        << (s.resources == 1 ? " resource" : " resources") << " and the seed " << s.seed << ".</p>\n<footer>"
        << escaped(describe_environment()) << "</footer>\n</body>\n</html>\n";
    return out.str();
}

} // namespace contention
