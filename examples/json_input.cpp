// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "json_input.hpp"

#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/stream_parser.hpp>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <fstream>
#include <system_error>
#include <vector>

namespace json_input {
namespace {

using priority_redlock::duration;

constexpr double longest_time = 3'600'000; // an hour
constexpr std::size_t largest_file = 1'000'000;

/// As JSON writes it, but 1000 and not 1E3.
[[nodiscard]] std::string text(double number)
{
    char buffer[32];
    return {buffer, std::to_chars(buffer, buffer + sizeof buffer, number, std::chars_format::general, 10).ptr};
}

/// A position in the text, for people.
[[nodiscard]] std::string place(std::string_view text, std::size_t position)
{
    const std::string_view before = text.substr(0, position);
    const auto line = 1 + std::ranges::count(before, '\n');
    const std::size_t column = before.size() - (before.rfind('\n') + 1); // npos + 1 is 0
    return "line " + std::to_string(line) + ", column " + std::to_string(column + 1);
}

/// What at a position is not JSON.
[[nodiscard]] std::string explain(std::string_view text, std::size_t position, boost::system::error_code error)
{
    const std::string_view rest = text.substr(position);
    const auto last = text.substr(0, position).find_last_not_of(" \t\r\n");
    if (text.starts_with("\xef\xbb\xbf"))
        return "a byte order mark (BOM); save the file as UTF-8 without one";
    if (text.starts_with("\xff\xfe") || text.starts_with("\xfe\xff"))
        return "UTF-16; save the file as UTF-8";
    if (rest.starts_with("//") || rest.starts_with("/*") || rest.starts_with('#'))
        return "a comment, which JSON does not have";
    if (rest.starts_with('\''))
        return "a single quote; texts are in double quotes";
    if ((rest.starts_with('}') || rest.starts_with(']')) && last != text.npos && text[last] == ',')
        return "a comma with nothing after it";
    return error.message();
}

/// Notes on which line of a text, which is JSON and is parsed line by line, each part of it begins.
class line_finder
{
public:
    static constexpr std::size_t max_object_size = std::size_t(-1);
    static constexpr std::size_t max_array_size = std::size_t(-1);
    static constexpr std::size_t max_key_size = std::size_t(-1);
    static constexpr std::size_t max_string_size = std::size_t(-1);

    explicit line_finder(std::map<std::string, std::size_t, std::less<>>& lines) : lines_(lines) {}

    using error_code = boost::system::error_code;

    bool on_document_begin(error_code&) { return true; }
    bool on_document_end(error_code&) { return true; }
    bool on_object_begin(error_code&) { return open(false); }
    bool on_object_end(std::size_t, error_code&) { return close(); }
    bool on_array_begin(error_code&) { return open(true); }
    bool on_array_end(std::size_t, error_code&) { return close(); }
    bool on_key_part(std::string_view part, std::size_t, error_code&)
    {
        key_ += part;
        return true;
    }
    bool on_key(std::string_view rest, std::size_t, error_code&)
    {
        path_ = at(open_.back().path, key_.append(rest));
        key_.clear();
        if (!lines_.emplace(path_, line).second)
            refuse("line " + std::to_string(line), path_ + ": named before, on line " + std::to_string(lines_[path_]));
        return true;
    }
    bool on_string_part(std::string_view, std::size_t, error_code&) { return true; }
    bool on_string(std::string_view, std::size_t, error_code&) { return value(); }
    bool on_number_part(std::string_view, error_code&) { return true; }
    bool on_int64(std::int64_t, std::string_view, error_code&) { return value(); }
    bool on_uint64(std::uint64_t, std::string_view, error_code&) { return value(); }
    bool on_double(double, std::string_view, error_code&) { return value(); }
    bool on_bool(bool, error_code&) { return value(); }
    bool on_null(error_code&) { return value(); }
    bool on_comment_part(std::string_view, error_code&) { return true; }
    bool on_comment(std::string_view, error_code&) { return true; }

    std::size_t line = 0;

private:
    struct container
    {
        std::string path;
        bool is_list;
        std::size_t size = 0;
    };

    void begin_value()
    {
        if (!open_.empty() && open_.back().is_list) {
            path_ = at(open_.back().path, open_.back().size++);
            lines_.emplace(path_, line);
        }
    }
    bool value()
    {
        begin_value();
        return true;
    }
    bool open(bool is_list)
    {
        begin_value();
        open_.push_back({path_, is_list});
        return true;
    }
    bool close()
    {
        open_.pop_back();
        return true;
    }

    std::map<std::string, std::size_t, std::less<>>& lines_;
    std::vector<container> open_;
    std::string key_;
    std::string path_; // of the value that comes next or is open
};

} // namespace

void refuse(std::string_view where, std::string_view why)
{
    throw input_error(where, why);
}

void refuse(std::string_view where, std::string_view wanted, const json::value& found)
{
    std::string text = found.is_double() ? json_input::text(found.get_double()) : json::serialize(found);
    if (text.size() > longest_name + 2)
        text = found.is_string() ? "a longer text" : found.is_array() ? "a list" : "an object";
    refuse(where, std::string("must be ").append(wanted).append(", not ").append(text));
}

std::string at(std::string_view path, std::string_view name)
{
    return path.empty() ? std::string(name) : std::string(path).append(".").append(name);
}

std::string at(std::string_view path, std::size_t index)
{
    return std::string(path).append("[").append(std::to_string(index)).append("]");
}

const json::object& read_object(const json::value& value, const std::string& path, std::span<const key> keys)
{
    const json::object* const object = value.if_object();
    if (!object)
        refuse(path.empty() ? "the scenario" : path, "an object", value);
    for (const json::key_value_pair& member : *object) {
        if (std::ranges::find(keys, std::string_view(member.key()), &key::name) == keys.end()) {
            std::string names;
            for (const key& k : keys)
                names.append(names.empty() ? "" : ", ").append(k.name);
            refuse(at(path, member.key()), "unknown key; allowed here: " + names);
        }
    }
    for (const key& k : keys) {
        if (k.required && !object->contains(k.name))
            refuse(at(path, k.name), std::string("missing: ").append(k.value));
    }
    return *object;
}

const json::array& read_list(const json::value& value, std::string_view where)
{
    const json::array* const list = value.if_array();
    if (!list || list->empty())
        refuse(where, "a list of at least one", value);
    return *list;
}

std::string read_text(const json::value& value, const std::string& where, std::size_t longest)
{
    const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
    const json::string* const text = value.if_string();
    if (!text || text->empty() || text->size() > longest || std::ranges::any_of(*text, is_control))
        refuse(where, "a text of 1 to " + std::to_string(longest) + " bytes without control characters", value);
    return std::string(*text);
}

duration read_time(const json::value& value, const std::string& where, bool positive)
{
    boost::system::error_code not_a_number;
    const auto ms = value.is_number() ? value.to_number<double>(not_a_number) : -1;
    const auto time = std::chrono::duration_cast<duration>(
        std::chrono::duration<double, std::milli>(std::clamp(ms, 0.0, longest_time)));
    if (not_a_number || ms < 0 || ms > longest_time || (positive && time == duration::zero()))
        refuse(where,
               positive ? "a number of milliseconds, more than 0 and at most 3600000"
                        : "a number of milliseconds from 0 to 3600000",
               value);
    return time;
}

std::int64_t read_integer(const json::value& value, const std::string& where, std::int64_t least, std::int64_t most)
{
    const auto* const integer = value.if_int64();
    if (!integer || *integer < least || *integer > most)
        refuse(where, "an integer from " + std::to_string(least) + " to " + std::to_string(most), value);
    return *integer;
}

double read_number(const json::value& value, const std::string& where, double least, double most)
{
    boost::system::error_code not_a_number;
    const auto number = value.is_number() ? value.to_number<double>(not_a_number) : least - 1;
    if (not_a_number || !(number >= least && number <= most))
        refuse(where, "a number from " + text(least) + " to " + text(most), value);
    return number;
}

void document::refuse(const input_error& error) const
{
    // What is missing is on no line: what it is missing in is.
    std::string path = error.where();
    while (!path.empty() && !lines.contains(path))
        path.resize(path.find_last_of(".[") == std::string::npos ? 0 : path.find_last_of(".["));
    if (path.empty())
        throw error;
    json_input::refuse("line " + std::to_string(lines.find(path)->second), error.what());
}

document read_document(std::string_view text)
{
    json::stream_parser parser;
    boost::system::error_code error;
    const std::size_t parsed = parser.write(text.data(), text.size(), error);
    if (!error)
        parser.finish(error);
    if (error)
        refuse(place(text, parsed), "not JSON: " + explain(text, parsed, error));
    document result{parser.release(), {}};

    json::basic_parser<line_finder> finder(json::parse_options(), result.lines);
    for (std::size_t begin = 0; begin < text.size() && !finder.done();) {
        ++finder.handler().line;
        const std::size_t end = std::min(text.find('\n', begin), text.size() - 1) + 1;
        (void)finder.write_some(true, text.data() + begin, end - begin, error);
        begin = end;
    }
    return result;
}

std::string read_file(const std::string& path)
{
    errno = 0;
    std::ifstream file(path, std::ios::binary);
    std::string text(largest_file + 1, '\0');
    if (!file.read(text.data(), static_cast<std::streamsize>(text.size())) && (!file.eof() || file.bad()))
        refuse(path, "cannot be read: " + std::generic_category().message(errno));
    text.resize(static_cast<std::size_t>(file.gcount()));
    if (text.size() > largest_file)
        refuse(path, "is larger than a megabyte");
    return text;
}

void describe_keys(std::string& result, std::span<const key> keys)
{
    for (const key& k : keys) {
        result.append("  ").append(k.name).append(12 - k.name.size(), ' ');
        result.append(k.required ? "required  " : "          ").append(k.value).append("\n");
    }
}

} // namespace json_input
