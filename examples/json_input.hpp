// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

// Reads what people write by hand as JSON, and says what is wrong so that they can put it right: the line and column or
// the path of the key, what is allowed there, and what was found. Shared by the demo and the contention benchmark.

#ifndef PRIORITY_REDLOCK_EXAMPLES_JSON_INPUT_HPP
#define PRIORITY_REDLOCK_EXAMPLES_JSON_INPUT_HPP

#include <priority_redlock/acquire_options.hpp>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>

namespace json_input {

namespace json = boost::json;

/// The input is wrong. The message says where: line and column, or the path of a key.
class input_error : public std::runtime_error
{
public:
    input_error(std::string_view where, std::string_view why)
        : std::runtime_error(std::string(where).append(": ").append(why)), where_(where)
    {
    }

    [[nodiscard]] const std::string& where() const noexcept { return where_; }

private:
    std::string where_;
};

/// What was read, and the line on which each part of it begins, by its path.
struct document
{
    json::value value;
    std::map<std::string, std::size_t, std::less<>> lines;

    /// Throws the error anew, with the line of the place that it names.
    [[noreturn]] void refuse(const input_error& error) const;
};

/// A key of an object, and what its value means, for people.
struct key
{
    std::string_view name;
    bool required;
    std::string_view value;
};

constexpr std::size_t longest_name = 40;

[[noreturn]] void refuse(std::string_view where, std::string_view why);

/// Says what was wanted, and what was found instead.
[[noreturn]] void refuse(std::string_view where, std::string_view wanted, const json::value& found);

/// The path of a member of the object at `path`; of an element of the list at `path`.
[[nodiscard]] std::string at(std::string_view path, std::string_view name);
[[nodiscard]] std::string at(std::string_view path, std::size_t index);

/// The value, after checking that it is an object with all the keys it must have and none it cannot have.
[[nodiscard]] const json::object& read_object(const json::value& value, const std::string& path,
                                              std::span<const key> keys);

/// A list of at least one element.
[[nodiscard]] const json::array& read_list(const json::value& value, std::string_view where);

/// A text without control characters, which would garble the terminal.
[[nodiscard]] std::string read_text(const json::value& value, const std::string& where,
                                    std::size_t longest = longest_name);

/// A number of milliseconds, up to an hour.
[[nodiscard]] priority_redlock::duration read_time(const json::value& value, const std::string& where,
                                                   bool positive = false);

[[nodiscard]] std::int64_t read_integer(const json::value& value, const std::string& where, std::int64_t least,
                                        std::int64_t most);
[[nodiscard]] double read_number(const json::value& value, const std::string& where, double least, double most);

/// Parses the text. @throws input_error it is not JSON, or names a key twice; says at which line and column.
[[nodiscard]] document read_document(std::string_view text);
[[nodiscard]] inline json::value read_json(std::string_view text)
{
    return read_document(text).value;
}

/// The text of a file of at most a megabyte. @throws input_error begins with the path.
[[nodiscard]] std::string read_file(const std::string& path);

/// Appends a line for each key.
void describe_keys(std::string& result, std::span<const key> keys);

} // namespace json_input

#endif
