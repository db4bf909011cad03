// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "node_peers.hpp"

#include "process.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <filesystem>

namespace contention {

std::string why_no_node_peers(const std::string& directory)
{
    if (directory.empty())
        return "--peers does not say where they are";
    if (!has_program("node"))
        return "there is no Node: install the package nodejs";
    if (!std::filesystem::exists(directory + "/node_modules"))
        return "their packages are missing: run npm ci in " + directory;
    return {};
}

run_result run_node_peer(const std::string& name, const std::string& directory, const scenario& s,
                         interruption& interrupt)
{
    const temporary_directory files;
    const std::string file = files.add("scenario.json", boost::json::serialize(to_json(s)));
    const std::string result = run_program({"node", directory + "/driver.js", name, file}, &interrupt);
    return run_result_from_json(boost::json::parse(result));
}

} // namespace contention
