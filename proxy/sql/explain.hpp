// EXPLAIN, taken apart. Off the hot path: for sessions that ask for it.
#pragma once

#include <optional>
#include <string_view>

namespace pgweir::sql {

struct Explanation {
    std::string_view statement;  // what is explained, with the comments before it: a slice of the text
    bool is_text = true;  // the plan comes as lines; false: as one document (JSON, XML, YAML), or it is not understood
};

// Nothing when the text does not begin with EXPLAIN. Of several statements the last ones are in `statement`, too.
[[nodiscard]] std::optional<Explanation> read_explain(std::string_view text, bool standard_strings) noexcept;

}  // namespace pgweir::sql
