// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "report.hpp"

#include "environment.hpp"
#include "table.hpp"

#include <priority_redlock/version.hpp>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <sstream>
#include <string_view>

namespace contention {
namespace {

namespace json = boost::json;

constexpr std::string_view style = R"css(
:root { --paper: #fff; --writing: #222; --faint: #666; --rule: #ddd; --inset: #f5f5f5; color-scheme: light dark; }
@media (prefers-color-scheme: dark) {
    :root { --paper: #16181c; --writing: #dcdcdc; --faint: #a0a0a0; --rule: #3c3c3c; --inset: #22252b; }
}
body { font: 15px/1.5 system-ui, sans-serif; color: var(--writing); background: var(--paper); max-width: 1080px; margin: 2em auto; padding: 0 1em; }
h1 { font-size: 1.5em; line-height: 1.25; margin-bottom: .2em; }
h2 { font-size: 1.15em; margin: 2.2em 0 .4em; }
table { border-collapse: collapse; font-size: 12.5px; font-variant-numeric: tabular-nums; }
caption { text-align: left; padding: .6em 0 .2em; }
th, td { padding: .25em .4em; text-align: right; border-bottom: 1px solid var(--rule); white-space: nowrap; }
thead th { border-bottom: 2px solid var(--faint); }
th:first-child { text-align: left; padding-left: 0; }
tbody th { font-weight: normal; }
.wide { overflow-x: auto; }
.remark { margin: .3em 0; }
.broken { color: var(--red); font-weight: bold; }
.origin, footer { color: var(--faint); font-size: 13px; overflow-wrap: anywhere; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .1em 1em; font-size: 13px; }
dt { font-weight: bold; }
dd { margin: 0; }
figure { margin: 2.5em 0; }
figcaption h2 { margin: 0; }
figcaption p { margin: .2em 0 .4em; }
.key { list-style: none; display: flex; flex-wrap: wrap; gap: .2em 1.5em; margin: 0 0 .8em; padding: 0; font-size: 13px; }
.key span { display: inline-block; width: 2em; border-top: 4px solid; margin-right: .5em; vertical-align: middle; }
.key .dashed { border-top-style: dashed; border-top-width: 3px; }
.panels { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 480px), 1fr)); gap: 1.2em; }
.stack { display: grid; gap: 1.2em; }
.panel { min-width: 0; }
.panel h3 { font-size: 13px; margin: 0; overflow-wrap: anywhere; }
svg { display: block; width: 100%; height: auto; }
pre { background: var(--inset); padding: 1em; overflow-x: auto; font-size: 13px; }
footer { margin-top: 3em; }
)css";

constexpr int widest_in_two_columns = 600;
constexpr std::size_t longest_line = 100; // of the scenario

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

/// The colours of the charts.
void write_inks(std::ostream& out, std::string_view ink::* colour)
{
    out << ":root {";
    for (const ink& each : inks)
        out << " --" << each.name << ": " << each.*colour << ';';
    out << " }";
}

void write_table(std::ostream& out, const table& lines, std::string_view caption = {})
{
    out << "<div class=\"wide\"><table>\n";
    if (!caption.empty())
        out << "<caption>" << escaped(caption) << "</caption>\n";
    const auto write_line = [&out](const std::vector<std::string>& line, bool heading) {
        out << "<tr>";
        for (const std::string& each : line) {
            const bool names = heading || &each == &line.front();
            const char* const end = names ? "</th>" : "</td>";
            out << (!names ? "<td>" : heading ? "<th scope=\"col\">" : "<th scope=\"row\">") << escaped(each) << end;
        }
        out << "</tr>\n";
    };
    out << "<thead>";
    write_line(lines.front(), true);
    out << "</thead>\n<tbody>\n";
    for (std::size_t i = 1; i < lines.size(); ++i)
        write_line(lines[i], false);
    out << "</tbody>\n</table></div>\n";
}

void write_column_meanings(std::ostream& out)
{
    out << "<details open>\n<summary>What the columns say</summary>\n<dl>\n";
    for (const auto& line : column_meanings())
        out << "<dt>" << escaped(line[0]) << "</dt><dd>" << escaped(line[1]) << "</dd>\n";
    out << "<dt>hot resource</dt><dd>the first one, and the most popular one where the choice is zipf</dd>\n"
        << "</dl>\n</details>\n";
}

/// In a box that scrolls where the window is too narrow for it, and with a title for those who don't see it.
void write_panel(std::ostream& out, const chart& c, const panel& p)
{
    out << "<div class=\"panel\">\n<h3>" << escaped(p.title) << "</h3>\n<div class=\"wide\"><svg role=\"img\" style=\""
        << "min-width: " << p.width * 4 / 5 << "px; max-width: " << p.width * 5 / 4 << "px\" viewBox=\"0 0 " << p.width
        << ' ' << p.height << "\" xmlns=\"http://www.w3.org/2000/svg\">\n<title>" << escaped(c.title + ": " + p.title)
        << "</title>\n<desc>" << escaped(c.caption) << "</desc>\n"
        << p.drawing << "</svg></div>\n</div>\n";
}

void write_chart(std::ostream& out, const chart& c)
{
    out << "<figure id=\"" << c.id << "\">\n<figcaption><h2>" << escaped(c.title) << "</h2>\n<p>" << escaped(c.caption)
        << "</p></figcaption>\n<ul class=\"key\">\n";
    for (const key_entry& each : c.key)
        out << "<li><span " << (each.dashed ? "class=\"dashed\" " : "") << "style=\"border-color: var(--" << each.colour
            << ")\"></span>" << escaped(each.meaning) << "</li>\n";
    const bool wide = c.panels.front().width > widest_in_two_columns;
    out << "</ul>\n<div class=\"" << (wide ? "stack" : "panels") << "\">\n";
    for (const panel& each : c.panels)
        write_panel(out, c, each);
    out << "</div>\n</figure>\n";
}

/// As people write it: what fits on a line is on one, and 0.5 is not 5E-1.
void write_pretty(std::string& out, const json::value& value, const std::string& indent = "")
{
    if (const double* number = value.if_double()) {
        char text[32];
        out.append(text, std::to_chars(text, text + sizeof text, *number).ptr);
        return;
    }
    if (!value.is_structured()) {
        out += json::serialize(value);
        return;
    }
    const bool fits = indent.size() + json::serialize(value).size() <= longest_line;
    const std::string deeper = indent + "    ";
    const char* separator = "";
    const auto begin_item = [&] {
        out.append(separator).append(fits ? "" : "\n" + deeper);
        separator = fits ? ", " : ",";
    };
    const bool is_object = value.is_object();
    out += is_object ? '{' : '[';
    if (is_object) {
        for (const auto& [key, member] : value.get_object()) {
            begin_item();
            out.append(json::serialize(key)).append(": ");
            write_pretty(out, member, deeper);
        }
    } else {
        for (const json::value& each : value.get_array()) {
            begin_item();
            write_pretty(out, each, deeper);
        }
    }
    out.append(fits ? "" : "\n" + indent) += is_object ? '}' : ']';
}

[[nodiscard]] std::string pretty(const std::string& source)
{
    std::string text;
    write_pretty(text, json::parse(source));
    return text;
}

} // namespace

std::string write_report(const scenario& s, const origin& from, const std::vector<run_result>& runs,
                         const std::vector<chart>& charts)
{
    const std::string title = escaped(s.title.empty() ? "Contention for locks" : s.title);
    std::ostringstream out;
    out << "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
        << "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>" << title
        << "</title>\n<style>" << style;
    write_inks(out, &ink::on_light);
    out << "\n@media (prefers-color-scheme: dark) { ";
    write_inks(out, &ink::on_dark);
    out << " }\n</style>\n</head>\n<body>\n<h1>" << title << "</h1>\n<p class=\"origin\">priority-redlock "
        << PRIORITY_REDLOCK_VERSION_STRING << ", contention benchmark &middot; " << escaped(from.date)
        << " &middot; <code>" << escaped(from.command) << "</code></p>\n";
    if (std::ranges::any_of(runs, &run_result::interrupted))
        out << "<p class=\"broken\">Interrupted: this is what was measured until then.</p>\n";
    if (runs.size() > 1)
        out << "<h2>Side by side</h2>\n";
    for (std::size_t i = 1; i < runs.size(); ++i)
        write_table(out, comparison_table(runs.front(), runs[i]), comparison_title(runs.front(), runs[i]));
    for (const run_result& r : runs) {
        out << "<h2>" << escaped(headline(r)) << "</h2>\n";
        write_table(out, group_table(r));
        for (const std::string& each : remarks(r))
            out << "<p class=\"remark" << (each.starts_with("EXCLUSION") ? " broken" : "") << "\">" << escaped(each)
                << "</p>\n";
    }
    write_column_meanings(out);
    for (const chart& c : charts)
        if (!c.panels.empty())
            write_chart(out, c);
    out << "<h2>The scenario</h2>\n<pre>" << escaped(pretty(from.source)) << "</pre>\n<p>Played for "
        << std::chrono::duration<double>(s.length).count() << " s on " << s.threads
        << (s.threads == 1 ? " thread" : " threads") << " with " << s.resources
        << (s.resources == 1 ? " resource" : " resources") << " and the seed " << s.seed << ".</p>\n<footer>"
        << escaped(describe_environment()) << "</footer>\n</body>\n</html>\n";
    return out.str();
}

} // namespace contention
