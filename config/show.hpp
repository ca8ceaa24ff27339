// The configuration as rows of text: the console's SHOW CONFIG.
#pragma once

#include <string>
#include <vector>

#include "config/config.hpp"

namespace pgweir::config {

struct ShowRow {
    std::string key;            // "proxy.listen_port", "server.NAME.host"
    std::string value;          // as it would be written in the file, without quotes; a password is "<hidden>" or empty
    std::string default_value;  // empty where there is none
    bool changeable = false;    // by RELOAD, without a restart
};

// Every option of every section, server, database and user, in the order of the table of options.
[[nodiscard]] std::vector<ShowRow> show(const Config& config);

}  // namespace pgweir::config
