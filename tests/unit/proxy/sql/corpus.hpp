// The statements of plain_reads.sql and non_reads.sql.
#pragma once

#include <algorithm>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

namespace pgweir::sql::test {

inline std::vector<std::string> read_corpus(const std::string& file) {
    std::ifstream in(PGWEIR_SOURCE_DIR "/tests/unit/proxy/sql/" + file);
    std::string all{std::istreambuf_iterator<char>(in), {}};
    std::vector<std::string> statements;
    for (std::size_t at = 0; at < all.size();) {
        const std::size_t end = std::min(all.find(";\n", at), all.size());
        statements.push_back(all.substr(at, end - at));
        at = end + 2;
    }
    return statements;
}

}  // namespace pgweir::sql::test
