// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "terminal.hpp"

#include <locale.h>
#include <unistd.h>
#include <wchar.h>

#include <algorithm>
#include <cstdlib>

namespace terminal {
namespace {

/// While it lives, the C library reads and measures UTF-8, whatever the locale of the user.
class utf8_locale
{
public:
    utf8_locale() : before_(uselocale(utf8())) {}
    utf8_locale(const utf8_locale&) = delete;
    utf8_locale& operator=(const utf8_locale&) = delete;
    ~utf8_locale() { uselocale(before_); }

private:
    static locale_t utf8()
    {
        static const locale_t result = newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
        return result;
    }

    locale_t before_;
};

/// The first so many columns of the text at most. Sets `columns` to those that they are.
[[nodiscard]] std::string_view beginning(std::string_view text, std::size_t& columns)
{
    const utf8_locale locale;
    const std::size_t room = columns;
    mbstate_t state = {};
    std::size_t end = 0;
    for (columns = 0; end < text.size();) {
        wchar_t c = 0;
        std::size_t bytes = mbrtowc(&c, text.data() + end, text.size() - end, &state);
        std::size_t wide = 1;
        if (bytes == 0 || bytes > text.size() - end) { // no UTF-8: a byte is a column
            bytes = 1;
            state = {};
        } else {
            wide = static_cast<std::size_t>(std::max(0, wcwidth(c)));
        }
        if (columns + wide > room)
            break;
        columns += wide;
        end += bytes;
    }
    return text.substr(0, end);
}

} // namespace

std::size_t width(std::string_view text)
{
    auto columns = static_cast<std::size_t>(-1);
    (void)beginning(text, columns);
    return columns;
}

std::string capped(std::string_view text, std::size_t columns)
{
    if (width(text) <= columns)
        return std::string(text);
    --columns;
    return std::string(beginning(text, columns)) + "…";
}

std::string padded(std::string_view text, std::size_t columns)
{
    std::string result = capped(text, columns);
    result.append(columns - width(result), ' ');
    return result;
}

std::string short_token(std::uint64_t token)
{
    const std::string digits = std::to_string(token);
    return digits.size() <= 5 ? digits : "…" + digits.substr(digits.size() - 5);
}

bool wants_colour()
{
    const char* const no_colour = std::getenv("NO_COLOR");
    return isatty(STDOUT_FILENO) && (!no_colour || !*no_colour);
}

} // namespace terminal
