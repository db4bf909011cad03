// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

// The addresses of nodes, which users write: HOST:PORT, or a URL that says how to log in and whether TLS is used.

#include <priority_redlock/redis_url.hpp>

#include <boost/system/system_error.hpp>
#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>

#include <algorithm>
#include <charconv>
#include <string>
#include <utility>

namespace priority_redlock {

namespace urls = boost::urls;

namespace {

const char* text_of(int value) noexcept
{
    switch (static_cast<redis_url_errc>(value)) {
    case redis_url_errc::empty: return "the address of a node is missing; write host:port or redis://host:port";
    case redis_url_errc::scheme: return "the scheme must be redis:// or, for TLS, rediss://";
    case redis_url_errc::user_or_password:
        return "in the user and the password, percent-encode all characters except letters, digits and -._~, e.g. %40 "
               "for @ and %2F for /";
    case redis_url_errc::host:
        return "the host must be a name, an IPv4 address, or an IPv6 address in brackets, e.g. [::1]:6379";
    case redis_url_errc::port: return "the port must be a number from 1 to 65535";
    case redis_url_errc::database: return "the path must be empty or the number of a database, e.g. /0";
    case redis_url_errc::query: return "a node's URL has no part after ? or #; percent-encode these in a password";
    }
    return "unknown error in the URL of a node";
}

class url_category final : public boost::system::error_category
{
public:
    constexpr url_category() noexcept : boost::system::error_category(0x51c8e07f29b6d3a4) {}

    const char* name() const noexcept override { return "priority_redlock.redis_url"; }
    std::string message(int value) const override { return text_of(value); }
    const char* message(int value, char*, std::size_t) const noexcept override { return text_of(value); }
};

constexpr url_category the_category;

constexpr std::string_view plain = "redis://";
constexpr std::string_view tls = "rediss://";

bool is_number(std::string_view text)
{
    return std::all_of(text.begin(), text.end(), [](char c) { return '0' <= c && c <= '9'; });
}

bool is_url(std::string_view authority_and_path)
{
    return urls::parse_uri(std::string(plain).append(authority_and_path)).has_value();
}

// Which part makes it no URL, since Boost.URL says only that it is none. What it is given follows the scheme.
redis_url_errc wrong_part(std::string_view text)
{
    if (const auto at = text.rfind('@'); at != text.npos) {
        text.remove_prefix(at + 1);
        if (is_url(text))
            return redis_url_errc::user_or_password;
    }
    const auto authority_end = std::min(text.find_first_of("/?#"), text.size());
    const std::string_view authority = text.substr(0, authority_end);
    if (is_url(authority))
        return text[authority_end] == '/' ? redis_url_errc::database : redis_url_errc::query;

    const auto host_end = authority.starts_with('[') ? authority.find(']') : 0;
    const auto colon = authority.find(':', std::min(host_end, authority.size()));
    if (colon == authority.npos)
        return redis_url_errc::host;
    const std::string_view port = authority.substr(colon + 1);
    const bool address_without_brackets = port.find(':') != port.npos;
    return address_without_brackets || is_number(port) ? redis_url_errc::host : redis_url_errc::port;
}

boost::redis::config read(const urls::url_view& url, error_code& error)
{
    boost::redis::config result;

    // A user or a password with a slash in it ends up in the path.
    if (url.encoded_path().contains('@')) {
        error = redis_url_errc::user_or_password;
        return {};
    }
    if (!url.user().empty())
        result.username = url.user();
    result.password = url.password();

    if (url.host().empty() || url.host_type() == urls::host_type::ipvfuture) {
        error = redis_url_errc::host;
        return {};
    }
    result.addr.host = url.host_address();
    if (!url.encoded_zone_id().empty()) // host_address() is garbled then (Boost 1.92)
        result.addr.host = url.host_ipv6_address().to_string() + '%' + url.zone_id();

    if (!url.port().empty()) {
        if (url.port_number() == 0) {
            error = redis_url_errc::port;
            return {};
        }
        result.addr.port = std::to_string(url.port_number());
    }

    if (std::string path = url.path(); path.size() > 1) {
        path.erase(0, 1);
        int database = 0;
        const auto status = std::from_chars(path.data(), path.data() + path.size(), database).ec;
        if (!is_number(path) || status != std::errc()) {
            error = redis_url_errc::database;
            return {};
        }
        result.database_index = database;
    }

    if (url.has_query() || url.has_fragment()) {
        error = redis_url_errc::query;
        return {};
    }
    return result;
}

std::string_view without_login(std::string_view url)
{
    return url.substr(url.rfind('@') + 1); // npos + 1 is 0
}

} // namespace

const boost::system::error_category& redis_url_category() noexcept
{
    return the_category;
}

boost::redis::config parse_redis_url(std::string_view url, error_code& error)
{
    error = {};
    if (url.empty()) {
        error = redis_url_errc::empty;
        return {};
    }
    const bool use_ssl = url.starts_with(tls);
    if (use_ssl)
        url.remove_prefix(tls.size());
    else if (url.starts_with(plain))
        url.remove_prefix(plain.size());
    else if (url.find("://") != url.npos) {
        error = redis_url_errc::scheme;
        return {};
    }
    const std::string whole = std::string(plain).append(url);
    const auto parsed = urls::parse_uri(whole);
    if (!parsed) {
        error = wrong_part(url);
        return {};
    }
    boost::redis::config result = read(*parsed, error);
    result.use_ssl = use_ssl && !error;
    return result;
}

boost::redis::config parse_redis_url(std::string_view url)
{
    error_code error;
    boost::redis::config result = parse_redis_url(url, error);
    if (error)
        throw boost::system::system_error(error, "'" + std::string(without_login(url)) + "'");
    return result;
}

std::vector<boost::redis::config> parse_redis_nodes(std::string_view list)
{
    std::vector<boost::redis::config> result;
    for (bool more = true; more;) {
        const auto comma = list.find(',');
        more = comma != list.npos;
        std::string_view url = list.substr(0, comma);
        list.remove_prefix(more ? comma + 1 : list.size());

        url.remove_prefix(std::min(url.find_first_not_of(' '), url.size()));
        url.remove_suffix(url.size() - (url.find_last_not_of(' ') + 1)); // npos + 1 is 0
        result.push_back(parse_redis_url(url));
    }
    return result;
}

} // namespace priority_redlock
